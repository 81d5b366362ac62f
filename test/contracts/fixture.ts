// SPDX-License-Identifier: MIT
import { type BatchHeader, batchId, leafHash } from "@meantime/sdk/batch";
import { type Claim, claimId } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { enclaveKeyIdOf as secp256k1KeyId } from "@meantime/sdk/enclave-keys";
import { batchAttestationDigest, claimAttestationDigest } from "@meantime/sdk/evidence";
import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { EVIDENCE_KINDS, EVIDENCE_RULES, type Policy, policyId } from "@meantime/sdk/policy";
import { signDigest } from "@meantime/sdk/signature";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { id, Wallet, ZeroHash } from "ethers";
import hre from "hardhat";
import { SIMULATED_NITRO_ROOT, simulatedNitroMeasurement } from "../../relayer/src/attest/simulated/nitro.ts";
import { type Deployment, deployMeantime } from "../../scripts/chain/deployment.ts";
import { registerDigitModel } from "../../scripts/chain/models.ts";
import {
  allowanceOf,
  publicKeyOf,
  registerSimulated,
  type SimulatedImage,
} from "../../scripts/chain/simulated-nitro.ts";

export const CLAIM_BOND_WEI = 10n ** 16n;
export const CHALLENGE_BOND_WEI = 5n * 10n ** 15n;
export const CHALLENGE_WINDOW_SECONDS = 3600;
export const ATTESTED_WINDOW_SECONDS = 600;
export const PROVE_WINDOW_SECONDS = 900;
export const CHALLENGER_BPS = 4000;
export const REQUESTER_BPS = 4000;
export const MAX_LOCKABLE_BPS = 9000;
const DAY_SECONDS = 24 * 3600;

export const connection = await hre.network.create<"l1">();
export const { ethers, networkHelpers } = connection;

/** The image of the enclave that runs the digit model. */
export const ENCLAVE_IMAGE = "meantime test enclave image";

export type RuleName = keyof typeof EVIDENCE_RULES;

/** A protocol with the digit model, one policy per rule, a staked operator and an enclave. */
export interface World extends Deployment {
  domain: SettlementDomain;
  modelId: Hex;
  measurement: Hex;
  policyIds: Record<RuleName, Hex>;
  admin: HardhatEthersSigner;
  operator: HardhatEthersSigner;
  sender: HardhatEthersSigner;
  challenger: HardhatEthersSigner;
  requester: HardhatEthersSigner;
  prover: HardhatEthersSigner;
  stranger: HardhatEthersSigner;
  receiptKey: Wallet;
  enclaveKey: Wallet;
  enclaveKeyId: Hex;
}

/** What the document of an enclave's key says, and how long its certificate holds. */
export interface EnclaveOptions extends SimulatedImage {
  lifetimeSeconds: number;
}

/** A batch that a test has built: what every call about one of its claims takes. */
export interface Batch {
  header: BatchHeader;
  batchId: Hex;
  claims: Claim[];
  claimIds: Hex[];
  proofs: Hex[][];
}

export async function deployWorld(): Promise<World> {
  const [admin, operator, sender, challenger, requester, prover, stranger] = await ethers.getSigners();
  if (!(admin && operator && sender && challenger && requester && prover && stranger)) {
    throw new Error("the network has too few accounts");
  }
  const deployment = await deployMeantime(connection, { nitroRoot: SIMULATED_NITRO_ROOT });
  const measurement = simulatedNitroMeasurement(ENCLAVE_IMAGE);
  const modelId = await registerDigitModel(deployment, measurement);
  const policyIds = await registerPolicies(deployment);
  const enclaveKey = new Wallet(id("enclave key"));
  const receiptKey = new Wallet(id("receipt key"));
  await enterEnclaveKey(deployment, enclaveKey);

  await deployment.settlement.connect(operator).stake(operator.address, { value: 10n ** 18n });
  await deployment.settlement.connect(operator).setSender(sender.address, Object.values(policyIds), true);
  await deployment.receipts.connect(operator).acceptPolicies(Object.values(policyIds));
  await deployment.receipts.connect(operator).addReceiptKey(receiptKey.address);

  const { chainId } = await ethers.provider.getNetwork();
  const settlement = asAddress(await deployment.settlement.getAddress());
  const domain = { chainId, settlement };
  return {
    ...deployment,
    ...{ admin, operator, sender, challenger, requester, prover, stranger },
    ...{ domain, modelId, measurement, policyIds, receiptKey },
    ...{ enclaveKey, enclaveKeyId: enclaveKeyIdOf(enclaveKey) },
  };
}

