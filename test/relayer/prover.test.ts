// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { encodeGroth16Proof } from "@meantime/sdk/evidence";
import { encodeVerificationKey, verifyGroth16 } from "@meantime/sdk/groth16";
import { parseModelSpec, runModel } from "@meantime/sdk/model";
import { artifactsDirectory, MODEL_FILE } from "../../circuits/paths.ts";
import { TemporaryError } from "../../relayer/src/errors.ts";
import { createProver } from "../../relayer/src/prove/create-prover.ts";
import {
  type ProofJob,
  type ProofStage,
  Prover,
  type ProverOptions,
} from "../../relayer/src/prove/prover.ts";

const artifact = (name: string) => join(artifactsDirectory("tiny_mlp"), name);
const SPEC = parseModelSpec(JSON.parse(readFileSync(MODEL_FILE, "utf8")));
const MODEL = {
  wasm: artifact("tiny_mlp.wasm"),
  zkey: artifact("tiny_mlp.zkey"),
  verificationKey: encodeVerificationKey(JSON.parse(readFileSync(artifact("verification_key.json"), "utf8"))),
};
const LIMITS = { workers: 1, timeoutMilliseconds: 120_000, memoryMegabytes: 4_096 };
const folder = mkdtempSync(join(tmpdir(), "prover-test-"));
after(() => rmSync(folder, { recursive: true }));

/** Proves with snarkjs, as the real binary does with its own arithmetic: same files, same formats. */
const PROVE = `
  const made = await snarkjs.groth16.prove(zkey, witness);
  write(proof, JSON.stringify(made.proof));
  write(publicSignals, JSON.stringify(made.publicSignals));
  log("proved");
  process.exit(0);`;

const PROVE_OTHER = `
  const made = await snarkjs.groth16.prove(zkey, witness);
  write(proof, JSON.stringify(made.proof));
  write(publicSignals, JSON.stringify([...made.publicSignals.slice(0, 2), "1234"]));
  process.exit(0);`;

