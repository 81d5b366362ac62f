// SPDX-License-Identifier: GPL-3.0-or-later
import { MeantimeError } from "@meantime/sdk/errors";
import type { OnnxNode } from "./onnx-file.ts";

/** What an import can fail with. */
export const IMPORT_CODES = {
  /** The bytes are no ONNX file, or of a kind that nothing here reads. */
  file: "MT-ONNX-001",
  /** The graph is not one chain from one input to one output. */
  graph: "MT-ONNX-002",
  /** No layer of a specification does what the operator does. */
  operator: "MT-ONNX-003",
  /** The operator is known, but not with these attributes, shapes or constants. */
  form: "MT-ONNX-004",
  /** A quantised graph computes something that a specification can only approximate. */
  inexact: "MT-ONNX-005",
  /** Options are missing or do not fit the graph. */
  options: "MT-ONNX-006",
} as const;

export type ImportCode = keyof typeof IMPORT_CODES;

/** An error about one node; names it and its operator. */
export function nodeError(code: ImportCode, node: OnnxNode, message: string, hint: string): MeantimeError {
  return new MeantimeError(IMPORT_CODES[code], `node ${node.name} (${node.op}): ${message}`, {
    hint,
    details: { node: node.name, op: node.op },
  });
}

/** An error about the file or the call as a whole. */
export function importError(code: ImportCode, message: string, hint: string, cause?: unknown): MeantimeError {
  return new MeantimeError(IMPORT_CODES[code], message, { hint, ...(cause === undefined ? {} : { cause }) });
}
