// SPDX-License-Identifier: MIT
import { type AstNode, isNode, nodesIn, type Span, spanOf, walk } from "../solidity/ast.ts";

/** One change of one place in a source, in bytes. */
export interface Edit extends Span {
  mutator: string;
  replacement: string;
}

/** Declarations by the id that references use, from all sources of a compilation. */
export type Declarations = ReadonlyMap<number, AstNode>;

interface Site {
  node: AstNode;
  parent: AstNode | undefined;
  source: Buffer;
  declarations: Declarations;
}

type Mutator = (site: Site) => Edit[];

/** What an operator is replaced by: the moved boundary first, then the negation. */
const OPERATORS: Record<string, { mutator: string; by: string[] }> = {
  "<": { mutator: "comparison", by: ["<=", ">="] },
  "<=": { mutator: "comparison", by: ["<", ">"] },
  ">": { mutator: "comparison", by: [">=", "<="] },
  ">=": { mutator: "comparison", by: [">", "<"] },
  "==": { mutator: "comparison", by: ["!="] },
  "!=": { mutator: "comparison", by: ["=="] },
  "+": { mutator: "arithmetic", by: ["-"] },
  "-": { mutator: "arithmetic", by: ["+"] },
  "*": { mutator: "arithmetic", by: ["/"] },
  "/": { mutator: "arithmetic", by: ["*"] },
  "%": { mutator: "arithmetic", by: ["*"] },
  "&&": { mutator: "boolean", by: ["||"] },
  "||": { mutator: "boolean", by: ["&&"] },
  "|": { mutator: "bit", by: ["&"] },
  "&": { mutator: "bit", by: ["|"] },
  "^": { mutator: "bit", by: ["|"] },
  "<<": { mutator: "bit", by: [">>"] },
  ">>": { mutator: "bit", by: ["<<"] },
};

const UNARY: Record<string, { mutator: string; by: string }> = {
  "!": { mutator: "boolean", by: "" },
  "~": { mutator: "bit", by: "" },
  "++": { mutator: "arithmetic", by: "--" },
  "--": { mutator: "arithmetic", by: "++" },
};

const YUL: Record<string, { mutator: string; by: string }> = {
  lt: { mutator: "comparison", by: "gt" },
  gt: { mutator: "comparison", by: "lt" },
  eq: { mutator: "comparison", by: "xor" },
  add: { mutator: "arithmetic", by: "sub" },
  sub: { mutator: "arithmetic", by: "add" },
  mul: { mutator: "arithmetic", by: "div" },
  div: { mutator: "arithmetic", by: "mul" },
  and: { mutator: "bit", by: "or" },
  or: { mutator: "bit", by: "and" },
  shl: { mutator: "bit", by: "shr" },
  shr: { mutator: "bit", by: "shl" },
};

const MUTATORS: Record<string, Mutator> = {
  BinaryOperation: binaryOperation,
  UnaryOperation: unaryOperation,
  Assignment: compoundAssignment,
  IfStatement: guard,
  RevertStatement: revertStatement,
  ModifierInvocation: modifierInvocation,
  ExpressionStatement: effect,
  FunctionCall: swappedArguments,
  Literal: constant,
  YulFunctionCall: yulCall,
  YulLiteral: yulConstant,
};

// An event or an error carries no decision, and a wrong length of a type does not compile.
const SKIPPED = new Set([
  "PragmaDirective",
  "ImportDirective",
  "StructuredDocumentation",
  "ErrorDefinition",
  "EventDefinition",
  "EnumDefinition",
  "EmitStatement",
  "ArrayTypeName",
  "OverrideSpecifier",
]);

const SEMICOLON = 0x3b;

/** Every mutant of a source file, in the order of the places in it. */
export function editsOf(unit: AstNode, source: Buffer, declarations: Declarations): Edit[] {
  const edits: Edit[] = [];
  walk(unit, (node, parent) => {
    if (SKIPPED.has(node.nodeType) || node.contractKind === "interface") return false;
    edits.push(...(MUTATORS[node.nodeType]?.({ node, parent, source, declarations }) ?? []));
    return node.nodeType !== "RevertStatement";
  });
  return edits.sort((a, b) => a.start - b.start || a.end - b.end);
}

