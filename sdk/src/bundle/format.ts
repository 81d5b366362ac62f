// SPDX-License-Identifier: MIT
import { type BatchHeader, batchHeaderToJson, type Opening, parseBatchHeader } from "../batch.ts";
import { isJsonObject, type JsonValue, parseJson } from "../canonical-json.ts";
import type { Inclusion } from "../chain/chain.ts";
import type { SettlementDomain } from "../domain.ts";
import { MeantimeError } from "../errors.ts";
import { type Address, asAddress, asHex32, asHexOf, bytesToHex, type Hex, hexToBytes } from "../hex.ts";
import { asRecord, asUint64 } from "../json.ts";
import type { ModelEntry } from "../model.ts";
import type { Policy } from "../policy.ts";
import { parseReceipt, type Receipt, receiptToJson } from "../receipt.ts";

/** What a bundle file says it is. */
export const BUNDLE_FORMAT = "meantime-bundle";

/** The version of the format that this SDK reads and writes. */
export const BUNDLE_VERSION = 1;

/** Everything about one claim that a stranger needs to judge it, in one file. */
export interface Bundle {
  domain: SettlementDomain;
  receipt: Receipt;
  /** The model's entry in the registry; its id is the hash of it. */
  model?: ModelEntry;
  /** The policy's terms; its id is the hash of them. */
  policy?: Policy;
  /** What the claim's hashes stand for. */
  opening?: Opening;
  /** Where in which batch the claim is. */
  inclusion?: BundleInclusion;
  evidence: BundleEvidence[];
  /** Where it happened on the chain. No file can prove it: look it up. */
  chain?: ChainRecord;
}

/** A place in a batch; `dataProof` is the opening's path in the tree behind `dataRoot`. */
export interface BundleInclusion extends Inclusion {
  dataProof?: readonly Hex[];
}

/** Evidence as it was, or could be, brought to Settlement. */
export type BundleEvidence = ProofEvidence | EnclaveSignature | QuorumSignatures;

/** A Groth16 proof, as `encodeGroth16Proof` and `encodeVerificationKey` write it and its key. */
export interface ProofEvidence {
  kind: "zk";
  beneficiary: Address;
  verificationKey: Hex;
  /** Empty where the claim's proof was judged together with others. */
  proof: Hex;
  /** Proofs that were judged together, as `encodeJudged` writes them. */
  judged?: Hex;
}

/** An enclave's signature over the claim, or over the batch that it is in. */
export interface EnclaveSignature {
  kind: "tee";
  scope: "claim" | "batch";
  /** The EnclaveEvidence contract. */
  enclaveEvidence: Address;
  /** Whom the claim's signature pays; for a batch not signed over. */
  beneficiary: Address;
  /** The enclave's key: its address, of a P-256 key its id (`enclaveKeyId`). */
  key: Address;
  /** Evidence bytes, as `encodeEnclaveEvidence` writes them: 65 of a secp256k1 key, 128 of a P-256 key. */
  signature: Hex;
  /** Where to find why the key is believed to live in the enclave: an attestation document, a registration. */
  attestation?: { kind: string; reference: string };
}

/** Re-executors' signatures over the claim. */
export interface QuorumSignatures {
  kind: "quorum";
  /** The QuorumEvidence contract. */
  quorumEvidence: Address;
  beneficiary: Address;
  signatures: readonly Hex[];
}

/** Chain facts, for whoever looks them up. */
export interface ChainRecord {
  /** Of the commit. */
  blockNumber?: bigint;
  blockHash?: Hex;
  /** Hashes of transactions by what they did: `commit`, `attest`, `evidence`. */
  transactions: Readonly<Record<string, Hex>>;
}

const MEMBERS = [
  "format",
  "version",
  "domain",
  "receipt",
  "model",
  "policy",
  "opening",
  "inclusion",
  "evidence",
  "chain",
];
const WEI_LIMIT = 1n << 88n;
const SIGNATURE_BYTES = 65;
const P256_EVIDENCE_BYTES = 128;

/** A bundle as JSON for a file. */
export function bundleToJson(bundle: Bundle): Record<string, unknown> {
  const { domain, receipt, model, policy, opening, inclusion, evidence, chain } = bundle;
  return {
    ...{ format: BUNDLE_FORMAT, version: BUNDLE_VERSION },
    domain: { ...domain, chainId: domain.chainId.toString() },
    receipt: receiptToJson(receipt),
    ...(model && { model }),
    ...(policy && {
      policy: {
        ...policy,
        claimBondWei: policy.claimBondWei.toString(),
        challengeBondWei: policy.challengeBondWei.toString(),
      },
    }),
    ...(opening && {
      opening: { input: bytesToHex(opening.input), salt: opening.salt, output: bytesToHex(opening.output) },
    }),
    ...(inclusion && { inclusion: { ...inclusion, header: batchHeaderToJson(inclusion.header) } }),
    evidence,
    ...(chain && {
      chain: {
        ...chain,
        ...(chain.blockNumber === undefined ? {} : { blockNumber: chain.blockNumber.toString() }),
      },
    }),
  };
}

