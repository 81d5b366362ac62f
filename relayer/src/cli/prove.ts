// SPDX-License-Identifier: GPL-3.0-or-later

import { commitInput, randomSalt } from "@meantime/sdk/commitment";
import { encodeGroth16Proof, provingContext } from "@meantime/sdk/evidence";
import { asAddress, asHex32, bytesToHex, type Hex } from "@meantime/sdk/hex";
import { checkInput, runModel } from "@meantime/sdk/model";
import { encodeWords } from "@meantime/sdk/words";
import { RelayerError } from "../errors.ts";
import { createProver } from "../prove/create-prover.ts";
import type { ProofStage } from "../prove/prover.ts";
import { openCompiledModel } from "./model/folder.ts";
import { readJson } from "./read-json.ts";

/** The flags of `meantime prove`. */
export interface ProveOptions {
  model: string;
  input: string;
  claim?: string;
  beneficiary?: string;
  rapidsnark?: string;
  timeout: string;
  memory: string;
  json?: true;
}

const INPUT_HINT = 'Give a list of integers, or an object with "input" and, to open a commitment, "salt".';

/**
 * `meantime prove`: proves one inference and verifies the proof. With --claim and --beneficiary the proof is evidence for
 * that claim; otherwise its context is zero, and it is evidence for none.
 *
 * @throws RelayerError `MT-CLI-001`, `002`, `008`, and those of `Prover.prove`
 */
export async function prove(options: ProveOptions): Promise<void> {
  const { spec, compiled } = openCompiledModel(options.model);
  const { input, salt } = readInput(options.input);
  checkInput(spec, input);
  const context = contextOf(options);
  const signals = { x: input.map(String), salt: BigInt(salt).toString(), ctx: context.toString() };
  const files = { wasm: compiled.wasm, zkey: compiled.zkey, verificationKey: compiled.verificationKey };

  const limits = {
    workers: 1,
    timeoutMilliseconds: 1_000 * positive(options.timeout, "--timeout"),
    memoryMegabytes: positive(options.memory, "--memory"),
    ...(options.rapidsnark === undefined ? {} : { rapidsnark: { path: options.rapidsnark } }),
  };
  const prover = await createProver(limits, { spec, ...files }, ({ code, message }) =>
    process.stderr.write(`${code}: ${message}
`),
  );
  try {
    const onProgress = (stage: ProofStage) => options.json || process.stderr.write(`${stage}\n`);
    const start = performance.now();
    const { proof, publicSignals } = await prover.prove({ ...files, signals }, { onProgress });
    const inputHash = commitInput({ bits: spec.inputBits, elements: input, salt });
    const { label } = runModel(spec, input);
    requireSame(publicSignals, [BigInt(inputHash), BigInt(label), context], spec.name);
    const result = {
      ...{ model: spec.name, label, inputHash, salt },
      context: word(context),
      evidence: encodeGroth16Proof(proof),
      verificationKeyId: compiled.verificationKeyId,
      setup: compiled.setup,
      seconds: Math.round(performance.now() - start) / 1_000,
    };
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : text(result));
  } finally {
    prover.close();
  }
}

function readInput(file: string): { input: number[]; salt: Hex } {
  const json = readJson(file, "MT-CLI-001", INPUT_HINT);
  const fields = Array.isArray(json) ? { input: json } : (json as { input?: unknown; salt?: unknown } | null);
  if (!Array.isArray(fields?.input)) {
    throw new RelayerError("MT-CLI-001", `${file} holds no input`, INPUT_HINT, { file });
  }
  const salt = "salt" in fields && fields.salt !== undefined ? asHex32(fields.salt, "salt") : randomSalt();
  return { input: fields.input, salt };
}

function contextOf({ claim, beneficiary }: ProveOptions): bigint {
  if (claim === undefined && beneficiary === undefined) return 0n;
  if (claim === undefined || beneficiary === undefined) {
    throw new RelayerError(
      "MT-CLI-002",
      "a proof for a claim pays somebody: --claim and --beneficiary belong together",
      "Give both, or neither.",
    );
  }
  return provingContext(asHex32(claim, "--claim"), asAddress(beneficiary, "--beneficiary"));
}

// The specification and the proving files came separately: a proof of another network must not pass for this one's.
function requireSame(made: readonly bigint[], wanted: readonly bigint[], name: string): void {
  if (made.length === wanted.length && made.every((signal, at) => signal === wanted[at])) return;
  throw new RelayerError(
    "MT-PRV-002",
    `the circuit computes another answer than the specification of ${name}`,
    "Compile the model again.",
  );
}

function positive(text: string, flag: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new RelayerError("MT-CLI-002", `${flag} ${text} is no positive number`, "Give a whole number.");
}

function word(value: bigint): Hex {
  return bytesToHex(encodeWords(value));
}

function text(result: Record<string, unknown>): string {
  return Object.entries(result)
    .map(([name, value]) => `${name.padEnd(18)} ${value}\n`)
    .join("");
}