export function declarationsOf(units: AstNode[]): Declarations {
  const declarations = new Map<number, AstNode>();
  for (const unit of units) {
    walk(unit, (node) => {
      const declares = node.nodeType === "VariableDeclaration" || node.nodeType === "FunctionDefinition";
      if (declares && typeof node.id === "number") declarations.set(node.id, node);
      return true;
    });
  }
  return declarations;
}

export function applyEdit(
  source: Buffer,
  { start, end, replacement }: Span & { replacement: string },
): string {
  return `${source.subarray(0, start)}${replacement}${source.subarray(end)}`;
}

function binaryOperation({ node, source }: Site): Edit[] {
  const rule = OPERATORS[String(node.operator)];
  if (!rule || !isNode(node.leftExpression) || !isNode(node.rightExpression)) return [];
  const span = operatorBetween(source, node.leftExpression, node.rightExpression, String(node.operator));
  return rule.by.map((replacement) => ({ ...span, mutator: rule.mutator, replacement }));
}

function compoundAssignment({ node, source }: Site): Edit[] {
  const operator = String(node.operator);
  const rule = OPERATORS[operator.slice(0, -1)];
  if (operator === "=" || !rule || !isNode(node.leftHandSide) || !isNode(node.rightHandSide)) return [];
  const span = operatorBetween(source, node.leftHandSide, node.rightHandSide, operator);
  return rule.by.map((by) => ({ ...span, mutator: rule.mutator, replacement: `${by}=` }));
}

function unaryOperation({ node }: Site): Edit[] {
  const operator = String(node.operator);
  const rule = UNARY[operator];
  if (!rule) return [];
  const { start, end } = spanOf(node);
  const span = node.prefix ? { start, end: start + operator.length } : { start: end - operator.length, end };
  return [{ ...span, mutator: rule.mutator, replacement: rule.by }];
}

function guard({ node, source }: Site): Edit[] {
  if (!isNode(node.trueBody) || !onlyReverts(node.trueBody) || isNode(node.falseBody)) return [];
  return [{ ...statementSpan(node, source), mutator: "removed revert", replacement: "{}" }];
}

function revertStatement({ node, parent, source }: Site): Edit[] {
  // The guard's own mutant removes it already.
  if (parent?.nodeType === "IfStatement" && !isNode(parent.falseBody)) return [];
  if (parent?.nodeType === "Block" && nodesIn(parent.statements).length === 1) return [];
  return [{ ...statementSpan(node, source), mutator: "removed revert", replacement: "{}" }];
}

function modifierInvocation({ node }: Site): Edit[] {
  if (node.kind !== "modifierInvocation") return [];
  return [{ ...spanOf(node), mutator: "removed revert", replacement: "" }];
}

function effect({ node, source, declarations }: Site): Edit[] {
  const { expression } = node;
  if (!isNode(expression)) return [];
  const mutator = effectOf(expression, declarations);
  return mutator ? [{ ...statementSpan(node, source), mutator, replacement: "{}" }] : [];
}

function swappedArguments({ node, source }: Site): Edit[] {
  if (node.kind === "typeConversion") return [];
  const given = nodesIn(node.arguments);
  return given.slice(1).flatMap((right, i) => {
    const left = given[i];
    if (!left || typeOf(left) === undefined || typeOf(left) !== typeOf(right)) return [];
    const [a, b] = [spanOf(left), spanOf(right)];
    const [textA, between, textB] = [
      source.toString("utf8", a.start, a.end),
      source.toString("utf8", a.end, b.start),
      source.toString("utf8", b.start, b.end),
    ];
    if (textA === textB) return [];
    return [
      { start: a.start, end: b.end, mutator: "swapped arguments", replacement: textB + between + textA },
    ];
  });
}