describe("the prover", () => {
  it("proves several jobs at once, each what was asked, and says how far it is", async () => {
    await using(new Prover({ workers: 2 }), async (prover) => {
      const stages: ProofStage[][] = [[], [], []];
      const proofs = await Promise.all(
        stages.map((seen, seed) => prover.prove(jobOf(seed), { onProgress: (stage) => seen.push(stage) })),
      );
      for (const [seed, { proof, publicSignals }] of proofs.entries()) {
        assert.equal(publicSignals[1], BigInt(runModel(SPEC, pixels(seed)).label));
        assert.equal(publicSignals[2], BigInt(seed));
        assert.equal(verifyGroth16(MODEL.verificationKey, publicSignals, encodeGroth16Proof(proof)), true);
        assert.deepEqual(stages[seed], ["queued", "witness", "proving", "verifying", "done"]);
      }
    });
  });

  it("reports what the circuit refuses, and proves the next job", async () => {
    await using(new Prover(), async (prover) => {
      const bad = { ...jobOf(1), signals: { ...jobOf(1).signals, x: pixels(1).map(() => "16") } };
      await assert.rejects(prover.prove(bad), { code: "MT-PRV-001" });
      await assert.rejects(prover.prove({ ...jobOf(1), zkey: "/nowhere.zkey" }), { code: "MT-PRV-001" });
      assert.equal((await prover.prove(jobOf(2))).publicSignals[2], 2n);
    });
  });

  it("gives up a job that runs and one that waits, and proves the next", async () => {
    await using(new Prover(), async (prover) => {
      const [running, waiting] = [new AbortController(), new AbortController()];
      const jobs = [
        prover.prove(jobOf(1), {
          signal: running.signal,
          onProgress: (stage) => {
            if (stage !== "proving") return;
            waiting.abort();
            running.abort();
          },
        }),
        prover.prove(jobOf(2), { signal: waiting.signal }),
        prover.prove(jobOf(3)),
      ];
      const [first, second, third] = await Promise.allSettled(jobs);
      assert.equal(codeOf(first), "MT-PRV-008");
      assert.equal(codeOf(second), "MT-PRV-008");
      assert.equal(third?.status, "fulfilled");
      await assert.rejects(prover.prove(jobOf(4), { signal: AbortSignal.abort() }), { code: "MT-PRV-008" });
    });
  });

  it("fails a job whose process dies with an error that says to try again, and then proves it", async () => {
    await using(new Prover(), async (prover) => {
      const onProgress = (stage: ProofStage) => {
        if (stage === "proving") for (const child of children()) process.kill(child, "SIGSEGV");
      };
      await assert.rejects(prover.prove(jobOf(1), { onProgress }), (error) => {
        assert.ok(error instanceof TemporaryError);
        assert.equal(error.code, "MT-PRV-006");
        assert.equal(error.details.retryable, true);
        return true;
      });
      assert.equal((await prover.prove(jobOf(1))).publicSignals[2], 1n);
    });
  });

  it("loses no job to a process that died before it", { timeout: 120_000 }, async () => {
    await using(new Prover(), async (prover) => {
      prover.warmUp();
      for (const child of children()) process.kill(child, "SIGKILL");
      while (children().length > 0) await setImmediate();
      assert.equal((await prover.prove(jobOf(1))).publicSignals[2], 1n);
    });
  });

  it("ends a job that takes too much memory or time", async () => {
    await fails({ memoryMegabytes: 40 }, "MT-PRV-009");
    await fails({ timeoutMilliseconds: 1 }, "MT-PRV-007");
  });

  it("gives up every job when it closes, and leaves no process", { timeout: 60_000 }, async () => {
    const prover = new Prover();
    const jobs = [1, 2].map((seed) =>
      prover.prove(jobOf(seed), { onProgress: (stage) => stage === "proving" && prover.close() }),
    );
    for (const result of await Promise.allSettled(jobs)) assert.equal(codeOf(result), "MT-PRV-008");
    await assert.rejects(prover.prove(jobOf(3)), { code: "MT-PRV-008" });
    // A killed process stays in the list until its parent has taken note.
    while (children().length > 0) await setImmediate();
  });

  it("lets no proof out that a wrong proving key made", async () => {
    const zkey = join(folder, "wrong.zkey");
    const bytes = readFileSync(MODEL.zkey);
    // One point of section H, which every proof uses, in place of its neighbour.
    const { start } = sectionAt(bytes, 9);
    bytes.copyWithin(start, start + 64, start + 128);
    writeFileSync(zkey, bytes);
    await using(new Prover(), (prover) =>
      assert.rejects(prover.prove({ ...jobOf(1), zkey }), { code: "MT-PRV-005" }),
    );
  });
});

