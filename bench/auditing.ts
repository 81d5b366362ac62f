// SPDX-License-Identifier: MIT
import { createRequire } from "node:module";
import {
  type BatchHeader,
  batchHeaderToJson,
  batchId,
  leafHash,
  type Opening,
  openingLeaf,
} from "@meantime/sdk/batch";
import { type Claim, claimId, claimToJson } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import {
  type Address,
  bytesToHex,
  type Hex,
  hexToBytes,
  keccak256Text,
  ZERO_ADDRESS,
} from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { EVIDENCE_KINDS, EVIDENCE_RULES, type Policy } from "@meantime/sdk/policy";
import { addressOf, signDigest } from "@meantime/sdk/signature";
import { auditPublished } from "../relayer/src/audit/published.ts";

const CLAIMS = 100_000;
const CLAIMS_PER_BATCH = 1_000;
const INPUT_BYTES = 196;
const SERVED_AT = 1_800_000_000;
const KEY = keccak256Text("receipt key of a benchmark");
const OPERATOR: Address = `0x${"0b".repeat(20)}`;
const DOMAIN: SettlementDomain = { chainId: 31_337n, settlement: `0x${"5e".repeat(20)}` };
const POLICY_ID: Hex = `0x${"11".repeat(31)}01`;
const MODEL_ID: Hex = `0x${"22".repeat(31)}01`;
const POLICY: Policy = {
  ...{ rule: EVIDENCE_RULES.window, answerKinds: EVIDENCE_KINDS.zk, publicData: true },
  ...{ bondToken: ZERO_ADDRESS, zkEvidence: ZERO_ADDRESS, teeEvidence: ZERO_ADDRESS },
  ...{ quorumEvidence: ZERO_ADDRESS, challengeWindowSeconds: 3_600, attestedWindowSeconds: 0 },
  ...{ proveWindowSeconds: 900, claimBondWei: 1n, challengeBondWei: 1n, challengerBps: 4_000 },
  requesterBps: 4_000,
};

/** How many claims a second an audit looks at without proofs: 100,000 of them, with data that rebuilds both roots and receipts. */
export async function auditRate(claims = CLAIMS): Promise<number> {
  const sign = signer();
  const files = new Map<Hex, string>();
  const batches: { header: BatchHeader; committedAt: number }[] = [];
  for (let first = 0; first < claims; first += CLAIMS_PER_BATCH) {
    const { header, text } = batchFrom(first, Math.min(CLAIMS_PER_BATCH, claims - first), sign);
    files.set(batchId(DOMAIN, header), text);
    batches.push({ header, committedAt: SERVED_AT + 5 });
  }
  const start = performance.now();
  const { counted, findings } = await auditPublished({
    ...{ domain: DOMAIN, nowSeconds: SERVED_AT + 100_000, modelIds: [MODEL_ID], batches },
    ...{ policies: [{ id: POLICY_ID, policy: POLICY }] },
    receiptKeys: [{ operator: OPERATOR, key: addressOf(KEY) }],
    read: async (id) => files.get(id) ?? "",
  });
  const seconds = (performance.now() - start) / 1_000;
  if (counted.receipts.valid !== claims || findings.length > 0) throw new Error("the audit found something");
  return claims / seconds;
}

function batchFrom(first: number, count: number, sign: (digest: Hex) => Hex) {
  const claims = Array.from({ length: count }, (_, at) => claimOf(first + at));
  const ids = claims.map((claim) => claimId(DOMAIN, claim));
  const openings = claims.map(({ requestId }, at): Opening => {
    const input = new Uint8Array(INPUT_BYTES).fill((first + at) % 16);
    return { input, salt: requestId, output: Uint8Array.of(3) };
  });
  const header: BatchHeader = {
    ...{ operator: OPERATOR, policyId: POLICY_ID, modelId: MODEL_ID, count },
    root: buildMerkleTree(ids.map((id, index) => leafHash(index, id))).root,
    dataRoot: buildMerkleTree(openings.map((opening, index) => openingLeaf(index, opening))).root,
    ...{ oldestServedAt: BigInt(SERVED_AT), nonce: BigInt(first) },
  };
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  const published = claims.map((claim, at) => {
    const [id, opening] = [ids[at], openings[at]];
    if (!id || !opening) throw new RangeError(`no claim at ${at}`);
    const { input, salt, output } = opening;
    return {
      ...{ claim: claimToJson(claim), claimId: id, signature: sign(id) },
      opening: { input: base64(input), salt, output: base64(output) },
    };
  });
  return { header, text: JSON.stringify({ header: batchHeaderToJson(header), claims: published }) };
}

function claimOf(number: number): Claim {
  const word = (fill: string): Hex => `0x${number.toString(16).padStart(64, fill)}`;
  return {
    ...{ modelId: MODEL_ID, policyId: POLICY_ID, operator: OPERATOR, requester: OPERATOR },
    ...{ requestId: word("1"), inputHash: word("2"), outputHash: word("0") },
    ...{ servedAt: BigInt(SERVED_AT), commitBy: BigInt(SERVED_AT + 600) },
  };
}

/** By libsecp256k1 where it loads: in JavaScript the claims would take minutes to make. */
function signer(): (digest: Hex) => Hex {
  try {
    const native = createRequire(import.meta.url)("secp256k1/bindings.js") as {
      ecdsaSign(digest: Uint8Array, key: Uint8Array): { signature: Uint8Array; recid: number };
    };
    return (digest) => {
      const { signature, recid } = native.ecdsaSign(hexToBytes(digest), hexToBytes(KEY));
      return `${bytesToHex(signature)}${(27 + recid).toString(16)}` as Hex;
    };
  } catch {
    return (digest) => signDigest(KEY, digest);
  }
}