function constant({ node, source }: Site): Edit[] {
  const span = spanOf(node);
  if (node.kind === "bool") {
    return [{ ...span, mutator: "constant", replacement: node.value === "true" ? "false" : "true" }];
  }
  if (node.kind !== "number") return [];
  const text = source.toString("utf8", span.start, span.end);
  return [{ ...span, mutator: "constant", replacement: `(${text} + 1)` }];
}

function yulCall({ node }: Site): Edit[] {
  const { functionName } = node;
  if (!isNode(functionName)) return [];
  const rule = YUL[String(functionName.name)];
  return rule ? [{ ...spanOf(functionName), mutator: rule.mutator, replacement: rule.by }] : [];
}

function yulConstant({ node }: Site): Edit[] {
  if (node.kind !== "number") return [];
  const replacement = `0x${(BigInt(String(node.value)) + 1n).toString(16).padStart(2, "0")}`;
  return [{ ...spanOf(node), mutator: "constant", replacement }];
}

/** What is lost where a statement is deleted: a write, a check, or nothing that a mutant is made of. */
function effectOf(expression: AstNode, declarations: Declarations): string | undefined {
  if (expression.nodeType === "Assignment") {
    return writesStorage(expression.leftHandSide, declarations) ? "removed state write" : undefined;
  }
  if (expression.nodeType === "UnaryOperation") {
    return writesStorage(expression.subExpression, declarations) ? "removed state write" : undefined;
  }
  if (expression.nodeType !== "FunctionCall" || !isNode(expression.expression)) return undefined;
  const callee = expression.expression;
  if (callee.name === "require" || callee.name === "assert") return "removed revert";
  const declared = declarations.get(Number(callee.referencedDeclaration));
  if (declared?.nodeType === "FunctionDefinition") {
    const reads = declared.stateMutability === "view" || declared.stateMutability === "pure";
    return reads ? "removed revert" : "removed state write";
  }
  // `array.push(x)`, `array.pop()`.
  return callee.nodeType === "MemberAccess" && writesStorage(callee.expression, declarations)
    ? "removed state write"
    : undefined;
}

function writesStorage(target: unknown, declarations: Declarations): boolean {
  if (!isNode(target)) return false;
  if (target.nodeType === "IndexAccess") return writesStorage(target.baseExpression, declarations);
  if (target.nodeType === "MemberAccess") return writesStorage(target.expression, declarations);
  if (target.nodeType === "TupleExpression") {
    return nodesIn(target.components).some((component) => writesStorage(component, declarations));
  }
  if (target.nodeType === "FunctionCall") return typeOf(target)?.includes(" storage ") ?? false;
  const declared = declarations.get(Number(target.referencedDeclaration));
  return declared?.stateVariable === true || declared?.storageLocation === "storage";
}

function onlyReverts(body: AstNode): boolean {
  if (body.nodeType === "RevertStatement") return true;
  const statements = nodesIn(body.statements);
  return body.nodeType === "Block" && statements.length === 1 && statements.every(onlyReverts);
}

function typeOf({ typeDescriptions }: AstNode): string | undefined {
  return (typeDescriptions as { typeString?: string } | undefined)?.typeString;
}

// The semicolon belongs to the statement, but not to its node.
function statementSpan(node: AstNode, source: Buffer): Span {
  const { start, end } = spanOf(node);
  const semicolon = skipComments(source, end);
  return { start, end: source[semicolon] === SEMICOLON ? semicolon + 1 : end };
}

function operatorBetween(source: Buffer, left: AstNode, right: AstNode, operator: string): Span {
  const start = skipComments(source, spanOf(left).end);
  const end = start + operator.length;
  if (end > spanOf(right).start || source.toString("utf8", start, end) !== operator) {
    throw new Error(`no ${operator} between the nodes at ${left.src} and ${right.src}`);
  }
  return { start, end };
}

/** The first place from `at` on that is neither white space nor a comment. */
function skipComments(source: Buffer, at: number): number {
  const space = /(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*/y;
  return at + Buffer.byteLength(space.exec(source.toString("utf8", at))?.[0] ?? "");
}
