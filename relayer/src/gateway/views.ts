// SPDX-License-Identifier: GPL-3.0-or-later

import { batchHeaderToJson } from "@meantime/sdk/batch";
import { claimToJson } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import type { MerkleTree } from "@meantime/sdk/merkle";
import { inputLength } from "@meantime/sdk/model";
import { type EvidenceRuleName, isAnswerable, ruleNameOf } from "@meantime/sdk/policy";
import { receiptToJson } from "@meantime/sdk/receipt";
import { addressOf } from "@meantime/sdk/signature";
import { openingToJson } from "../availability/batch-file.ts";
import { findOwnHeader } from "../ledger/batches.ts";
import { type ClaimRow, deriveStatus, findClaim } from "../ledger/claim-status.ts";
import { findReceipt, type StoredReceipt } from "../ledger/receipts.ts";
import { claimTree } from "../ledger/trees.ts";
import { VERSION } from "../ops/version.ts";
import {
  isNetwork,
  type NetworkModel,
  type ServedModel,
  type ServedPolicy,
  type Services,
  type UpstreamModel,
} from "../services.ts";
import { priceOf } from "./access/x402.ts";
import { HttpError } from "./http-error.ts";

/** `GET /v1/claims/{id}`: where a claim stands, and all that a contract needs to see it. @throws HttpError 404 */
export async function claimView(services: Services, claimId: Hex) {
  const { ledger, config } = services;
  const stored = await requireReceipt(services, claimId);
  const row = await findClaim(ledger, claimId);
  if (!row) throw notFound("claim");
  const header = stored.batchId && (await findOwnHeader(ledger, config.operator.address, stored.batchId));
  return {
    claimId,
    claim: claimToJson(stored.receipt.claim),
    ...statusOf(services, row),
    transactions: withoutNulls({
      commit: row.committed_tx,
      attest: row.attested_tx,
      challenge: row.disputed_tx,
      evidence: row.evidence_tx,
      ...(row.state === "voided" ? { void: row.ended_tx } : { reject: row.ended_tx }),
      release: row.released_tx,
    }),
    ...(header && stored.batchId && stored.index !== undefined
      ? {
          batchId: stored.batchId,
          index: stored.index,
          header: batchHeaderToJson(header),
          proof: (await treeOf(services, stored.batchId)).proof(stored.index),
        }
      : {}),
  };
}

/** A claim's status and timeline. Times are unix seconds; `finalAt` may lie ahead. */
export function statusOf({ policies, clock }: Services, row: ClaimRow) {
  const rule = policies.find(({ id }) => id === row.policy_id)?.terms.rule ?? 0;
  const { status, finalAt } = deriveStatus(row, rule, clock.nowSeconds());
  return {
    status,
    timeline: {
      servedAt: row.served_at,
      commitBy: row.commit_by,
      ...withoutNulls({
        committedAt: row.committed_at,
        attestedAt: row.attested_at,
        challengedAt: row.disputed_at,
        proveBy: row.state === "challenged" ? row.deadline : null,
        revealBy: row.state === "demanded" ? row.deadline : null,
        evidenceAt: row.evidence_at ?? row.attested_at,
        rejectedAt: row.state === "rejected" ? row.ended_at : null,
        voidedAt: row.state === "voided" ? row.ended_at : null,
        finalAt,
      }),
    },
  };
}

/** `GET /v1/receipts/{id}`: the receipt, and what opens its hashes where that is public. @throws HttpError 404 */
export async function receiptView(services: Services, claimId: Hex) {
  const stored = await requireReceipt(services, claimId);
  return { receipt: receiptToJson(stored.receipt), ...publicOpening(services, stored) };
}

/** `GET /v1/receipts/{id}/proof`: a claim's place in its batch. @throws HttpError 404, 425 while it waits for a batch */
export async function proofView(services: Services, claimId: Hex) {
  const { claimId: id, status, batchId, index, header, proof } = await claimView(services, claimId);
  if (batchId === undefined || index === undefined || header === undefined || proof === undefined) {
    throw new HttpError(
      425,
      "MT-GW-041",
      "the claim waits for a batch",
      "Ask again later; it is committed by its commitBy, or you report the omission.",
      Math.max(1, Math.ceil(services.config.commit.maxAgeSeconds / 2)),
    );
  }
  return { claimId: id, status, batchId, index, header, proof };
}

/** `GET /v1/models`, as OpenAI lists them. */
export function modelsView({ models, policies, config }: Services, startedAt: number) {
  return {
    object: "list" as const,
    data: models.map((model) => ({
      id: model.name,
      object: "model" as const,
      created: startedAt,
      owned_by: config.operator.address,
      meantime: {
        modelId: model.id,
        ...(isNetwork(model) ? builtInFacts(model) : upstreamFacts(model)),
        ...priceFacts(config, model),
        policies: policies.filter(({ id }) => isAnswerable(model.id, id)).map(policyFacts),
      },
    })),
  };
}

function builtInFacts({ spec, proving, measurement }: NetworkModel) {
  return {
    kind: "provable" as const,
    evidence: [...(proving ? (["zk"] as const) : []), ...(measurement ? (["tee"] as const) : [])],
    version: spec.version,
    inputShape: [...spec.inputShape],
    inputLength: inputLength(spec),
    inputBits: spec.inputBits,
    classes: spec.classes,
  };
}

