// SPDX-License-Identifier: GPL-3.0-or-later
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BatchHeader, batchHeaderToJson, batchId, leafHash, openingLeaf } from "@meantime/sdk/batch";
import { type Claim, claimId, claimToJson } from "@meantime/sdk/claim";
import { commitInput, commitLabel } from "@meantime/sdk/commitment";
import { encodeGroth16Proof, provingContext } from "@meantime/sdk/evidence";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { parseModelSpec, runModel } from "@meantime/sdk/model";
import { signReceipt } from "@meantime/sdk/receipt";
import type { Wallet } from "ethers";
import * as snarkjs from "snarkjs";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import type { LocalStack } from "../../scripts/stack/local.ts";
import { type LocalOperator, lowerCase } from "../../scripts/stack/operators.ts";
import type { LocalPolicy } from "../../scripts/stack/policies.ts";
import { REQUESTER, sampleInput } from "./local-relayer.ts";

/** How a batch is to be out of the ordinary. */
export interface PublishOptions {
  operator?: LocalOperator;
  policyId?: Hex;
  /** Signs the receipts instead of the operator's key. */
  receiptKey?: Wallet;
  /** Of claims by index. */
  claims?: Record<number, Partial<Claim>>;
  /** How much earlier than the latest block it was served, and committed than promised, seconds. */
  servedAgoSeconds?: number;
  commitWithinSeconds?: number;
  /** Alters the file before it is written; undefined: none is. */
  file?: (file: BatchFile) => BatchFile | undefined;
}

/** What an operator serves of a batch. */
export interface BatchFile {
  batchId: Hex;
  header: unknown;
  claims: {
    claim: unknown;
    claimId: Hex;
    signature: Hex;
    opening: { input: string; salt: Hex; output: string };
  }[];
}

/** A batch that was committed, and published to a folder. */
export interface Published {
  batchId: Hex;
  header: BatchHeader;
  claims: Claim[];
  claimIds: Hex[];
  proofs: Hex[][];
  seeds: number[];
}

const SPEC = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
let nonce = 0n;

/** Commits a batch of true answers to the images of these seeds and writes its data into `folder`. */
export async function publish(
  stack: LocalStack,
  folder: string,
  policy: LocalPolicy,
  seeds: readonly number[],
  options: PublishOptions = {},
): Promise<Published> {
  const { operator = stack.operator, claims: changes = {}, servedAgoSeconds = 0 } = options;
  const servedAt = BigInt((await stack.chain.now()) - servedAgoSeconds);
  const openings = seeds.map((seed) => openingOf(seed));
  const claims = openings.map(
    (opening, index): Claim => ({
      ...{ modelId: stack.modelId, policyId: options.policyId ?? stack.policyIds[policy] },
      ...{ operator: lowerCase(operator.owner.address), requester: REQUESTER },
      requestId: `0x${(seeds[index] ?? 0).toString(16).padStart(64, "0")}`,
      ...{ inputHash: opening.inputHash, outputHash: opening.outputHash, servedAt },
      commitBy: servedAt + BigInt(options.commitWithinSeconds ?? 600),
      ...changes[index],
    }),
  );
  const claimIds = claims.map((claim) => claimId(stack.domain, claim));
  const tree = buildMerkleTree(claimIds.map((id, index) => leafHash(index, id)));
  const dataTree = buildMerkleTree(openings.map(({ opening }, index) => openingLeaf(index, opening)));
  const header: BatchHeader = {
    ...{ operator: lowerCase(operator.owner.address), policyId: claims[0]?.policyId ?? "0x" },
    ...{ modelId: stack.modelId, root: tree.root, dataRoot: dataTree.root, count: claims.length },
    ...{ oldestServedAt: servedAt, nonce: ++nonce },
  };
  const { provider } = stack.chain.connection.ethers;
  const settlement = stack.deployment.settlement.connect(operator.owner.connect(provider));
  await (await settlement.commit(header)).wait();
  const id = batchId(stack.domain, header);
  const key = (options.receiptKey ?? operator.receiptKey).privateKey as Hex;
  const file: BatchFile = {
    ...{ batchId: id, header: batchHeaderToJson(header) },
    claims: claims.map((claim, index) => ({
      ...{ claim: claimToJson(claim), claimId: claimIds[index] ?? "0x" },
      signature: signReceipt(key, claim, stack.domain).signature,
      opening: openings[index]?.json ?? { input: "", salt: "0x", output: "" },
    })),
  };
  const written = options.file ? options.file(file) : file;
  if (written) await writeFile(join(folder, `${id}.json`), JSON.stringify(written));
  const proofs = claims.map((_, index) => tree.proof(index));
  return { batchId: id, header, claims, claimIds, proofs, seeds: [...seeds] };
}

/** The arguments of most functions about one claim of a batch. */
export function memberOf(batch: Published, index: number): [BatchHeader, Claim, number, Hex[]] {
  const claim = batch.claims[index];
  const proof = batch.proofs[index];
  if (!claim || !proof) throw new RangeError(`no claim at ${index}`);
  return [batch.header, claim, index, proof];
}

/** A real proof of one claim of a batch that tells the truth. */
export async function proofOf(batch: Published, index: number, beneficiary: string): Promise<Hex> {
  const claim = batch.claimIds[index];
  if (!claim) throw new RangeError(`no claim at ${index}`);
  const { proof } = await snarkjs.groth16.fullProve(
    {
      ...{
        x: sampleInput(batch.seeds[index] ?? 0),
        salt: BigInt(saltOf(batch.seeds[index] ?? 0)).toString(),
      },
      ctx: provingContext(claim, lowerCase(beneficiary)).toString(),
    },
    fileURLToPath(digitModelUrl("wasm")),
    fileURLToPath(digitModelUrl("zkey")),
  );
  return encodeGroth16Proof(proof);
}

function openingOf(seed: number) {
  const input = sampleInput(seed);
  const salt = saltOf(seed);
  const { label } = runModel(SPEC, input);
  const opening = { input: Uint8Array.from(input), salt, output: Uint8Array.of(label) };
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  return {
    ...{ opening, inputHash: commitInput({ bits: SPEC.inputBits, elements: input, salt }) },
    outputHash: commitLabel(label, SPEC.classes),
    json: { input: base64(opening.input), salt, output: base64(opening.output) },
  };
}

function saltOf(seed: number): Hex {
  return bytesToHex(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 0 : (seed + at) % 256)));
}
