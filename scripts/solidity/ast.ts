// SPDX-License-Identifier: MIT
// The compiler's syntax tree, and where its nodes stand in the source.

export interface AstNode {
  nodeType: string;
  /** `start:length:file`, in bytes. */
  src: string;
  [field: string]: unknown;
}

export interface Span {
  start: number;
  end: number;
}

/** Visits a tree from the root down; `visit` returns false where the walk is not to go deeper. */
export function walk(
  node: AstNode,
  visit: (node: AstNode, parent: AstNode | undefined) => boolean,
  parent?: AstNode,
): void {
  if (!visit(node, parent)) return;
  for (const child of childrenOf(node)) walk(child, visit, node);
}

export function isNode(value: unknown): value is AstNode {
  return typeof value === "object" && value !== null && "nodeType" in value && "src" in value;
}

export function spanOf({ src }: AstNode): Span {
  const [start = 0, length = 0] = src.split(":").map(Number);
  return { start, end: start + length };
}

export function nodesIn(value: unknown): AstNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function childrenOf(node: AstNode): AstNode[] {
  return Object.values(node).flatMap((value) => (isNode(value) ? [value] : nodesIn(value)));
}
