// SPDX-License-Identifier: MIT
import { type AstNode, isNode, nodesIn, walk } from "../solidity/ast.ts";
import { isOwn, sourceNameOf } from "../solidity/sources.ts";

/** Errors that a file in contracts/ declares and none of our contracts reverts with. */
export function unusedErrors(units: Record<string, AstNode>[]): string[] {
  const declared = new Set<string>();
  const used = new Set<string>();
  for (const compilation of units) {
    const names = new Map<number, string>();
    const bySelector = new Map<string, string>();
    for (const [inputSourceName, unit] of Object.entries(compilation)) {
      const file = sourceNameOf(inputSourceName);
      if (!file?.startsWith("contracts/") || /\/mocks\//.test(file)) continue;
      walk(unit, (node) => {
        if (node.nodeType !== "ErrorDefinition") return true;
        names.set(Number(node.id), `${file}: ${node.name}`);
        bySelector.set(`0x${node.errorSelector}`, `${file}: ${node.name}`);
        return true;
      });
    }
    for (const name of names.values()) declared.add(name);
    for (const [inputSourceName, unit] of Object.entries(compilation)) {
      if (!isOwn(sourceNameOf(inputSourceName) ?? "")) continue;
      walk(unit, (node) => {
        const name = names.get(revertedWith(node)) ?? bySelector.get(assemblyLiteral(node));
        if (name) used.add(name);
        return true;
      });
    }
  }
  return [...declared].filter((name) => !used.has(name)).sort();
}

// Assembly reverts with a selector that it spells out.
function assemblyLiteral(node: AstNode): string {
  return node.nodeType === "YulLiteral" ? String(node.value).toLowerCase() : "";
}

// `revert E()` and `require(c, E())` both hold a call of the error.
function revertedWith(node: AstNode): number {
  const call = node.nodeType === "RevertStatement" ? node.errorCall : requiredError(node);
  if (!isNode(call) || !isNode(call.expression)) return Number.NaN;
  return Number(call.expression.referencedDeclaration);
}

function requiredError(node: AstNode): AstNode | undefined {
  if (node.nodeType !== "FunctionCall" || !isNode(node.expression)) return undefined;
  return node.expression.name === "require" ? nodesIn(node.arguments)[1] : undefined;
}