/** One policy for each rule, all with the same windows and bonds; challenges are answered by proof or enclave. */
export async function registerPolicies(deployment: Deployment): Promise<Record<RuleName, Hex>> {
  const ids: Partial<Record<RuleName, Hex>> = {};
  for (const rule of Object.keys(EVIDENCE_RULES) as RuleName[]) {
    const policy = await policyFor(deployment, rule);
    await deployment.policies.register(policy);
    ids[rule] = policyId(policy);
  }
  return ids as Record<RuleName, Hex>;
}

export async function policyFor(deployment: Deployment, rule: RuleName): Promise<Policy> {
  return {
    rule: EVIDENCE_RULES[rule],
    answerKinds: EVIDENCE_KINDS.zk | EVIDENCE_KINDS.tee,
    publicData: false,
    bondToken: ZERO_ADDRESS,
    zkEvidence: asAddress(await deployment.groth16Evidence.getAddress()),
    teeEvidence: asAddress(await deployment.enclaveEvidence.getAddress()),
    quorumEvidence: ZERO_ADDRESS,
    challengeWindowSeconds: CHALLENGE_WINDOW_SECONDS,
    attestedWindowSeconds: rule === "teeThenWindow" ? ATTESTED_WINDOW_SECONDS : 0,
    proveWindowSeconds: PROVE_WINDOW_SECONDS,
    claimBondWei: CLAIM_BOND_WEI,
    challengeBondWei: CHALLENGE_BOND_WEI,
    challengerBps: CHALLENGER_BPS,
    requesterBps: REQUESTER_BPS,
  };
}

/**
 * Has a simulated enclave attest a key, its image allowed the way a curator has to: announce, wait out the delay, execute.
 * @returns when the key expires
 */
export async function enterEnclaveKey(
  deployment: Deployment,
  key: Wallet,
  { image = ENCLAVE_IMAGE, lifetimeSeconds = 90 * DAY_SECONDS, ...rest }: Partial<EnclaveOptions> = {},
): Promise<number> {
  await allowImage(deployment, image);
  const notAfter = (await networkHelpers.time.latest()) + lifetimeSeconds;
  await registerSimulated(connection, deployment, publicKeyOf(key), { image, notAfter, ...rest });
  return notAfter;
}

/** Has the curator allow an image, unless it is. */
export async function allowImage(deployment: Deployment, image: string): Promise<void> {
  const { manager, enclaveEvidence } = deployment;
  const entry = await enclaveEvidence.measurementEntryOf(simulatedNitroMeasurement(image));
  if (entry.isAllowed) return;
  const args = await allowanceOf(deployment, image);
  const call = enclaveEvidence.interface.encodeFunctionData("allowMeasurement", [...args]);
  await manager.schedule(enclaveEvidence, call, 0);
  await networkHelpers.time.increase(DAY_SECONDS + 1);
  await manager.execute(enclaveEvidence, call);
}

/** By what the registry calls a wallet's key. */
export function enclaveKeyIdOf({ address }: { address: string }): Hex {
  return secp256k1KeyId(asAddress(address));
}

