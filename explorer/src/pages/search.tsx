// SPDX-License-Identifier: MIT
import { useEffect } from "preact/hooks";
import { ask } from "../api/client.ts";
import { type Hit, searchAnswer } from "../api/rows.ts";
import { useResource } from "../state/resource.ts";
import { navigate, place } from "../state/router.ts";
import { Empty, Loaded } from "../ui/conditions.tsx";

/** Where things of a kind are shown, by the index' word for the kind. */
const SECTIONS: Record<string, string> = {
  claim: "claims",
  receipt: "claims",
  batch: "batches",
  operator: "operators",
  model: "models",
  policy: "policies",
  request: "requests",
  transaction: "transactions",
};

/** What is known by an id, a transaction or an address. A single hit is gone to at once. */
export function SearchPage() {
  const wanted = (place.value.query.get("q") ?? "").trim();
  const found = useResource(`search ${wanted}`, (signal) =>
    wanted === "" ? Promise.resolve([]) : ask("/search", searchAnswer, { q: wanted }, signal),
  );
  const links = found.value?.flatMap(linkOf);
  const only = links?.length === 1 ? links[0] : undefined;
  useEffect(() => {
    if (only !== undefined) navigate(only.href, { replace: true });
  }, [only?.href]);
  return (
    <>
      <h1>Search</h1>
      <p class="page-id">
        <code>{wanted}</code>
      </p>
      <Loaded of={found}>
        {() =>
          links === undefined || links.length === 0 ? (
            <Empty title="Nothing found">
              Search by a whole id of a claim, batch, model, policy or request, by a transaction's hash or by
              an address.
            </Empty>
          ) : (
            <ul class="hits">
              {links.map(({ kind, id, href }) => (
                <li key={href}>
                  <a href={href}>
                    {kind} <code>{id}</code>
                  </a>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}

function linkOf({ kind, id }: Hit): (Hit & { href: string })[] {
  if (kind === "requester" || kind === "address")
    return [{ kind: "claims for", id, href: `/claims?requester=${encodeURIComponent(id)}` }];
  const section = Object.hasOwn(SECTIONS, kind) ? SECTIONS[kind] : undefined;
  return section === undefined ? [] : [{ kind, id, href: `/${section}/${encodeURIComponent(id)}` }];
}
