// SPDX-License-Identifier: MIT
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MeantimeError } from "@meantime/sdk/errors";
import { provingContext } from "@meantime/sdk/evidence";
import { encodeVerificationKey, verificationKeyId, verifyGroth16 } from "@meantime/sdk/groth16";
import { encodeGroth16Batch } from "@meantime/sdk/groth16-batch";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { encodeWords } from "@meantime/sdk/words";
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { type BaseContract, Contract } from "ethers";
import * as snarkjs from "snarkjs";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { compileSource } from "../scripts/compiled.ts";
import { asAddress, deployWorld, ethers, networkHelpers, type World, wordOf } from "./fixture.ts";
import { pointOutsideSubgroup, wordsOf } from "./forgery.ts";
import { infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture } = networkHelpers;
const { Fr, Fp } = bn254.fields;
const TEMPLATE = new URL("../../node_modules/snarkjs/templates/verifier_groth16.sol.ejs", import.meta.url);
// Several tests share them, so that each stays short.
const RANDOM_CASES = 300;
const CASES_PER_TEST = 60;
const [A, B, C] = [0, 2, 6] as const;

const key = encodeVerificationKey(JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8")));
const keyId = verificationKeyId(key);

after(stopProver);

/** Eight words of a proof and the three public signals. */
interface Case {
  proof: bigint[];
  signals: bigint[];
}

interface Verifiers {
  world: World;
  theirs: BaseContract;
  honest: Case;
}

describe("The verifier and the one that snarkjs exports", () => {
  it("R-40 agree on proofs that hold: as made, negated, and made random again", async () => {
    const verifiers = await loadFixture(deployVerifiers);
    const { honest } = verifiers;
    const draw = random("valid");
    const cases = [honest, negateAB(honest), ...Array.from({ length: 10 }, () => rerandomise(honest, draw))];
    for (const made of cases) expect(await judge(verifiers, made)).to.deep.equal([true, true]);
  });

  it("R-39 R-44 agree on what does not hold; this one says no only to what it could judge", async () => {
    const verifiers = await loadFixture(deployVerifiers);
    const { honest } = verifiers;
    const [refused, judgedWrong] = [
      [false, undefined],
      [false, false],
    ];
    const expectations: [string, Case, unknown][] = [
      ...[0, 1, 2].map((at): [string, Case, unknown] => [
        `signal ${at} + r`,
        { ...honest, signals: changed(honest.signals, at, (signal) => signal + Fr.ORDER) },
        refused,
      ]),
      [
        "a signal of 2^256 - 1",
        { ...honest, signals: changed(honest.signals, 2, () => 2n ** 256n - 1n) },
        refused,
      ],
      [
        "a signal + 1",
        { ...honest, signals: changed(honest.signals, 0, (signal) => signal + 1n) },
        judgedWrong,
      ],
      ...honest.proof.map((_, at): [string, Case, unknown] => [
        `word ${at} + q`,
        { ...honest, proof: changed(honest.proof, at, (word) => word + Fp.ORDER) },
        refused,
      ]),
      ...honest.proof.map((_, at): [string, Case, unknown] => [
        `word ${at} off the curve`,
        { ...honest, proof: changed(honest.proof, at, (word) => word ^ 1n) },
        refused,
      ]),
      ["A at infinity", withPoint(honest, A, [0n, 0n]), judgedWrong],
      ["B at infinity", withPoint(honest, B, [0n, 0n, 0n, 0n]), judgedWrong],
      ["C at infinity", withPoint(honest, C, [0n, 0n]), judgedWrong],
      ["everything at infinity", { ...honest, proof: honest.proof.map(() => 0n) }, judgedWrong],
      ["B outside the subgroup", withPoint(honest, B, pointOutsideSubgroup()), refused],
      ["C for A", withPoint(honest, A, honest.proof.slice(C)), judgedWrong],
    ];
    for (const [name, bad, expected] of expectations) {
      expect(await judge(verifiers, bad), name).to.deep.equal(expected);
    }
  });

  for (let first = 0; first < RANDOM_CASES; first += CASES_PER_TEST) {
    it(`R-44 agree on random mutations ${first} and after, and this one with the SDK on which can be judged`, async () => {
      const verifiers = await loadFixture(deployVerifiers);
      const draw = random(`mutations ${first}`);
      const seen = { held: 0, wrong: 0, refused: 0 };
      for (let round = 0; round < CASES_PER_TEST; round++) {
        const mutated = mutate(verifiers.honest, draw);
        const [theirs, ours] = await judge(verifiers, mutated);
        const name = `${round}: ${mutated.proof} ${mutated.signals}`;
        expect(theirs, name).to.equal(ours ?? false);
        expect(sdkVerdict(mutated), name).to.equal(ours);
        seen[ours === undefined ? "refused" : ours ? "held" : "wrong"]++;
      }
      for (const count of Object.values(seen)) expect(count, JSON.stringify(seen)).to.be.greaterThan(5);
    });
  }

  it("R-38 differ when starved: theirs says no to a proof that holds, this one never does", async () => {
    const verifiers = await loadFixture(deployVerifiers);
    let theirsSaidNo = 0;
    for (let gasLimit = 25_000n; gasLimit <= 330_000n; gasLimit += 10_000n) {
      const [theirs, ours] = await judge(verifiers, verifiers.honest, gasLimit);
      expect(ours, `${gasLimit}`).to.not.equal(false);
      if (theirs === false) theirsSaidNo++;
    }
    expect(theirsSaidNo).to.be.greaterThan(0);
    expect(await judge(verifiers, verifiers.honest, 330_000n)).to.deep.equal([true, true]);
  });

  it("R-40 agree with batches of one: what holds alone holds together", async () => {
    const verifiers = await loadFixture(deployVerifiers);
    const { groth16Evidence } = verifiers.world;
    const draw = random("batches");
    for (let round = 0; round < 5; round++) {
      const made = Array.from({ length: 4 }, () => rerandomise(verifiers.honest, draw));
      const proofs = made.map(({ proof, signals: [inputHash = 0n, outputHash = 0n, ctx = 0n] }) => ({
        ...{ inputHash: wordOf(inputHash), outputHash: wordOf(outputHash), ctx },
        evidence: bytesToHex(encodeWords(...proof)),
      }));
      const { statements, foldedC } = encodeGroth16Batch(key, proofs);
      await groth16Evidence.judge.staticCall(keyId, statements, foldedC);
      const place = Number(draw() % 4n);
      const bad = statements.map((statement, at) =>
        at === place ? { ...statement, ctx: statement.ctx + 1n } : statement,
      );
      await expect(groth16Evidence.judge.staticCall(keyId, bad, foldedC)).to.be.revertedWithCustomError(
        groth16Evidence,
        "BatchWrong",
      );
    }
  });
});

async function deployVerifiers(): Promise<Verifiers> {
  const world = await deployWorld();
  const inference = infer(1);
  const beneficiary = asAddress(world.prover.address);
  const claimId = wordOf(77n);
  const proof = wordsOf(await proveClaim(inference, claimId, beneficiary));
  const signals = [
    ...[BigInt(inference.inputHash), BigInt(inference.outputHash)],
    provingContext(claimId, beneficiary),
  ];
  return { world, theirs: await deployExported(), honest: { proof, signals } };
}

// Generated anew for each run: its template is under the GPL and is no part of this repository.
async function deployExported(): Promise<BaseContract> {
  const source = await snarkjs.zKey.exportSolidityVerifier(fileURLToPath(digitModelUrl("zkey")), {
    groth16: await readFile(TEMPLATE, "utf8"),
  });
  const { output, errors } = compileSource("Verifier.sol", source);
  if (errors.length > 0) throw new Error(errors.join("\n"));
  const exported = output.contracts?.["Verifier.sol"]?.Groth16Verifier;
  if (!exported?.abi || !exported.evm?.bytecode) throw new Error("the exported verifier has no code");
  const factory = await ethers.getContractFactory(exported.abi, `0x${exported.evm.bytecode.object}`);
  return factory.deploy();
}

/** What theirs says, and what ours says: undefined where it reverts. */
async function judge(
  { world, theirs }: Verifiers,
  { proof, signals }: Case,
  gasLimit = 3_000_000n,
): Promise<[boolean | undefined, boolean | undefined]> {
  const [inputHash = 0n, outputHash = 0n, ctx = 0n] = signals;
  const [ax, ay, bxIm, bxRe, byIm, byRe, cx, cy] = proof;
  const exported = new Contract(
    await theirs.getAddress(),
    ["function verifyProof(uint256[2], uint256[2][2], uint256[2], uint256[3]) view returns (bool)"],
    ethers.provider,
  );
  const evidence = bytesToHex(encodeWords(...proof));
  return [
    await orUndefined(() =>
      exported.getFunction("verifyProof").staticCall(
        ...[
          [ax, ay],
          [
            [bxIm, bxRe],
            [byIm, byRe],
          ],
          [cx, cy],
          signals,
        ],
        ...[{ gasLimit }],
      ),
    ),
    await orUndefined(() =>
      world.groth16Evidence.verify.staticCall(
        ...([keyId, wordOf(inputHash), wordOf(outputHash), ctx, evidence] as const),
        ...([{ gasLimit }] as const),
      ),
    ),
  ];
}

async function orUndefined(call: () => Promise<boolean>): Promise<boolean | undefined> {
  try {
    return await call();
  } catch {
    return undefined;
  }
}

function sdkVerdict({ proof, signals }: Case): boolean | undefined {
  try {
    return verifyGroth16(key, signals, bytesToHex(encodeWords(...proof)));
  } catch (error) {
    if (error instanceof MeantimeError) return undefined;
    throw error;
  }
}

function mutate(honest: Case, draw: () => bigint): Case {
  const start = draw() % 2n === 0n ? honest : rerandomise(honest, draw);
  const word = Number(draw() % 8n);
  const at = Number(draw() % 3n);
  const mutations: (() => Case)[] = [
    () => start,
    () => negateAB(start),
    () => ({ ...start, proof: changed(start.proof, word, (value) => value ^ (1n << (draw() % 256n))) }),
    () => ({ ...start, proof: changed(start.proof, word, () => draw()) }),
    () => ({ ...start, proof: changed(start.proof, word, (value) => Fp.ORDER - value) }),
    () => ({ ...start, signals: changed(start.signals, at, () => draw() % Fr.ORDER) }),
    () => ({ ...start, signals: changed(start.signals, at, (value) => value + Fr.ORDER) }),
    () => withPoint(start, A, g1Words(bn254.G1.Point.BASE.multiply(scalar(draw)))),
    () => withPoint(start, B, g2Words(bn254.G2.Point.BASE.multiply(scalar(draw)))),
    () => withPoint(start, C, g1Words(bn254.G1.Point.BASE.multiply(scalar(draw)))),
  ];
  return (mutations[Number(draw() % BigInt(mutations.length))] ?? (() => start))();
}

// (A / s, s B + s t delta, C + t A) holds where (A, B, C) does.
function rerandomise({ proof, signals }: Case, draw: () => bigint): Case {
  const [s, t] = [scalar(draw), scalar(draw)];
  const delta = g2(wordsOf(key).slice(10, 14));
  const a = g1(proof.slice(A, B));
  const b = g2(proof.slice(B, C))
    .multiply(s)
    .add(delta.multiply((s * t) % Fr.ORDER));
  const c = g1(proof.slice(C)).add(a.multiply(t));
  return { proof: [...g1Words(a.multiply(Fr.inv(s))), ...g2Words(b), ...g1Words(c)], signals };
}

function negateAB(made: Case): Case {
  const proof = [1, 4, 5].reduce(
    (all, at) => changed(all, at, (value) => (Fp.ORDER - value) % Fp.ORDER),
    made.proof,
  );
  return { ...made, proof };
}

function withPoint(made: Case, word: number, point: readonly bigint[]): Case {
  return { ...made, proof: made.proof.toSpliced(word, point.length, ...point) };
}

function changed(values: readonly bigint[], at: number, change: (value: bigint) => bigint): bigint[] {
  return values.map((value, place) => (place === at ? change(value) : value));
}

function g1([x = 0n, y = 0n]: readonly bigint[]) {
  return bn254.G1.Point.fromAffine({ x, y });
}

function g2([xIm = 0n, xRe = 0n, yIm = 0n, yRe = 0n]: readonly bigint[]) {
  const { Fp2 } = bn254.fields;
  return bn254.G2.Point.fromAffine({ x: Fp2.fromBigTuple([xRe, xIm]), y: Fp2.fromBigTuple([yRe, yIm]) });
}

function g1Words(point: typeof bn254.G1.Point.BASE): bigint[] {
  const { x, y } = point.toAffine();
  return [x, y];
}

function g2Words(point: typeof bn254.G2.Point.BASE): bigint[] {
  const { x, y } = point.toAffine();
  return [x.c1, x.c0, y.c1, y.c0];
}

function scalar(draw: () => bigint): bigint {
  return (draw() % (Fr.ORDER - 1n)) + 1n;
}

// The same cases in every run.
function random(seed: string): () => bigint {
  let round = 0;
  return () => {
    const hash: Hex = bytesToHex(createHash("sha256").update(`${seed} ${round++}`).digest());
    return BigInt(hash);
  };
}
