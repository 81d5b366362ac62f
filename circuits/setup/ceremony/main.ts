// SPDX-License-Identifier: GPL-3.0-or-later
// npm run ceremony -- COMMAND: the second phase of a Groth16 setup, on top of the Hermez powers of tau. docs/CEREMONY.md.
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { MeantimeError } from "@meantime/sdk/errors";
import { openCircuit } from "./circuit.ts";
import { CeremonyError } from "./errors.ts";
import { openPhaseOne } from "./phase-one.ts";
import { beacon, contribute, newKey } from "./steps.ts";
import { verifiedTranscript } from "./transcript.ts";

const EXIT = { ok: 0, error: 1, usage: 2 } as const;

const USAGE = `usage: npm run ceremony -- COMMAND [options]

  new         key 0 of a circuit, without contributions
              --model SPEC | --r1cs FILE, --ptau FILE, --out ZKEY
  contribute  add a secret that is forgotten at once
              --from ZKEY, --out ZKEY, --name NAME, --entropy TEXT (- reads standard input)
  beacon      end with public randomness, announced beforehand
              --from ZKEY, --out ZKEY, --name NAME, --randomness HEX, [--iterations-exponent 10]
  verify      check a key against circuit and phase 1
              --model SPEC | --r1cs FILE, --ptau FILE, --zkey ZKEY
  transcript  the same, and print what it is made of as JSON
              --model SPEC | --r1cs FILE, --ptau FILE, --zkey ZKEY

  --ptau            powersOfTau28_hez_final_NN.ptau; a file with another hash is refused
  --insecure-ptau   take it all the same: somebody may know its secret. The transcript says "insecure"
  --json            print one JSON line; errors are one JSON line on standard error
  --help            this text

Exit codes: 0 ok, 1 refused or failed, 2 usage.
`;

const STRINGS = [
  ...["model", "r1cs", "ptau", "out", "from", "zkey", "name", "entropy", "randomness"],
  "iterations-exponent",
] as const;
type Options = Partial<Record<(typeof STRINGS)[number], string>> & { "insecure-ptau"?: boolean };

const COMMANDS: Record<string, (options: Options) => Promise<[json: object, line: string]>> = {
  async new(options) {
    const { phaseOne, circuit } = await openBoth(options);
    const out = required(options, "out");
    const circuitHash = await newKey(circuit, phaseOne, out);
    const { power, pinned } = phaseOne;
    return [
      { zkey: out, circuitHash, r1csSha256: circuit.sha256, phaseOne: { power, pinned } },
      `${out} is key 0\n  circuit hash ${circuitHash}`,
    ];
  },
  async contribute(options) {
    const entropy = required(options, "entropy");
    const [from, out, name] = stepFiles(options);
    const added = await contribute(from, out, name, entropy === "-" ? await text(process.stdin) : entropy);
    return [
      { zkey: out, ...added },
      `${out} has contribution ${added.number}; publish its hash\n  ${added.hash}`,
    ];
  },
  async beacon(options) {
    const [from, out, name] = stepFiles(options);
    const exponent = Number(options["iterations-exponent"] ?? "10");
    const added = await beacon(from, out, name, required(options, "randomness"), exponent);
    return [{ zkey: out, ...added }, `${out} is final\n  beacon hash ${added.hash}`];
  },
  async verify(options) {
    const transcript = await transcriptOf(options);
    const { setup, contributions, verificationKeyId } = transcript;
    return [
      { valid: true, setup, contributions: contributions.length, verificationKeyId },
      `valid ${setup} key of ${contributions.length} contributions\n  verification key ${verificationKeyId}`,
    ];
  },
  async transcript(options) {
    const transcript = await transcriptOf(options);
    return [transcript, JSON.stringify(transcript, null, 2)];
  },
};

process.exit(await main(process.argv.slice(2)));

async function main(argv: readonly string[]): Promise<number> {
  const json = argv.includes("--json");
  try {
    const { values, positionals } = parse(argv);
    if (values.help) return print(USAGE, EXIT.ok);
    const command = COMMANDS[positionals[0] ?? ""];
    if (!command || positionals.length !== 1) throw usage(`there is no command "${positionals.join(" ")}"`);
    const [result, line] = await command(values);
    return print(`${json ? JSON.stringify(result) : line}\n`, EXIT.ok);
  } catch (error) {
    return report(error, json);
  }
}

function parse(argv: readonly string[]) {
  const strings = Object.fromEntries(STRINGS.map((name) => [name, { type: "string" as const }]));
  const flags = Object.fromEntries(
    ["help", "json", "insecure-ptau"].map((name) => [name, { type: "boolean" as const }]),
  );
  try {
    const parsed = parseArgs({ args: [...argv], options: { ...strings, ...flags }, allowPositionals: true });
    return { positionals: parsed.positionals, values: parsed.values as Options & { help?: boolean } };
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

async function transcriptOf(options: Options) {
  const zkey = required(options, "zkey");
  const { phaseOne, circuit } = await openBoth(options);
  return verifiedTranscript(circuit, phaseOne, zkey);
}

async function openBoth(options: Options) {
  const { model, r1cs } = options;
  if ((model === undefined) === (r1cs === undefined)) throw usage("give either --model or --r1cs");
  const ptau = required(options, "ptau");
  const phaseOne = await openPhaseOne(ptau, { insecure: options["insecure-ptau"] === true });
  const circuit = await openCircuit(model === undefined ? { r1cs: r1cs ?? "" } : { model });
  return { phaseOne, circuit };
}

function stepFiles(options: Options): [from: string, out: string, name: string] {
  return [required(options, "from"), required(options, "out"), required(options, "name")];
}

function required(options: Options, name: (typeof STRINGS)[number]): string {
  const value = options[name];
  if (value === undefined) throw usage(`--${name} is missing`);
  return value;
}

function usage(message: string): CeremonyError {
  return new CeremonyError("MT-CER-001", message, "See npm run ceremony -- --help.");
}

function report(error: unknown, json: boolean): number {
  if (!(error instanceof MeantimeError)) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT.error;
  }
  const { code, message, hint } = error;
  process.stderr.write(
    json ? `${JSON.stringify({ error: { code, message, hint } })}\n` : `${code}: ${message}\n  ${hint}\n`,
  );
  return code === "MT-CER-001" ? EXIT.usage : EXIT.error;
}

function print(output: string, code: number): number {
  process.stdout.write(output);
  return code;
}
