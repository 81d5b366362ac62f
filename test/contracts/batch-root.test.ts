// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { encodeGroth16Proof } from "@meantime/sdk/evidence";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import { bytesToHex, concatBytes, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { expect } from "chai";
import { concat } from "ethers";
import { ethers, networkHelpers, wordOf } from "./fixture.ts";
import { forgeProof, toyKey } from "./forgery.ts";

const { loadFixture } = networkHelpers;
const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const ROOT = 4321n;
const CTX = 99n;
const LABELS = Array.from({ length: 32 }, (_, place) => (place * 7) % 10);
const PACKED = LABELS.reduceRight((word, label) => (word << 4n) + BigInt(label), 0n);
const toy = toyKey();
const keyId = verificationKeyId(toy.key);

describe("One proof for many claims", () => {
  it("R-40 holds when snarkjs made it: 32 inferences of a real network", async () => {
    const verifier = await loadFixture(deployVerifier);
    const real = JSON.parse(await readFile(new URL("batch-root-proof.json", import.meta.url), "utf8"));
    const key = encodeVerificationKey(real.verificationKey);
    await verifier.registerKey(key);
    const [root, outputs, ctx] = real.publicSignals.map(BigInt);
    const evidence = concat([wordOf(outputs), encodeGroth16Proof(real.proof)]);
    const answer = await verifier.verifyBatchRoot(verificationKeyId(key), wordOf(root), ctx, evidence);
    const labels = Array.from({ length: 32 }, (_, place) => Number((answer >> BigInt(2 * place)) & 3n));
    expect(labels).to.deep.equal(real.labels);

    const lie = concat([wordOf(outputs ^ 1n), encodeGroth16Proof(real.proof)]);
    await expect(
      verifier.verifyBatchRoot(verificationKeyId(key), wordOf(root), ctx, lie),
    ).to.be.revertedWithCustomError(verifier, "BatchRootWrong");
  });

  it("gives the outputs that were proven for a root, four bits each, the first lowest", async () => {
    const verifier = await loadFixture(deployVerifier);
    const evidence = await evidenceFor(PACKED);
    expect(await verifier.verifyBatchRoot(keyId, wordOf(ROOT), CTX, evidence)).to.equal(PACKED);
    for (const [place, label] of LABELS.entries()) {
      expect(await verifier.outputAt(PACKED, place)).to.equal(label);
    }
    await expect(verifier.outputAt(PACKED, 32))
      .to.be.revertedWithCustomError(verifier, "NoSuchClaim")
      .withArgs(32);
  });

  it("R-41 gives nothing for another root, another context, other outputs or another's proof", async () => {
    const verifier = await loadFixture(deployVerifier);
    const evidence = await evidenceFor(PACKED);
    const otherOutputs = bytesToHex(
      concatBytes(hexToBytes(wordOf(PACKED + 1n)), hexToBytes(evidence).subarray(32)),
    );
    for (const [name, root, ctx, bytes] of [
      ["another root", ROOT + 1n, CTX, evidence],
      ["another context", ROOT, CTX + 1n, evidence],
      ["other outputs", ROOT, CTX, otherOutputs],
      ["zeros", ROOT, CTX, `0x${"00".repeat(288)}`],
    ] as const) {
      await expect(verifier.verifyBatchRoot(keyId, wordOf(root), ctx, bytes), name)
        .to.be.revertedWithCustomError(verifier, "BatchRootWrong")
        .withArgs(keyId, wordOf(root));
    }
  });

  it("R-39 R-44 R-45 judges nothing that is malformed", async () => {
    const verifier = await loadFixture(deployVerifier);
    const evidence = await evidenceFor(PACKED);
    for (const length of [0, 32, 256, 287]) {
      await expect(verifier.verifyBatchRoot(keyId, wordOf(ROOT), CTX, evidence.slice(0, 2 + 2 * length)))
        .to.be.revertedWithCustomError(verifier, "ProofLength")
        .withArgs(length);
    }
    await expect(verifier.verifyBatchRoot(keyId, wordOf(ROOT + R), CTX, evidence))
      .to.be.revertedWithCustomError(verifier, "InputNotInField")
      .withArgs(0, ROOT + R);
    await expect(verifier.verifyBatchRoot(wordOf(1n), wordOf(ROOT), CTX, evidence))
      .to.be.revertedWithCustomError(verifier, "KeyUnknown")
      .withArgs(wordOf(1n));
  });

  it("R-38 never answers when it was starved of gas", async () => {
    const verifier = await loadFixture(deployVerifier);
    const evidence = await evidenceFor(PACKED);
    for (let gasLimit = 30_000n; gasLimit < 330_000n; gasLimit += 15_000n) {
      const call = verifier.verifyBatchRoot.staticCall(keyId, wordOf(ROOT), CTX, evidence, { gasLimit });
      const answer = await call.catch(() => undefined);
      if (answer !== undefined) expect(answer, `${gasLimit}`).to.equal(PACKED);
    }
  });

  it("R-49 gives nothing any more once two lists of outputs were proven for one root", async () => {
    const verifier = await loadFixture(deployVerifier);
    const side = async (outputs: bigint) => ({
      outputHash: wordOf(outputs),
      ctx: CTX,
      proof: await forgeProof(toy, [ROOT, outputs, CTX]),
    });
    await verifier.tripBreaker(keyId, wordOf(ROOT), await side(PACKED), await side(PACKED + 1n));
    await expect(verifier.verifyBatchRoot(keyId, wordOf(ROOT), CTX, await evidenceFor(PACKED)))
      .to.be.revertedWithCustomError(verifier, "AlreadyTripped")
      .withArgs(keyId);
  });
});

async function deployVerifier() {
  const verifier = await ethers.deployContract("BatchRootVerifier");
  await verifier.registerKey(toy.key);
  return verifier;
}

async function evidenceFor(outputs: bigint): Promise<Hex> {
  const proof = await forgeProof(toy, [ROOT, outputs, CTX]);
  return `${wordOf(outputs)}${proof.slice(2)}`;
}