/**
 * Reads the text of a bundle file. Throws MT-SDK-008 for what is no JSON with one meaning, MT-SDK-801 for another format or
 * version and for members that the format does not have, MT-SDK-802 and the errors of `parseReceipt` and
 * `parseBatchHeader` naming the member that is not well-formed. Nothing of it is verified then: see `verifyBundle`.
 */
export function parseBundle(text: string): Bundle {
  const json = parseJson(text);
  if (!isJsonObject(json) || json.format !== BUNDLE_FORMAT || json.version !== BUNDLE_VERSION) {
    throw notOurs(`it is not a ${BUNDLE_FORMAT} of version ${BUNDLE_VERSION}`);
  }
  requireKnown(json, MEMBERS, "");
  const { domain, receipt, model, policy, opening, inclusion, evidence, chain } = json;
  return {
    domain: parseDomain(domain),
    receipt: parseReceipt(receipt),
    ...(model === undefined ? {} : { model: parseModelEntry(model) }),
    ...(policy === undefined ? {} : { policy: parsePolicy(policy) }),
    ...(opening === undefined ? {} : { opening: parseOpening(opening) }),
    ...(inclusion === undefined ? {} : { inclusion: parseInclusion(inclusion) }),
    evidence: asList(evidence, "evidence").map((one, at) => parseEvidence(one, `evidence[${at}]`)),
    ...(chain === undefined ? {} : { chain: parseChain(chain) }),
  };
}

function parseDomain(json: unknown): SettlementDomain {
  const { chainId, settlement } = asRecord(json, "domain");
  return {
    chainId: asUint64(chainId, "domain.chainId"),
    settlement: asAddress(settlement, "domain.settlement"),
  };
}

function parseModelEntry(json: unknown): ModelEntry {
  const fields = asRecord(json, "model");
  const hash = (name: string) => asHex32(fields[name], `model.${name}`);
  return {
    name: asText(fields.name, "model.name"),
    version: asNumber(fields.version, "model.version", 2 ** 32 - 1),
    specHash: hash("specHash"),
    inputScheme: hash("inputScheme"),
    outputScheme: hash("outputScheme"),
    verificationKeyId: hash("verificationKeyId"),
    measurement: hash("measurement"),
    reexecutable: asFlag(fields.reexecutable, "model.reexecutable"),
  };
}

function parsePolicy(json: unknown): Policy {
  const fields = asRecord(json, "policy");
  const address = (name: string) => asAddress(fields[name], `policy.${name}`);
  const number = (name: string, max: number) => asNumber(fields[name], `policy.${name}`, max);
  return {
    rule: number("rule", 255),
    answerKinds: number("answerKinds", 255),
    publicData: asFlag(fields.publicData, "policy.publicData"),
    bondToken: address("bondToken"),
    zkEvidence: address("zkEvidence"),
    teeEvidence: address("teeEvidence"),
    quorumEvidence: address("quorumEvidence"),
    challengeWindowSeconds: number("challengeWindowSeconds", 2 ** 32 - 1),
    attestedWindowSeconds: number("attestedWindowSeconds", 2 ** 32 - 1),
    proveWindowSeconds: number("proveWindowSeconds", 2 ** 32 - 1),
    claimBondWei: asWei(fields.claimBondWei, "policy.claimBondWei"),
    challengeBondWei: asWei(fields.challengeBondWei, "policy.challengeBondWei"),
    challengerBps: number("challengerBps", 10_000),
    requesterBps: number("requesterBps", 10_000),
  };
}

function parseOpening(json: unknown): Opening {
  const { input, salt, output } = asRecord(json, "opening");
  return {
    input: asBytes(input, "opening.input"),
    salt: asHex32(salt, "opening.salt"),
    output: asBytes(output, "opening.output"),
  };
}

function parseInclusion(json: unknown): BundleInclusion {
  const { header, index, proof, dataProof } = asRecord(json, "inclusion");
  const parsed: BatchHeader = parseBatchHeader(header);
  return {
    header: parsed,
    index: asNumber(index, "inclusion.index", parsed.count - 1),
    proof: asHashes(proof, "inclusion.proof"),
    ...(dataProof === undefined ? {} : { dataProof: asHashes(dataProof, "inclusion.dataProof") }),
  };
}

