// SPDX-License-Identifier: MIT
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { navigate, place } from "../state/router.ts";
import { setTheme, type Theme, theme } from "../state/settings.ts";

const SECTIONS = [
  ["/", "Overview"],
  ["/claims", "Claims"],
  ["/batches", "Batches"],
  ["/operators", "Operators"],
  ["/models", "Models"],
  ["/policies", "Policies"],
  ["/challenges", "Challenges"],
  ["/requests", "Requests"],
  ["/check", "Check a file"],
] as const;

const THEMES: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

/** Name, search and the way to every list. */
export function PageHead() {
  const { path } = place.value;
  const sections = useRef<HTMLUListElement>(null);
  useEffect(() => showCurrent(sections.current), [path]);
  return (
    <header class="head">
      <div class="head-row">
        <a class="brand" href="/">
          <svg viewBox="0 0 32 16" aria-hidden="true">
            <rect x="1" y="2" width="9" height="12" rx="2" />
            <rect x="22" y="2" width="9" height="12" rx="2" />
            <path d="M13 8h6" />
          </svg>
          Meantime
        </a>
        <SearchField />
        <button
          type="button"
          class="theme"
          onClick={() => setTheme(THEMES[theme.value])}
          aria-label={`Theme: ${theme.value}. Change it`}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <circle cx="8" cy="8" r="6.5" />
            <path d="M8 1.5a6.5 6.5 0 0 1 0 13z" />
          </svg>
          {theme.value}
        </button>
      </div>
      <nav aria-label="Sections">
        <ul ref={sections}>
          {SECTIONS.map(([href, name]) => {
            const isHere = href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`);
            return (
              <li key={href}>
                <a href={href} {...(isHere ? { "aria-current": "page" as const } : {})}>
                  {name}
                </a>
              </li>
            );
          })}
        </ul>
      </nav>
    </header>
  );
}

/** On a phone not all sections fit: the one that is open is brought into the middle. */
function showCurrent(list: HTMLElement | null): void {
  const here = list?.querySelector<HTMLElement>("[aria-current]");
  if (!list || !here) return;
  const { left, width } = here.getBoundingClientRect();
  list.scrollLeft += left - list.getBoundingClientRect().left - (list.clientWidth - width) / 2;
}

function SearchField() {
  const wanted = useSignal("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const query = wanted.value.trim();
    if (query !== "") navigate(`/search?q=${encodeURIComponent(query)}`);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is not in every browser that reads it out
    <form role="search" class="search" onSubmit={submit}>
      <input
        type="search"
        aria-label="Search by claim, batch, transaction or address"
        placeholder="Claim, batch, transaction, address"
        spellcheck={false}
        autocomplete="off"
        value={wanted.value}
        onInput={(event) => {
          wanted.value = event.currentTarget.value;
        }}
      />
      <button type="submit">Search</button>
    </form>
  );
}
