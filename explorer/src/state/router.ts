// SPDX-License-Identifier: MIT
import { signal } from "@preact/signals";

/** Where the visitor is. */
export interface Place {
  path: string;
  query: URLSearchParams;
}

/** The place now. */
export const place = signal<Place>(placeNow());

/** Goes to a path of this page. */
export function navigate(href: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  place.value = placeNow();
  if (!replace) window.scrollTo(0, 0);
}

/** The same place with other query parameters; empty ones are dropped. */
export function withQuery(changes: Record<string, string>): string {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return text === "" ? place.value.path : `${place.value.path}?${text}`;
}

/** Follows links to this page without loading it again, and the browser's back and forward. */
export function followLinks(): void {
  addEventListener("popstate", () => {
    place.value = placeNow();
  });
  document.addEventListener("click", (event) => {
    const isPlain =
      event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const anchor = event.target instanceof Element ? event.target.closest("a") : null;
    if (!isPlain || event.defaultPrevented || anchor === null || !isOurs(anchor)) return;
    event.preventDefault();
    navigate(anchor.pathname + anchor.search);
  });
}

function isOurs(anchor: HTMLAnchorElement): boolean {
  if (anchor.hasAttribute("download") || anchor.target !== "" || anchor.hash !== "") return false;
  return anchor.origin === location.origin && anchor.dataset.leaves === undefined;
}

function placeNow(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}