function parseEvidence(json: unknown, where: string): BundleEvidence {
  const fields = asRecord(json, where);
  const beneficiary = asAddress(fields.beneficiary, `${where}.beneficiary`);
  const hex = (name: string) => bytesToHex(asBytes(fields[name], `${where}.${name}`));
  if (fields.kind === "zk") {
    const proof = { verificationKey: hex("verificationKey"), proof: hex("proof") };
    return {
      kind: "zk",
      beneficiary,
      ...proof,
      ...(fields.judged === undefined ? {} : { judged: hex("judged") }),
    };
  }
  if (fields.kind === "quorum") {
    const signatures = asList(fields.signatures, `${where}.signatures`);
    return {
      ...{ kind: "quorum", beneficiary },
      quorumEvidence: asAddress(fields.quorumEvidence, `${where}.quorumEvidence`),
      signatures: signatures.map((one, at) => asHexOf(one, SIGNATURE_BYTES, `${where}.signatures[${at}]`)),
    };
  }
  if (fields.kind !== "tee") throw malformed(`${where}.kind`, "one of zk, tee, quorum");
  const { scope } = fields;
  if (scope !== "claim" && scope !== "batch") throw malformed(`${where}.scope`, "claim or batch");
  return {
    ...{ kind: "tee", scope, beneficiary },
    enclaveEvidence: asAddress(fields.enclaveEvidence, `${where}.enclaveEvidence`),
    ...asEnclaveKey(fields.key, fields.signature, where),
    ...(fields.attestation === undefined ? {} : { attestation: parseReference(fields.attestation, where) }),
  };
}

function asEnclaveKey(key: unknown, signature: unknown, where: string): { key: Hex; signature: Hex } {
  const isP256 = typeof signature === "string" && signature.length === 2 + 2 * P256_EVIDENCE_BYTES;
  return {
    key: isP256 ? asHex32(key, `${where}.key`) : asAddress(key, `${where}.key`),
    signature: asHexOf(signature, isP256 ? P256_EVIDENCE_BYTES : SIGNATURE_BYTES, `${where}.signature`),
  };
}

function parseReference(json: unknown, where: string): { kind: string; reference: string } {
  const { kind, reference } = asRecord(json, `${where}.attestation`);
  return {
    kind: asText(kind, `${where}.attestation.kind`),
    reference: asText(reference, `${where}.attestation.reference`),
  };
}

function parseChain(json: unknown): ChainRecord {
  const { blockNumber, blockHash, transactions } = asRecord(json, "chain");
  const hashes = Object.entries(asRecord(transactions ?? {}, "chain.transactions"));
  return {
    ...(blockNumber === undefined ? {} : { blockNumber: asUint64(blockNumber, "chain.blockNumber") }),
    ...(blockHash === undefined ? {} : { blockHash: asHex32(blockHash, "chain.blockHash") }),
    transactions: Object.fromEntries(
      hashes.map(([name, hash]) => [name, asHex32(hash, `chain.transactions.${name}`)]),
    ),
  };
}

function requireKnown(json: Record<string, JsonValue>, known: readonly string[], where: string): void {
  const unknown = Object.keys(json).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw notOurs(`it has a member ${where}${unknown}, which this version does not know`);
}

function asList(value: unknown, field: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(field, "a list");
}

function asHashes(value: unknown, field: string): Hex[] {
  return asList(value, field).map((hash, at) => asHex32(hash, `${field}[${at}]`));
}

function asBytes(value: unknown, field: string): Uint8Array {
  if (typeof value === "string" && value.length % 2 === 0 && /^0x[0-9a-fA-F]*$/.test(value))
    return hexToBytes(value);
  throw malformed(field, "bytes in hexadecimal");
}

function asText(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw malformed(field, "a text");
}

function asFlag(value: unknown, field: string): boolean {
  if (typeof value === "boolean") return value;
  throw malformed(field, "true or false");
}

function asNumber(value: unknown, field: string, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw malformed(field, `a whole number from 0 to ${max}`);
}

function asWei(value: unknown, field: string): bigint {
  if (typeof value === "string" && /^\d{1,27}$/.test(value) && BigInt(value) < WEI_LIMIT)
    return BigInt(value);
  throw malformed(field, "an amount as a decimal string");
}

function notOurs(what: string): MeantimeError {
  return new MeantimeError("MT-SDK-801", `this bundle cannot be judged: ${what}`, {
    hint: "Use an SDK of the version that wrote it.",
  });
}

function malformed(field: string, what: string): MeantimeError {
  return new MeantimeError("MT-SDK-802", `${field} is not ${what}`, {
    hint: "Take the bundle as it was written.",
    details: { field },
  });
}
