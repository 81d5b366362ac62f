// SPDX-License-Identifier: MIT
import { Interface } from "ethers";
import type { CompiledContract, StorageLayout, StorageMember } from "../solidity/build-info.ts";

/** What must not change unnoticed about a contract, one fact a line; empty where there is nothing of the kind. */
export function contractText({ name, sourceName, abi, storageLayout }: CompiledContract): string {
  const contract = new Interface(abi);
  const functions: string[] = [];
  const errors: string[] = [];
  const events: string[] = [];
  contract.forEachFunction((f) => functions.push(`${f.selector} ${f.format("minimal")}`));
  contract.forEachError((e) => errors.push(`${e.selector} ${e.format("sighash")}`));
  contract.forEachEvent((e) => events.push(`${e.topicHash} ${e.format("minimal")}`));
  const sections = [
    section("storage", storageLines(storageLayout)),
    section("functions", functions.sort(bySignature)),
    section("errors", errors.sort(bySignature)),
    section("events", events.sort(bySignature)),
  ].filter((text) => text !== "");
  return sections.length > 0 ? `${name} (${sourceName})\n${sections.join("")}` : "";
}

function section(title: string, lines: string[]): string {
  return lines.length > 0 ? `\n${title}\n${lines.map((line) => `  ${line}\n`).join("")}` : "";
}

function storageLines({ storage, types }: StorageLayout): string[] {
  const labelOf = (type: string) => types?.[type]?.label ?? type;
  const line = ({ slot, offset, type, label }: StorageMember) => {
    const bytes = types?.[type]?.numberOfBytes ?? "?";
    return `slot ${slot} offset ${offset} bytes ${bytes} ${label}: ${labelOf(type)}`;
  };
  const structs = Object.values(types ?? {})
    .filter(({ members }) => members !== undefined)
    .sort((a, b) => a.label.localeCompare(b.label))
    .flatMap(({ label, members = [] }) => [label, ...members.map((member) => `  ${line(member)}`)]);
  return [...storage.map(line), ...structs];
}

function bySignature(a: string, b: string): number {
  return a.slice(a.indexOf(" ")).localeCompare(b.slice(b.indexOf(" "))) || a.localeCompare(b);
}
