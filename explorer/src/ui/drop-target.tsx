// SPDX-License-Identifier: MIT
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { navigate } from "../state/router.ts";

/** A file that was brought to be checked. It does not leave the browser. */
export interface BroughtFile {
  name: string;
  text: string;
}

const MAX_FILE_BYTES = 5_000_000;

/** The last file that was brought. */
export const brought = signal<BroughtFile | { name: string; problem: string } | null>(null);

/** Takes a file to the page that checks it. */
export async function bring(file: File): Promise<void> {
  if (file.size > MAX_FILE_BYTES) {
    brought.value = { name: file.name, problem: `It is larger than ${MAX_FILE_BYTES / 1_000_000} MB.` };
  } else {
    brought.value = { name: file.name, text: await file.text() };
  }
  navigate("/check");
}

/** Files dropped anywhere on the page are checked. */
export function DropTarget({ children }: { children: ComponentChildren }) {
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) void bring(file);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button on "Check a file" does the same
    <div
      class={isOver ? "page dropping" : "page"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (event.relatedTarget === null) setOver(false);
      }}
      onDrop={drop}
    >
      {children}
      {isOver && <p class="drop-hint">Drop a receipt or a bundle to check it</p>}
    </div>
  );
}
