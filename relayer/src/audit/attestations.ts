// SPDX-License-Identifier: GPL-3.0-or-later

import { readReport } from "@meantime/sdk/dcap/report";
import { quoteFault } from "@meantime/sdk/dcap/signatures";
import {
  ENCLAVE_KEY_KINDS,
  ENCLAVE_PLATFORMS,
  type EnclaveKeyKind,
  type EnclavePublicKey,
  enclaveKeyBinding,
  enclaveKeyId,
  encodeEnclavePublicKey,
  intelMeasurement,
  intelReportData,
  nitroMeasurement,
} from "@meantime/sdk/enclave-keys";
import { MeantimeError } from "@meantime/sdk/errors";
import type { EvidenceFacts } from "@meantime/sdk/evidence-from-chain/facts";
import { type Address, bytesToHex, type Hex, hexToBytes, ZERO_HASH } from "@meantime/sdk/hex";
import { AWS_NITRO_ROOT_CERTIFICATE } from "@meantime/sdk/nitro/aws-root";
import { chainIds } from "@meantime/sdk/nitro/signatures";
import { verifyNitroDocument } from "@meantime/sdk/nitro/verify";
import type { Verdict } from "@meantime/sdk/verdict";
import { SIMULATED_NITRO_ROOT } from "../attest/simulated/nitro.ts";
import { DEVELOPMENT_CHAIN_ID } from "../config/development-chain.ts";
import { INTERFACES, lower } from "./events.ts";
import type { Findings } from "./findings.ts";
import { addressNamedBy, type PinnedChain } from "./pinned-chain.ts";
import { type ChainRecord, pair, type RegistrationRecord, type VouchedRecord } from "./record.ts";
import { type RegistrationCall, registrationCall } from "./registration-call.ts";

/** Which enclaves were believed, and why. */
export interface EnclaveReport {
  /** Every document by which a key was entered or renewed. */
  registrations: {
    contract: Address;
    keyId: Hex;
    number: number;
    measurement: Hex;
    block: number;
    tx: Hex;
    verdict: Verdict;
    reason: string;
  }[];
  /**
   * Evidence of enclaves for claims and batches of the audit: `valid` where the key attested then and its document was
   * verified anew.
   */
  evidence: Record<Verdict, number>;
}

interface Judgement {
  verdict: Verdict;
  reason: string;
}

/** The registry takes no document that is older. */
const MAX_DOCUMENT_SECONDS = 3600;
const NITRIDING_BYTES = 68;
const NITRIDING_HEAD = "1220";
const DIGITS_PER_BYTE = 2;

/** Places in what a quote signs. */
const QUOTE = { versionAt: 0, teeAt: 4, reportAt: 48, describedReportAt: 54, tdx: 0x81, described: 5 };

/**
 * Judges every document by which a key of an enclave was entered, without the chain's verifiers, and whether the list
 * allowed the key at each moment at which it vouched for something.
 *
 * @param isJudged false: documents are left alone, and nobody can tell
 */
export async function auditAttestations(
  chain: PinnedChain,
  record: ChainRecord,
  facts: EvidenceFacts,
  { isJudged, batchIds }: { isJudged: boolean; batchIds: ReadonlySet<Hex> },
  findings: Findings,
): Promise<EnclaveReport> {
  const judgements = new Map<RegistrationRecord, Judgement>();
  const roots = isJudged ? await rootsOf(chain, record, findings) : new Map<Address, Uint8Array>();
  for (const registration of record.registrations) {
    const judgement = isJudged
      ? await judgeRegistration(chain, registration, roots.get(registration.contract))
      : cannotTell("documents were not judged");
    judgements.set(registration, judgement);
    if (isJudged) tell(registration, judgement, findings);
  }
  const evidence: EnclaveReport["evidence"] = { valid: 0, invalid: 0, "cannot tell": 0 };
  for (const vouched of record.vouched) {
    if (!batchIds.has(vouched.batchId)) continue;
    const own = await judgeVouched(vouched, facts);
    const about = { batchId: vouched.batchId, claimId: vouched.claimId };
    const what = `${vouched.claimId ? `claim ${vouched.claimId}` : `batch ${vouched.batchId}`}: ${own.reason}`;
    if (own.verdict === "invalid") findings.add("enclave-not-allowed", what, vouched.place, about);
    if (own.verdict === "cannot tell") findings.add("attestation-unverifiable", what, vouched.place, about);
    const document = vouched.registration && judgements.get(vouched.registration)?.verdict;
    evidence[worse(own.verdict, document ?? "invalid")]++;
  }
  return { registrations: [...judgements].map(([one, judgement]) => lineOf(one, judgement)), evidence };
}