export async function buildBatch(
  world: World,
  rule: RuleName,
  { count = 4, claims = {}, header = {}, nonce = 1n }: BatchOptions = {},
): Promise<Batch> {
  const servedAt = BigInt(await networkHelpers.time.latest());
  const all = Array.from({ length: count }, (_, index) => ({
    modelId: world.modelId,
    policyId: world.policyIds[rule],
    operator: asAddress(world.operator.address),
    requester: asAddress(world.requester.address),
    requestId: id(`request ${index}`) as Hex,
    inputHash: wordOf(1000n + BigInt(index)),
    outputHash: wordOf(BigInt(index % 10)),
    servedAt,
    commitBy: servedAt + 600n,
    ...claims,
  }));
  return batchOf(world, all, { nonce, ...header });
}

/** Puts given claims into a batch; `header` overrides what would honestly follow from them. */
export function batchOf(world: World, claims: Claim[], header: Partial<BatchHeader> = {}): Batch {
  const [first] = claims;
  if (!first) throw new Error("a batch needs a claim");
  const claimIds = claims.map((claim) => claimId(world.domain, claim));
  const tree = buildMerkleTree(claimIds.map((claim, index) => leafHash(index, claim)));
  const full: BatchHeader = {
    operator: first.operator,
    policyId: first.policyId,
    modelId: first.modelId,
    root: tree.root,
    dataRoot: ZeroHash as Hex,
    count: claims.length,
    oldestServedAt: first.servedAt,
    nonce: 1n,
    ...header,
  };
  return {
    header: full,
    batchId: batchId(world.domain, full),
    claims,
    claimIds,
    proofs: claims.map((_, index) => tree.proof(index)),
  };
}

export async function commitBatch(world: World, rule: RuleName, options: BatchOptions = {}): Promise<Batch> {
  const batch = await buildBatch(world, rule, options);
  await world.settlement.connect(world.sender).commit(batch.header);
  return batch;
}

/** The arguments (header, claim, index, proof) of one claim of a batch. */
export function memberOf(batch: Batch, index: number): [BatchHeader, Claim, number, Hex[]] {
  const claim = batch.claims[index];
  const proof = batch.proofs[index];
  if (!claim || !proof) throw new RangeError(`no claim at ${index}`);
  return [batch.header, claim, index, proof];
}

export function claimAt(batch: Batch, index: number): { claim: Claim; claimId: Hex } {
  const claim = batch.claims[index];
  const claimId = batch.claimIds[index];
  if (!claim || !claimId) throw new RangeError(`no claim at ${index}`);
  return { claim, claimId };
}

export async function challengeClaim(world: World, batch: Batch, index: number): Promise<void> {
  await world.settlement
    .connect(world.challenger)
    .challenge(...memberOf(batch, index), { value: CHALLENGE_BOND_WEI });
}

export async function signBatch(world: World, batch: Batch, key: Wallet = world.enclaveKey): Promise<Hex> {
  const digest = batchAttestationDigest(await enclaveDomain(world), batch.batchId, batch.header.modelId);
  return signDigest(key.privateKey as Hex, digest);
}

export async function signClaim(
  world: World,
  claimIdentifier: Hex,
  beneficiary: string,
  key: Wallet = world.enclaveKey,
): Promise<Hex> {
  const digest = claimAttestationDigest(await enclaveDomain(world), claimIdentifier, asAddress(beneficiary));
  return signDigest(key.privateKey as Hex, digest);
}

export function asAddress(address: string): Address {
  return address.toLowerCase() as Address;
}

export function wordOf(value: bigint): Hex {
  return `0x${value.toString(16).padStart(64, "0")}`;
}

interface BatchOptions {
  count?: number;
  claims?: Partial<Claim>;
  header?: Partial<BatchHeader>;
  nonce?: bigint;
}

async function enclaveDomain(world: World): Promise<{ chainId: bigint; enclaveEvidence: Address }> {
  return {
    chainId: world.domain.chainId,
    enclaveEvidence: asAddress(await world.enclaveEvidence.getAddress()),
  };
}
