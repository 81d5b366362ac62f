// SPDX-License-Identifier: GPL-3.0-or-later

/** Names of a circuit's signals. */
export interface Symbols {
  /** The signal on a wire; where several share one, the outermost; `wire N` where the file names none. */
  nameOf(wire: number): string;
  /** Wires of the main component's signal of that name, every element of it when it is an array. */
  wiresOf(signal: string): number[];
  /**
   * Elements of the main component's signal of that name that the compiler has replaced by a sum of others.
   */
  replacedOf(signal: string): string[];
}

/**
 * Reads circom's `.sym` file: lines `label,wire,component,name`; wire -1 is a signal that the compiler has
 * replaced.
 */
export function readSymbols(text: string): Symbols {
  const names = new Map<number, string>();
  const wires = new Map<string, number[]>();
  const replaced = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [, at = "-1", , name = ""] = line.split(",");
    const wire = Number(at);
    if (name === "") continue;
    const short = name.replace(/^main\./, "");
    const signal = short.replace(/\[.*$/, "");
    const isOfMain = !short.includes(".");
    if (wire < 0) {
      if (isOfMain) append(replaced, signal, short);
      continue;
    }
    if (depthOf(short) < depthOf(names.get(wire))) names.set(wire, short);
    if (isOfMain) append(wires, signal, wire);
  }
  return {
    nameOf: (wire) => names.get(wire) ?? `wire ${wire}`,
    wiresOf: (signal) => wires.get(signal) ?? [],
    replacedOf: (signal) => replaced.get(signal) ?? [],
  };
}

function depthOf(name: string | undefined): number {
  return name === undefined ? Number.POSITIVE_INFINITY : name.split(".").length;
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