function tell(
  { keyId, contract, place }: RegistrationRecord,
  { verdict, reason }: Judgement,
  findings: Findings,
) {
  if (verdict === "valid") return;
  const name = verdict === "invalid" ? "attestation-invalid" : "attestation-unverifiable";
  findings.add(name, `the enclave's key ${keyId}: ${reason}`, place, { keyId, contract });
}

function lineOf(
  { contract, keyId, number, measurement, place }: RegistrationRecord,
  judgement: Judgement,
): EnclaveReport["registrations"][number] {
  const { blockNumber: block, txHash: tx } = place;
  return { contract, keyId, number, measurement, block, tx, ...judgement };
}

/** Where the key stood when it vouched, by events alone. */
async function judgeVouched(
  { registration, fault, doubt, contract, modelId }: VouchedRecord,
  facts: EvidenceFacts,
): Promise<Judgement> {
  if (fault !== undefined || registration === undefined) return invalid(fault ?? "no key is known");
  if (modelId !== ZERO_HASH) {
    const model = await facts.modelOf(contract, modelId);
    if (model === undefined) return cannotTell(`the model ${modelId} is not on the chain`);
    if (model.measurement !== registration.measurement)
      return invalid(`the key ${registration.keyId} lives in another enclave than the model's`);
  }
  return doubt === undefined ? valid("the list allowed the key then") : cannotTell(doubt);
}

/** For each registry the certificate that its Nitro documents have to begin with, where it is one that we know. */
async function rootsOf(
  chain: PinnedChain,
  { registrations }: ChainRecord,
  findings: Findings,
): Promise<Map<Address, Uint8Array>> {
  const roots = new Map<Address, Uint8Array>();
  const isDevelopment = chain.domain.chainId === BigInt(DEVELOPMENT_CHAIN_ID);
  const known = [AWS_NITRO_ROOT_CERTIFICATE, ...(isDevelopment ? [SIMULATED_NITRO_ROOT] : [])].map(
    hexToBytes,
  );
  const isNitro = ({ terms }: RegistrationRecord) => terms?.platform === ENCLAVE_PLATFORMS.nitro;
  for (const contract of new Set(registrations.filter(isNitro).map((one) => one.contract))) {
    const nitro = await addressNamedBy(chain, contract, "NITRO");
    const output = await chain.call(nitro, lower(INTERFACES.nitro.encodeFunctionData("ROOT_ID")));
    const rootId = lower(INTERFACES.nitro.decodeFunctionResult("ROOT_ID", output)[0]);
    const root = known.find((one) => chainIds([one])[0] === rootId);
    if (root) roots.set(contract, root);
    else {
      const what = `${contract} believes Nitro documents under the root ${rootId}, which is not AWS's`;
      findings.add("enclave-root-foreign", what, undefined, { contract });
    }
  }
  return roots;
}

/** One document: what the event says of it, what it says itself, and who signed it. */
async function judgeRegistration(
  chain: PinnedChain,
  registration: RegistrationRecord,
  root: Uint8Array | undefined,
): Promise<Judgement> {
  const { place, terms, expiresAt, measurement, contract } = registration;
  if (terms === undefined) return invalid(`its measurement ${measurement} was not on the list`);
  if (expiresAt > place.blockTime + terms.maxKeySeconds)
    return invalid("it counts for longer than the list's terms grant");
  const key = publicKeyOf(registration);
  if (key === undefined || enclaveKeyId(key) !== registration.keyId)
    return invalid("its id is not that of the key in the event");
  const transaction = await chain.transaction(place.txHash);
  if (transaction === undefined)
    return cannotTell("the node has forgotten the transaction with its document");
  const call = registrationCall(transaction.input, registration);
  if (call === undefined) return cannotTell("its document is in no calldata");
  const age = place.blockNumber - call.blockNumber;
  if (age <= 0 || age > terms.maxBlockAge)
    return invalid(`its document names block ${call.blockNumber}, ${age} before it was registered`);
  const block = { number: BigInt(call.blockNumber), hash: await chain.blockHash(call.blockNumber) };
  const domain = { chainId: chain.domain.chainId, enclaveEvidence: contract };
  const binding = enclaveKeyBinding(domain, key, measurement, block);
  try {
    return call.document.platform === "nitro"
      ? judgeNitro(registration, key, call.document.bytes, binding, root)
      : judgeIntel(registration, call.document, binding);
  } catch (error) {
    if (error instanceof MeantimeError) return invalid(error.message);
    throw error;
  }
}