describe("an external prover", () => {
  it("is used when it proves", async () => {
    const path = script("honest", PROVE);
    await external({ path, sha256: sha256Of(path) }, async (prover, faults) => {
      const stages: ProofStage[] = [];
      const { publicSignals } = await prover.prove(jobOf(5), { onProgress: (stage) => stages.push(stage) });
      assert.equal(publicSignals[2], 5n);
      assert.deepEqual(stages, ["queued", "witness", "proving", "verifying", "done"]);
      assert.deepEqual(faults, []);
      assert.match(readFileSync(join(folder, "honest.log"), "utf8"), /^(proved\n){2}$/);
    });
  });

  for (const [what, name, body] of [
    ["whose proof is of another statement", "liar", PROVE_OTHER],
    ["whose proof is no proof", "noise", `write(proof, "{}"); write(publicSignals, "[]");`],
    ["that fails", "failing", `process.stderr.write("no memory\\n"); process.exitCode = 1;`],
    ["that writes nothing", "silent", ""],
  ] as const) {
    it(`${what} is caught, said loudly, and replaced by snarkjs`, async () => {
      await external({ path: script(name, body) }, async (prover, faults) => {
        assert.deepEqual(faults, ["MT-PRV-010"]);
        assert.equal((await prover.prove(jobOf(6))).publicSignals[2], 6n);
        assert.equal(faults.length, 1);
      });
    });
  }

  it("that turns bad later is caught then, and the job proven all the same", async () => {
    const path = script("turning", `if (runs() > 1) { ${PROVE_OTHER} } else { ${PROVE} }`);
    await external({ path }, async (prover, faults) => {
      assert.deepEqual(faults, []);
      assert.equal((await prover.prove(jobOf(7))).publicSignals[2], 7n);
      assert.deepEqual(faults, ["MT-PRV-010"]);
    });
  });

  it("with another hash, that is another program, or that is not there, is not run", async () => {
    const path = script("pinned", PROVE);
    const files = [{ path, sha256: "00".repeat(32) }, { path: "/bin/true" }, { path: "/nowhere/prover" }];
    for (const file of files) {
      await external(file, async (prover, faults) => {
        assert.deepEqual(faults, ["MT-PRV-010"]);
        assert.equal((await prover.prove(jobOf(8))).publicSignals[2], 8n);
      });
    }
  });
});

function script(name: string, body: string): string {
  const file = join(folder, name);
  const main = join(folder, `${name}.mjs`);
  const snarkjs = new URL("../../node_modules/snarkjs/main.js", import.meta.url).href;
  writeFileSync(
    main,
    `import { appendFileSync, readFileSync, writeFileSync as write } from "node:fs";
const [zkey, witness, proof, publicSignals] = process.argv.slice(2);
const record = ${JSON.stringify(join(folder, `${name}.log`))};
const log = (line) => appendFileSync(record, line + "\\n");
const runs = () => { log("run"); return readFileSync(record, "utf8").split("run").length - 1; };
if (publicSignals === undefined) {
  process.stderr.write("Usage: prover <circuit.zkey> <witness.wtns> <proof.json> <public.json>\\n");
  process.exit(1);
}
const snarkjs = await import(${JSON.stringify(snarkjs)});
${body}
`,
  );
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, { mode: 0o755 });
  return file;
}

async function external(
  rapidsnark: { path: string; sha256?: string },
  use: (prover: Prover, faults: string[]) => Promise<void>,
): Promise<void> {
  const faults: string[] = [];
  const model = { spec: SPEC, ...MODEL };
  const prover = await createProver({ ...LIMITS, rapidsnark }, model, ({ code }) => faults.push(code));
  await using(prover, () => use(prover, faults));
}

async function using(prover: Prover, use: (prover: Prover) => Promise<void>): Promise<void> {
  try {
    await use(prover);
  } finally {
    prover.close();
  }
}

function fails(options: Partial<ProverOptions>, code: string): Promise<void> {
  return using(new Prover(options), (prover) => assert.rejects(prover.prove(jobOf(1)), { code }));
}

function jobOf(seed: number): ProofJob {
  return { ...MODEL, signals: { x: pixels(seed).map(String), salt: "9", ctx: String(seed) } };
}

function pixels(seed: number): number[] {
  return Array.from({ length: 196 }, (_, place) => (place * (seed + 3)) % 16);
}

function codeOf(result: PromiseSettledResult<unknown> | undefined): string | undefined {
  return result?.status === "rejected" ? result.reason.code : undefined;
}

/** Processes that this one started, by Linux's `/proc`. */
function children(): number[] {
  const list = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim();
  return list === "" ? [] : list.split(" ").map(Number);
}

function sha256Of(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

function sectionAt(zkey: Buffer, wanted: number): { start: number } {
  for (let at = 12; at < zkey.length; at += 12 + Number(zkey.readBigUInt64LE(at + 4))) {
    if (zkey.readUInt32LE(at) === wanted) return { start: at + 12 };
  }
  throw new Error(`no section ${wanted}`);
}
