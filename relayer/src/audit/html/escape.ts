// SPDX-License-Identifier: GPL-3.0-or-later

/** Markup that needs no more escaping. Made by {@link html} alone. */
export interface Markup {
  markup: string;
}

/** What may stand in a template: text and numbers are escaped, markup is not, lists are put one after the other. */
export type Part = string | number | Markup | readonly Part[];

/** A template whose parts are escaped: nothing that a stranger wrote becomes markup. */
export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return {
    markup: template.map((text, at) => text + (at < parts.length ? written(parts[at] ?? "") : "")).join(""),
  };
}

function written(part: Part): string {
  if (typeof part === "object" && "markup" in part) return part.markup;
  if (typeof part === "object") return part.map(written).join("");
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