function judgeNitro(
  { place, terms, measurement, expiresAt, revokedCertificates }: RegistrationRecord,
  key: EnclavePublicKey,
  bytes: Hex,
  binding: Hex,
  root: Uint8Array | undefined,
): Judgement {
  if (terms?.platform !== ENCLAVE_PLATFORMS.nitro)
    return invalid("its measurement is not of a Nitro enclave");
  if (root === undefined) return cannotTell("its document is under a root that is not AWS's");
  const judged = verifyNitroDocument(hexToBytes(bytes), {
    ...{ root, atSeconds: place.blockTime, maxAgeSeconds: MAX_DOCUMENT_SECONDS },
    isRevoked: (issuer, serial) => revokedCertificates.has(pair(issuer, String(serial))),
  });
  if (!judged.isValid) return invalid(`its document does not hold: ${judged.reason}`);
  const { document, notAfter } = judged;
  const selected = Array.from({ length: 32 }, (_, pcr) => pcr).filter((pcr) => (terms.pcrs >>> pcr) & 1);
  if (nitroMeasurement(document.pcrs, selected) !== measurement)
    return invalid("its document is of another image");
  if (boundIn(document.userData) !== binding)
    return invalid("its document is not about this key, registry and block");
  const { publicKey } = document;
  if (publicKey?.length && bytesToHex(publicKey) !== bytesToHex(encodeEnclavePublicKey(key)))
    return invalid("its document names another public key");
  if (expiresAt > notAfter) return invalid("it counts for longer than its certificates");
  return valid("its document was verified anew, from the root down");
}

function judgeIntel(
  { terms, measurement }: RegistrationRecord,
  { signed, authentication, pckCertificate }: Extract<RegistrationCall["document"], { platform: "intel" }>,
  binding: Hex,
): Judgement {
  const bytes = hexToBytes(signed);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length <= QUOTE.describedReportAt) return invalid("its quote ends early");
  const tee = view.getUint32(QUOTE.teeAt, true) === QUOTE.tdx ? "tdx" : "sgx";
  const isDescribed = view.getUint16(QUOTE.versionAt, true) === QUOTE.described;
  const report = bytes.slice(isDescribed ? QUOTE.describedReportAt : QUOTE.reportAt);
  const content = readReport({ report, tee });
  if (
    terms?.platform !== ENCLAVE_PLATFORMS[tee] ||
    intelMeasurement(tee, content.measurement) !== measurement
  )
    return invalid("its quote is of another enclave");
  if (content.reportData !== bytesToHex(intelReportData(binding)))
    return invalid("its quote is not about this key, registry and block");
  const fault = quoteFault({ signed, authentication, pckCertificate });
  if (fault !== undefined) return invalid(`its quote does not hold: ${fault}`);
  return cannotTell(
    "its quote is signed by the processor that it names; that Intel made it, and what Intel says of it, the chain alone has judged",
  );
}

/** What the software wrote into a document: alone, or behind the hash of nitriding's TLS key. */
function boundIn(userData: Uint8Array | null): Hex | undefined {
  if (userData === null) return undefined;
  const hex = bytesToHex(userData);
  if (userData.length !== NITRIDING_BYTES) return hex;
  const half = 2 + NITRIDING_BYTES;
  const [first, second] = [hex.slice(2, half), hex.slice(half)];
  if (!first.startsWith(NITRIDING_HEAD) || !second.startsWith(NITRIDING_HEAD)) return undefined;
  return `0x${second.slice(2 * DIGITS_PER_BYTE)}`;
}

function publicKeyOf({ key }: RegistrationRecord): EnclavePublicKey | undefined {
  const kinds = Object.keys(ENCLAVE_KEY_KINDS) as EnclaveKeyKind[];
  const kind = kinds.find((one) => ENCLAVE_KEY_KINDS[one] === key.kind);
  return kind && { kind, x: key.x, y: key.y };
}

function worse(one: Verdict, other: Verdict): Verdict {
  if (one === "invalid" || other === "invalid") return "invalid";
  return one === "cannot tell" || other === "cannot tell" ? "cannot tell" : "valid";
}

function valid(reason: string): Judgement {
  return { verdict: "valid", reason };
}

function invalid(reason: string): Judgement {
  return { verdict: "invalid", reason };
}

function cannotTell(reason: string): Judgement {
  return { verdict: "cannot tell", reason };
}
