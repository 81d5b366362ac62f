// SPDX-License-Identifier: GPL-3.0-or-later

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Every metric of one relayer. Names say their unit; times are seconds, amounts wei of the token in the label. */
export type Metrics = ReturnType<typeof createMetrics>;

/** From milliseconds to an hour: what a request or a proof takes. */
const WORK_SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3_600];
/** From seconds to weeks: what an answer waits for. */
const GAP_SECONDS = [
  1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800,
];

/** Makes the metrics in a registry of their own: two relayers in one process do not share any. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "meantime_" });
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name: `meantime_${name}`, help, labelNames, registers: [registry] });
  const counter = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name: `meantime_${name}`, help, labelNames, registers: [registry] });
  const histogram = <Label extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: Label[] = [],
  ) => new Histogram({ name: `meantime_${name}`, help, buckets, labelNames, registers: [registry] });
  return {
    registry,
    info: gauge("info", "1; what this relayer is.", ["version", "chain_id", "operator"]),
    ready: gauge("ready", "Whether new work is taken under a policy: 1 or 0.", ["policy"]),
    errors: counter("errors_total", "Coded errors and warnings in the log; docs/ERRORS.md explains each.", [
      "code",
    ]),
    taskFailures: gauge("task_failures_in_a_row", "Runs of a task that failed since one did not.", ["task"]),
    taskSuccess: gauge("task_last_success_timestamp_seconds", "When a task last did its work.", ["task"]),

    requests: counter("gateway_requests_total", "HTTP requests that were answered.", ["route", "status"]),
    requestSeconds: histogram("gateway_request_seconds", "Time to answer an HTTP request.", WORK_SECONDS, [
      "route",
    ]),
    refusals: counter(
      "gateway_refusals_total",
      "Requests that were refused; docs/ERRORS.md explains each code.",
      ["code"],
    ),
    receipts: counter("receipts_total", "Receipts given: answers that the operator's stake stands behind.", [
      "policy",
    ]),

    gap: histogram(
      "trust_gap_seconds",
      "From an answer to each phase of its claim: committed, evidence, final. Claims that got there since the start.",
      GAP_SECONDS,
      ["phase", "policy"],
    ),
    claims: gauge("claims", "Claims of this relayer by status.", ["status"]),
    oldestOpenSeconds: gauge(
      "oldest_open_claim_age_seconds",
      "Age of the oldest claim that is not final; 0: none.",
    ),

    marginSeconds: gauge(
      "obligation_margin_seconds",
      "Seconds until the nearest deadline of an obligation; less than 0: missed. No sample: nothing is open.",
      ["obligation"],
    ),
    marginRatio: gauge(
      "obligation_margin_ratio",
      "Share of its time that the obligation with the least of it has left; 1: nothing is open.",
      ["obligation"],
    ),
    obligations: gauge("obligations_open", "Obligations that are open.", ["obligation"]),
    failedObligations: gauge(
      "obligations_failed",
      "Obligations that failed since the breaker was last closed.",
    ),
    breakerOpen: gauge("breaker_open", "Whether failed obligations have stopped new work: 1 or 0."),

    stakeWei: gauge("stake_wei", "The operator's stake.", ["token"]),
    lockableWei: gauge("stake_lockable_wei", "What of the stake claims may lock.", ["token"]),
    lockedWei: gauge("stake_locked_wei", "What claims on chain lock.", ["token"]),
    promisedWei: gauge("stake_promised_wei", "What receipts that are not committed yet will lock.", [
      "token",
    ]),
    freeWei: gauge("stake_free_wei", "What new claims can still lock.", ["token"]),
    suspended: gauge("operator_suspended", "Whether the operator lost a bond and has not resumed: 1 or 0.", [
      "token",
    ]),

    balanceWei: gauge("sender_balance_wei", "Ether of a sender.", ["lane"]),
    balanceTransactions: gauge(
      "sender_balance_transactions",
      "Typical transactions that a sender can pay for at the present fee.",
      ["lane"],
    ),
    creditWei: gauge("credit_wei", "What an account has won and not withdrawn.", ["account", "token"]),
    senderPoor: gauge("sender_poor", "Whether a sender has less ether than its floor: 1 or 0.", ["lane"]),
    overCap: gauge(
      "transactions_over_cap",
      "Open transactions that wait because more may not be spent on them.",
      ["lane"],
    ),
    intents: gauge("transactions", "Transactions in the outbox that are neither done nor given up.", [
      "lane",
      "state",
    ]),
    intentTries: gauge("transaction_tries_max", "Most tries of a transaction that is still open.", ["lane"]),
    oldestAttemptBlocks: gauge(
      "transaction_oldest_attempt_blocks",
      "Blocks since the oldest transaction in flight was last signed.",
      ["lane"],
    ),

    headBlock: gauge("chain_head_block", "Number of the latest block."),
    readBlock: gauge("chain_read_block", "Number of the last block whose events are in the ledger."),
    headAgeSeconds: gauge(
      "chain_head_age_seconds",
      "Age of the latest block by the wall clock; less than 0: skew.",
    ),
    seenAgeSeconds: gauge("chain_seen_age_seconds", "Seconds since the chain was last read."),
    endpointHead: gauge("rpc_endpoint_head_block", "The highest block that an endpoint has shown last.", [
      "endpoint",
    ]),
    endpointUp: gauge("rpc_endpoint_up", "Whether an endpoint of the chain answers and keeps up: 1 or 0.", [
      "endpoint",
    ]),

    proofs: counter("proofs_total", "Proofs that were computed, by outcome: ok or a code.", ["outcome"]),
    proofSeconds: histogram(
      "proof_seconds",
      "Time to compute and verify a proof, without its turn.",
      WORK_SECONDS,
    ),
    proofsWaiting: gauge("proofs_waiting", "Proofs that wait for a worker."),
    enclaveExpirySeconds: gauge(
      "enclave_key_expiry_seconds",
      "Seconds until the enclave's key stops counting.",
    ),

    watchedBatches: gauge("watched_batches", "Batches of other operators by state.", ["state"]),
    watchedClaims: gauge("watched_claims", "Claims of other operators by result.", ["result"]),
    watchCoverage: gauge("watch_coverage_claims", "Claims of other operators by how they were checked.", [
      "how",
    ]),
    ledgerBytes: gauge("ledger_size_bytes", "Size of the ledger's file."),
    diskFreeBytes: gauge("ledger_disk_free_bytes", "Free bytes on the disk of the ledger's file."),
  };
}