function upstreamFacts({ version, measurement, reexecutable }: UpstreamModel) {
  return {
    kind: "upstream" as const,
    evidence: [...(measurement ? (["tee"] as const) : []), ...(reexecutable ? (["quorum"] as const) : [])],
    version,
  };
}

/** Of a request to the route that is the model's own. */
function priceFacts({ gateway: { auth } }: Services["config"], model: ServedModel) {
  if (auth.mode !== "x402") return {};
  const path = isNetwork(model) ? `/v1/infer/${model.name}` : "/v1/chat/completions";
  const { asset, network } = auth;
  return { price: { amount: priceOf(auth, path, model.name), asset: asset.address, network } };
}

function policyFacts({ name, id, terms }: ServedPolicy) {
  return {
    name,
    id,
    rule: ruleName(terms.rule),
    windows: {
      challengeSeconds: terms.challengeWindowSeconds,
      attestedSeconds: terms.attestedWindowSeconds,
      proveSeconds: terms.proveWindowSeconds,
    },
    bonds: {
      claimWei: terms.claimBondWei.toString(),
      challengeWei: terms.challengeBondWei.toString(),
      token: terms.bondToken,
    },
    publicData: terms.publicData,
  };
}

function ruleName(rule: number): EvidenceRuleName {
  const name = ruleNameOf(rule);
  if (name === undefined) throw new TypeError(`there is no evidence rule ${rule}`);
  return name;
}

/** `GET /.well-known/meantime.json`: who this is and by what its receipts can be checked. */
export function wellKnownView(
  { config, contracts, receiptKeyAddress, models, policies }: Services,
  url: string,
  routes: string[],
) {
  const { chainId, settlement, enclaveEvidence } = config.chain;
  const { enclaveKey, address: operator } = config.operator;
  const [measurement] = models.flatMap((model) => model.measurement ?? []);
  return {
    ...{ operator, url, chainId, settlement },
    receipts: contracts.receiptsAddress,
    receiptKey: receiptKeyAddress,
    contracts: {
      settlement,
      receipts: contracts.receiptsAddress,
      policies: String(contracts.policies.target).toLowerCase(),
      ...(enclaveEvidence ? { enclaveEvidence } : {}),
    },
    domain: { name: "Meantime", version: "1", chainId, verifyingContract: settlement },
    keys: {
      receipt: { address: receiptKeyAddress },
      ...(enclaveKey
        ? { enclave: { address: addressOf(enclaveKey), ...(measurement ? { measurement } : {}) } }
        : {}),
    },
    access: accessFacts(config),
    models: models.map(({ name, id }) => ({ name, id })),
    policies: policies.map(({ name, id, terms }) => ({
      name,
      id,
      terms: {
        ...terms,
        claimBondWei: terms.claimBondWei.toString(),
        challengeBondWei: terms.challengeBondWei.toString(),
      },
    })),
    routes,
    documents: { openapi: "/openapi.json", docs: "/docs" },
    version: VERSION,
  };
}

function accessFacts({ gateway }: Services["config"]) {
  const { auth, rateLimit, maxBodyBytes, requestTimeoutSeconds } = gateway;
  const { perKeyPerMinute, perAddressPerMinute } = rateLimit;
  return {
    auth: auth.mode,
    ...(perKeyPerMinute === undefined ? {} : { perKeyPerMinute }),
    ...(perAddressPerMinute === undefined ? {} : { perAddressPerMinute }),
    ...{ maxBodyBytes, requestTimeoutSeconds },
  };
}

async function requireReceipt({ ledger }: Services, claimId: Hex): Promise<StoredReceipt> {
  const stored = await findReceipt(ledger, claimId);
  if (!stored) throw notFound("claim");
  return stored;
}

/** Nothing under a policy of private data: who asked has its own input and salt. */
function publicOpening({ policies }: Services, { receipt, opening }: StoredReceipt) {
  if (policies.find(({ id }) => id === receipt.claim.policyId)?.terms.publicData === false) return {};
  return { opening: openingToJson(opening) };
}

/** A batch never changes, and its claims are asked for together: the last trees are kept, from the moment that they are begun. */
const TREES_KEPT = 16;
const trees = new WeakMap<object, Map<Hex, Promise<MerkleTree>>>();

function treeOf({ ledger }: Services, batchId: Hex): Promise<MerkleTree> {
  const kept = trees.get(ledger) ?? new Map<Hex, Promise<MerkleTree>>();
  trees.set(ledger, kept);
  const known = kept.get(batchId);
  if (known) return known;
  const tree = claimTree(ledger, batchId);
  const [oldest] = kept.keys();
  if (kept.size >= TREES_KEPT && oldest) kept.delete(oldest);
  kept.set(batchId, tree);
  tree.catch(() => {
    if (kept.get(batchId) === tree) kept.delete(batchId);
  });
  return tree;
}

function withoutNulls<Value>(record: Record<string, Value | null>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, Value] => entry[1] !== null),
  );
}

/** @returns what is said of a batch that is not ours */
export function batchNotFound(): HttpError {
  return notFound("batch");
}

function notFound(what: string): HttpError {
  return new HttpError(
    404,
    "MT-GW-012",
    `there is no such ${what} here`,
    "Check the id, and that this operator gave it.",
  );
}
