// SPDX-License-Identifier: GPL-3.0-or-later

import { MeantimeError } from "@meantime/sdk/errors";
import { RelayerError, TemporaryError } from "../errors.ts";

/** A fault of the database as an error to act on; what is none (a bug, a refusal of ours) is returned as it is. */
export function databaseFault(error: unknown, where: string): unknown {
  if (!(error instanceof Error) || error instanceof MeantimeError) return error;
  const say = FAULTS[faultOf(error)];
  return say ? say(where, error) : error;
}

/** Whether a transaction failed only because another ran at the same time: it may simply run again. */
export function isConflict(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "40001" || code === "40P01";
}

type Fault = "full" | "corrupt" | "locked" | "unreachable" | "unwritable" | "none";

const FAULTS: Record<Fault, ((where: string, error: Error) => RelayerError) | undefined> = {
  none: undefined,
  full: (where, { message }) =>
    new TemporaryError(
      "MT-LED-005",
      `there is no space left for the ledger ${where}: ${message}`,
      "Free some space; no restart is needed. Nothing was acknowledged that is not stored.",
    ),
  corrupt: (where, { message }) =>
    new RelayerError(
      "MT-LED-006",
      `the ledger ${where} is damaged: ${message}`,
      "Keep a copy of every file of it, then restore the last backup with `meantime db restore`; or name the right file, if this is no ledger.",
    ),
  locked: (where, { message }) =>
    new TemporaryError(
      "MT-LED-001",
      `the ledger ${where} is in use by another process: ${message}`,
      "Stop the other program, a database browser for instance.",
    ),
  unreachable: (where, { message }) =>
    new TemporaryError(
      "MT-LED-008",
      `the database ${where} is out of reach: ${message}`,
      "Check that the server runs, and address, name and password in ledger.url. Work goes on when it is back.",
    ),
  unwritable: (where, { message }) =>
    new RelayerError(
      "MT-LED-003",
      `the ledger ${where} cannot be used: ${message}`,
      "Check that the folder exists, is writable and has space, and that the file is a ledger.",
    ),
};

/** Primary result codes of SQLite: https://www.sqlite.org/rescode.html */
const SQLITE_FAULTS: Record<number, Fault> = {
  5: "locked",
  6: "locked",
  8: "unwritable",
  10: "unwritable",
  11: "corrupt",
  13: "full",
  14: "unwritable",
  26: "corrupt",
};

/** SQLSTATE codes and their classes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const POSTGRES_FAULTS: Record<string, Fault> = {
  "08": "unreachable",
  "28": "unreachable",
  "57": "unreachable",
  "3D": "unreachable",
  "53": "unreachable",
  "53100": "full",
  XX: "corrupt",
  XX000: "none",
};

const NETWORK_CODES = [
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EPIPE",
  "ENOENT",
];
const FILE_CODES = ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EISDIR", "EEXIST"];

function faultOf(error: Error): Fault {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (typeof errcode === "number") return SQLITE_FAULTS[errcode & 0xff] ?? "none";
  if (error instanceof AggregateError && error.errors.length > 0) return faultOf(error.errors[0] as Error);
  if (code === "ENOSPC") return "full";
  if (typeof code === "string" && FILE_CODES.includes(code)) return "unwritable";
  if (typeof code === "string" && NETWORK_CODES.includes(code)) return "unreachable";
  if (typeof code === "string") return POSTGRES_FAULTS[code] ?? POSTGRES_FAULTS[code.slice(0, 2)] ?? "none";
  return /Connection terminated|timeout exceeded when trying to connect/.test(error.message)
    ? "unreachable"
    : "none";
}
