// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { useEffect, useState } from "preact/hooks";
import { shortId } from "../format.ts";
import { modelNames, wantModelNames } from "../state/model-names.ts";

/** What an id is the id of, and so where it leads. */
export type IdKind = "claims" | "batches" | "operators" | "models" | "policies" | "requests";

const SHOWN_MS = 1_500;

/** An id, shortened, that leads to its page. */
export function IdLink({ kind, id }: { kind: IdKind; id: Hex }) {
  return (
    <a class="id" href={`/${kind}/${id}`} title={id}>
      {shortId(id)}
    </a>
  );
}

/** A model by its name, where the index has said one. */
export function ModelLink({ id }: { id: Hex }) {
  useEffect(() => void wantModelNames(), []);
  const name = modelNames.value.get(id);
  if (name === undefined) return <IdLink kind="models" id={id} />;
  return (
    <a href={`/models/${id}`} title={id}>
      {name}
    </a>
  );
}

/** An id that has no page of its own, shortened, with a button that copies all of it. */
export function ShortId({ id }: { id: Hex }) {
  return (
    <span class="full-id">
      <code title={id}>{shortId(id)}</code>
      <CopyButton value={id} />
    </span>
  );
}

/** An id in full, with a button that copies it. */
export function FullId({ id, kind }: { id: Hex; kind?: IdKind }) {
  return (
    <span class="full-id">
      {kind === undefined ? (
        <code>{id}</code>
      ) : (
        <a href={`/${kind}/${id}`}>
          <code>{id}</code>
        </a>
      )}
      <CopyButton value={id} />
    </span>
  );
}

function CopyButton({ value }: { value: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(value).catch(() => undefined);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <button type="button" class="copy" onClick={copy} aria-label={`Copy ${value}`}>
      {isCopied ? "copied" : "copy"}
    </button>
  );
}
