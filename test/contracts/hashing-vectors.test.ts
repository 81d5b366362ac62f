// SPDX-License-Identifier: MIT
import { claimId, parseClaim } from "@meantime/sdk/claim";
import { expect } from "chai";
import { toUtf8Bytes } from "ethers";
import vectors from "../../docs/vectors/openai-hashing.json" with { type: "json" };
import { deployWorld, ethers, networkHelpers } from "./fixture.ts";

describe("The vectors of docs/vectors", () => {
  it("hash in the EVM as they say: inputs, outputs and claim ids", async () => {
    const probe = await ethers.deployContract("HashingProbe");
    const { chainId, settlement } = vectors.domain;
    for (const { name, input, output, salt, inputHash, outputHash, ...one } of vectors.cases) {
      expect(await probe.inputHashOf(toUtf8Bytes(input), salt), name).to.equal(inputHash);
      expect(await probe.outputHashOf(toUtf8Bytes(output), salt), name).to.equal(outputHash);
      expect(await probe.claimIdOf(chainId, settlement, parseClaim(one.claim)), name).to.equal(one.claimId);
    }
  });

  it("have claims that Settlement names as the SDK does", async () => {
    const { settlement, domain } = await networkHelpers.loadFixture(deployWorld);
    for (const { claim } of vectors.cases) {
      const parsed = parseClaim(claim);
      expect(await settlement.claimIdOf(parsed)).to.equal(claimId(domain, parsed));
    }
  });
});
