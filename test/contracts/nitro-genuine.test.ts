// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes } from "@meantime/sdk/hex";
import { readNitroDocument } from "@meantime/sdk/nitro/document";
import { expect } from "chai";
import { keccak256 } from "ethers";
import { beginAnew, loadFixture, networkHelpers } from "../enclave/chain.ts";
import {
  deployNitroVerifier,
  hintsFor,
  MAX_AGE_SECONDS,
  verdictOf,
  verifyInTransaction,
} from "../enclave/nitro-world.ts";
import { type NitroManifestEntry, vectorFolder } from "../enclave/vectors.ts";

const { time } = networkHelpers;
const FOLDER = vectorFolder("nitro");
const FOREIGN_ROOT = "NEG_wrongroot_marlin_custom.bin";

describe("Genuine documents of Nitro enclaves", function () {
  this.timeout(600_000);
  beforeEach(beginAnew);
  if (FOLDER === undefined) return;
  const folder = FOLDER;
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as NitroManifestEntry[];
  const genuine = manifest.filter((entry) => entry.genuine);

  for (const entry of genuine.filter((one) => !one.debug_zero_pcr012)) {
    it(`${entry.file} is accepted, cold and warm`, async () => {
      const verifier = await loadFixture(deployUnderAmazonsRoot);
      const document = readFileSync(join(folder, entry.file));
      await time.increaseTo(momentOf(entry));
      const { measurement, publicKey, userData } = await verifier.verify.staticCall(
        document,
        await hintsFor(verifier, document),
        MAX_AGE_SECONDS,
      );
      const parts = readNitroDocument(document);
      const image = [0, 1, 2].map((index) => parts.pcrs.get(index) ?? new Uint8Array());
      expect(Buffer.from(image[0] ?? []).toString("hex")).to.equal(entry.pcr0);
      expect(measurement).to.equal(keccak256(concatBytes(...image)));
      expect(publicKey).to.equal(hexOf(parts.publicKey));
      expect(userData).to.equal(hexOf(parts.userData));
      expect(await verifyInTransaction(verifier, document)).to.be.below(12_500_000);
      expect(await verifyInTransaction(verifier, document)).to.be.below(3_300_000);
    });

    it(`${entry.file} is refused a second after its certificate's time`, async () => {
      const verifier = await loadFixture(deployUnderAmazonsRoot);
      await time.increaseTo(entry.window_unix[1] + 1);
      expect(await verdictOf(verifier, readFileSync(join(folder, entry.file)))).to.equal("ChainNotValid");
    });
  }

  for (const entry of genuine.filter((one) => one.debug_zero_pcr012)) {
    it(`${entry.file} is refused: its enclave runs in debug mode`, async () => {
      const verifier = await loadFixture(deployUnderAmazonsRoot);
      await time.increaseTo(momentOf(entry));
      expect(await verdictOf(verifier, readFileSync(join(folder, entry.file)))).to.equal("DebugEnclave");
    });
  }

  it("one under a root of its own is refused", async () => {
    const verifier = await loadFixture(deployUnderAmazonsRoot);
    const entry = manifest.find(({ file }) => file === FOREIGN_ROOT);
    if (!entry) throw new Error(`${FOREIGN_ROOT} is missing`);
    await time.increaseTo(momentOf(entry));
    expect(await verdictOf(verifier, readFileSync(join(folder, entry.file)))).to.equal("NotTheRoot");
  });

  async function deployUnderAmazonsRoot() {
    const [first] = genuine;
    if (!first) throw new Error("no genuine document");
    const [root] = readNitroDocument(readFileSync(join(folder, first.file))).certificates;
    return deployNitroVerifier(root ?? new Uint8Array());
  }
});

/** A moment at which the document is neither old nor from the future. */
function momentOf({ timestamp_ms, window_unix }: NitroManifestEntry): number {
  return Math.max(Math.floor(timestamp_ms / 1000), window_unix[0]) + 10;
}

function hexOf(bytes: Uint8Array | null): string {
  return `0x${Buffer.from(bytes ?? []).toString("hex")}`;
}
