// SPDX-License-Identifier: MIT
import { collateralCalls } from "@meantime/sdk/dcap/collateral";
import { type QuoteParts, splitQuote } from "@meantime/sdk/dcap/quote";
import { readReport } from "@meantime/sdk/dcap/report";
import {
  ENCLAVE_PLATFORMS,
  type EnclavePublicKey,
  enclaveKeyBinding,
  intelMeasurement,
  nitroMeasurement,
  parseEnclavePublicKey,
  pcrSet,
} from "@meantime/sdk/enclave-keys";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { chainSignatures } from "@meantime/sdk/nitro/signatures";
import { p384Hints } from "@meantime/sdk/p384-hints";
import { p256 } from "@noble/curves/nist.js";
import { sha384 } from "@noble/hashes/sha2.js";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import type { Contract } from "ethers";
import { id, SigningKey } from "ethers";
import { bundle, rootCertificate as intelRoot, NOW } from "../../relayer/src/attest/simulated/pki/intel.ts";
import {
  certificateOf,
  chainOf,
  type DocumentContent,
  documentOf,
} from "../../relayer/src/attest/simulated/pki/nitro.ts";
import { type QuoteContent, quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { onChain } from "../../scripts/chain/simulated-nitro.ts";
import type { EnclaveEvidence, NitroVerifier } from "../../types/ethers-contracts/index.ts";
import { beginAnew, ethers, networkHelpers } from "./chain.ts";
import { deployDcap, enter, enterBundle } from "./dcap-world.ts";
import { hintsFor } from "./nitro-world.ts";

/** What a test sends to `registerNitro` and `registerIntel`. */
export type NitroCall = [ReturnType<typeof onChain>, number, Hex, Hex, Hex[]];
export type IntelCall = [ReturnType<typeof onChain>, number, Hex, QuoteParts];

/** The contract that takes keys and judges evidence, over both verifiers on roots of our own. */
export interface RegistryWorld {
  registry: EnclaveEvidence;
  nitro: NitroVerifier;
  collateral: Contract;
  models: Contract;
  admin: HardhatEthersSigner;
  stranger: HardhatEthersSigner;
}

/** A key of an enclave with its secret, named by a label. */
export interface TestKey extends EnclavePublicKey {
  secret: Hex;
}

/** The block that a binding names, and where it is to count. */
export interface Binding {
  blockNumber: number;
  userData: Hex;
}

export type Terms = { platform: number; pcrs: number } & typeof NITRO_TERMS;

export const HOUR_SECONDS = 3600;
export const DAY_SECONDS = 24 * HOUR_SECONDS;
export const MAX_KEYS_PER_PLATFORM = 3;
export const NITRO_TERMS = {
  statuses: 1,
  minEvaluationNumber: 0,
  maxBlockAge: 256,
  maxKeySeconds: 30 * DAY_SECONDS,
};
export const NITRO_POLICY: Terms = { platform: ENCLAVE_PLATFORMS.nitro, pcrs: pcrSet(), ...NITRO_TERMS };
/** UpToDate and OutOfDate. */
export const INTEL_STATUSES = 0b10001;

const DEPLOYED_BEFORE_SECONDS = HOUR_SECONDS;
const CHAIN = chainOf();
const REPORT_DATA_AT = { sgx: 320, tdx: 520 } as const;

/** 16 PCRs of an image. */
export function pcrsOf(image: string): [number, Uint8Array][] {
  return Array.from({ length: 16 }, (_, pcr) => [
    pcr,
    pcr < 3 || pcr === 8 ? sha384(new TextEncoder().encode(`${image} ${pcr}`)) : new Uint8Array(48),
  ]);
}

export function nitroImage(image: string, selected?: number[]): Hex {
  return nitroMeasurement(new Map(pcrsOf(image)), selected);
}

/** The measurement that the PKI's quotes show. */
export function intelImage(changes: Partial<QuoteContent> = {}): Hex {
  const split = splitQuote(quote(changes));
  return intelMeasurement(split.tee, readReport(split).measurement);
}

export const IMAGE = nitroImage("image");

/** With the image and what both kinds of quotes show allowed, and everything of Intel's entered. */
export async function deployRegistryWorld(): Promise<RegistryWorld> {
  const world = await deployEmptyRegistry();
  await allow(world, IMAGE, NITRO_POLICY);
  for (const tee of ["tdx", "sgx"] as const) await allow(world, intelImage({ tee }), intelPolicy(tee));
  return world;
}

/** The same with nothing allowed. Whoever administers acts without delay here: delays are the AccessManager's. */
export async function deployEmptyRegistry(): Promise<RegistryWorld> {
  await beginAnew();
  await networkHelpers.time.setNextBlockTimestamp(NOW - DEPLOYED_BEFORE_SECONDS);
  const [admin, stranger] = await ethers.getSigners();
  if (!(admin && stranger)) throw new Error("the network has too few accounts");
  const manager = await ethers.deployContract("AccessManager", [admin.address]);
  const models = await ethers.deployContract("ModelRegistry", [manager]);
  const p384 = await ethers.deployContract("P384");
  const sha384Contract = await ethers.deployContract("Sha384");
  const root = certificateOf("root");
  const nitro = await ethers.deployContract("NitroVerifier", [manager, root, p384, sha384Contract]);
  const dcap = await deployDcap(intelRoot());
  await enterBundle(dcap, bundle("tdx"));
  const rest = collateralCalls(bundle("sgx")).filter(({ method }) => /TcbInfo|QeIdentity/.test(method));
  for (const { method, args } of rest) await enter(dcap.collateral, method, ...args);
  const registry = await ethers.deployContract("EnclaveEvidence", [
    ...[manager, models, nitro, dcap.verifier, MAX_KEYS_PER_PLATFORM],
  ]);
  await networkHelpers.time.increaseTo(NOW);
  // Remembered from here on, so that each document costs one signature.
  await nitro.getFunction("verifyChain")(
    CHAIN,
    chainSignatures(CHAIN).map(({ signature }) => p384Hints(signature)),
  );
  return {
    registry: registry as unknown as EnclaveEvidence,
    nitro: nitro as unknown as NitroVerifier,
    models: models as unknown as Contract,
    ...{ collateral: dcap.collateral, admin, stranger },
  };
}

export async function allow({ registry }: RegistryWorld, measurement: Hex, policy: Terms): Promise<void> {
  const { revision } = await registry.measurementEntryOf(measurement);
  await registry.allowMeasurement(measurement, revision, policy);
}

export function intelPolicy(tee: "sgx" | "tdx"): Terms {
  return { ...NITRO_POLICY, platform: ENCLAVE_PLATFORMS[tee], pcrs: 0, statuses: INTEL_STATUSES };
}

/** A key of its own for each label. */
export function keyOf(label: string, kind: "secp256k1" | "p256" = "secp256k1"): TestKey {
  const secret = id(`meantime enclave ${label}`) as Hex;
  const sec1 =
    kind === "p256" ? p256.getPublicKey(hexToBytes(secret)) : hexToBytes(new SigningKey(secret).publicKey);
  return { ...parseEnclavePublicKey(kind, sec1), secret };
}

/** What a document has to say for a key to be taken now; a test may have it name another block, chain or contract. */
export async function bindingFor(
  { registry }: Pick<RegistryWorld, "registry">,
  key: EnclavePublicKey,
  measurement: Hex,
  changes: Partial<{ blockNumber: number; hash: Hex; chainId: bigint; registry: Hex }> = {},
): Promise<Binding> {
  const blockNumber = changes.blockNumber ?? (await ethers.provider.getBlockNumber());
  const block = await ethers.provider.getBlock(blockNumber);
  const { chainId } = await ethers.provider.getNetwork();
  const domain = {
    chainId: changes.chainId ?? chainId,
    enclaveEvidence: changes.registry ?? ((await registry.getAddress()).toLowerCase() as Hex),
  };
  const hash = changes.hash ?? ((block?.hash ?? id("no block")) as Hex);
  const challenge = { number: BigInt(blockNumber), hash };
  return { blockNumber, userData: enclaveKeyBinding(domain, key, measurement, challenge) };
}

/** The arguments of `registerNitro`. */
export async function nitroCall(
  world: RegistryWorld,
  key: EnclavePublicKey,
  { image = "image", binding, measurement = nitroImage(image), isHinted = true, ...changes }: NitroCase = {},
): Promise<NitroCall> {
  const { blockNumber, userData } = binding ?? (await bindingFor(world, key, measurement));
  const document = documentOf({
    ...{ chain: CHAIN, pcrs: pcrsOf(image), userData: hexToBytes(userData) },
    timestampMs: (await networkHelpers.time.latest()) * 1000,
    ...changes,
  });
  const hints = isHinted ? await hintsFor(world.nitro, document) : [];
  return [onChain(key), blockNumber, measurement, bytesToHex(document), hints];
}

/** The arguments of `registerIntel`. */
export async function intelCall(
  world: Pick<RegistryWorld, "registry">,
  key: EnclavePublicKey,
  { binding, measurement: named, reportData, ...changes }: IntelCase = {},
): Promise<IntelCall> {
  const measurement = named ?? intelImage(changes);
  const { blockNumber, userData } = binding ?? (await bindingFor(world, key, measurement));
  const tee = changes.tee ?? "tdx";
  const data = reportData ?? `${userData.slice(2)}${"00".repeat(32)}`;
  const report = [...(changes.report ?? []), [REPORT_DATA_AT[tee], data] as const];
  const { parts } = splitQuote(quote({ ...changes, report }));
  return [onChain(key), blockNumber, measurement, parts];
}

export interface NitroCase extends Partial<DocumentContent> {
  image?: string;
  binding?: Binding;
  measurement?: Hex;
  /** False where the document is never looked at: hints take time. */
  isHinted?: boolean;
}

export interface IntelCase extends Partial<QuoteContent> {
  binding?: Binding;
  measurement?: Hex;
  /** 64 bytes without 0x. */
  reportData?: string;
}
