// SPDX-License-Identifier: GPL-3.0-or-later

import { asHex32 } from "@meantime/sdk/hex";
import { RelayerError } from "../../errors.ts";
import type { ListedIntent } from "../../tx/listing.ts";
import { askDaemon } from "./daemon.ts";
import { type DaemonFlags, fields, print, table } from "./print.ts";

/** `meantime status`: what the running relayer owes, holds and waits for. */
export async function showStatus(flags: DaemonFlags): Promise<void> {
  const status = await askDaemon(flags, "GET", "/status");
  const { latest: _, ...shown } = status;
  print(status, flags, () => fields(shown));
}

/** `meantime claims [id]`: the latest claims, or one with everything that is known of it. */
export async function showClaims(id: string | undefined, flags: DaemonFlags): Promise<void> {
  if (id !== undefined) {
    const claim = await askDaemon(flags, "GET", `/claims/${asHex32(id, "the claim")}`);
    return print(claim, flags, () => `${JSON.stringify(claim, null, 2)}\n`);
  }
  const { latest } = (await askDaemon(flags, "GET", "/status")) as {
    latest: { claimId: string; model: string; policy: string; status: string }[];
  };
  print({ claims: latest }, flags, () =>
    table(
      ["claim", "model", "policy", "status"],
      latest.map(({ claimId, model, policy, status }) => [claimId, model, policy, status]),
    ),
  );
}

/** `meantime tx list`: the open transactions. */
export async function listTransactions(flags: DaemonFlags & { all?: true }): Promise<void> {
  const answer = await askDaemon(flags, "GET", `/transactions${flags.all ? "?all" : ""}`);
  const transactions = answer.transactions as ListedIntent[];
  print(answer, flags, () =>
    table(
      ["number", "lane", "kind", "state", "nonce", "tries", "hash", "error"],
      transactions.map(({ number, lane, kind, state, cancelling, nonce, tries, txHash, error }) => [
        ...[number, lane, kind, cancelling ? `${state} (cancelling)` : state],
        ...[nonce, tries, txHash, error],
      ]),
    ),
  );
}

/** `meantime tx bump` and `tx cancel`. The daemon obeys with its next step. */
export async function changeTransaction(
  wish: "bump" | "cancel",
  number: string,
  flags: DaemonFlags & { force?: true },
): Promise<void> {
  if (!/^[1-9]\d{0,14}$/.test(number)) {
    throw new RelayerError(
      "MT-CLI-002",
      `${number} is no transaction`,
      "`meantime tx list` prints their numbers.",
    );
  }
  const done = await askDaemon(
    flags,
    "POST",
    `/transactions/${number}/${wish}${flags.force ? "?force" : ""}`,
  );
  print(done, flags, () => fields(done));
}

/** `meantime challenge`: challenges one claim that the watchtower found wrong. */
export async function challenge(batch: string, index: string, flags: DaemonFlags): Promise<void> {
  if (!/^\d{1,9}$/.test(index)) {
    throw new RelayerError("MT-CLI-002", `${index} is no leaf`, "Leaves are counted from 0.");
  }
  const done = await askDaemon(flags, "POST", `/challenges/${asHex32(batch, "the batch")}/${index}`);
  print(done, flags, () => fields(done));
}

/** `meantime resume`: new work is taken again after too many obligations failed. */
export async function resume(flags: DaemonFlags): Promise<void> {
  const done = await askDaemon(flags, "POST", "/resume");
  print(done, flags, () => "New work is taken again.\n");
}
