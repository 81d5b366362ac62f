// SPDX-License-Identifier: MIT
import type { Fragment, FunctionFragment, Interface } from "ethers";
import { code, formatTable } from "../markdown.ts";
import type { Power } from "./powers.ts";

/** The functions of a contract that change state, in the order of their names. */
export function changingFunctions(contract: Interface): FunctionFragment[] {
  return functionsOf(contract).filter(({ constant }) => !constant);
}

/** One contract's section of docs/GOVERNANCE.md. */
export function sectionOf(name: string, contract: Interface, powers: Record<string, Power>): string {
  const rows = changingFunctions(contract).map((fragment) => {
    const power = powers[fragment.name];
    if (!power) throw new Error(`scripts/governance/powers.ts does not know ${name}.${fragment.name}`);
    const { who, stoppedBy = "nothing", touches } = power;
    return [code(fragment.name), code(fragment.selector), who, stoppedBy, touches];
  });
  const table = formatTable(["function", "selector", "who", "stopped by", "touches"], rows);
  const views = functionsOf(contract).filter(({ constant }) => constant);
  const names = [...new Set(views.map((fragment) => code(fragment.name)))];
  return `\n### ${name}\n\n${rows.length === 0 ? "Changes no state.\n" : table}\nReads: ${names.join(", ")}.\n`;
}

function functionsOf({ fragments }: Interface): FunctionFragment[] {
  return fragments.filter(isFunction).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isFunction(fragment: Fragment): fragment is FunctionFragment {
  return fragment.type === "function";
}
