// SPDX-License-Identifier: MIT
import { createHash, randomBytes } from "node:crypto";
import { expect } from "chai";
import { hexlify } from "ethers";
import { ethers } from "./fixture.ts";

const BLOCK_BYTES = 128;

describe("SHA-384", () => {
  it("agrees with node:crypto for every length about the block's edges", async () => {
    const sha384 = await deploySha384();
    for (let length = 0; length <= 3 * BLOCK_BYTES; length++) {
      const message = randomBytes(length);
      expect(await sha384(message), `length ${length}`).to.equal(expected(message));
    }
  });

  it("agrees on words of zeros and of ones, where sums overflow most", async () => {
    const sha384 = await deploySha384();
    for (const fill of [0x00, 0xff, 0x80, 0x01]) {
      const message = Buffer.alloc(5 * BLOCK_BYTES - 17, fill);
      expect(await sha384(message), `filled with ${fill}`).to.equal(expected(message));
    }
  });

  it("agrees on 300 random messages and one of 17,000 bytes", async () => {
    const sha384 = await deploySha384();
    for (let run = 0; run < 300; run++) {
      const message = randomBytes(run * 3);
      expect(await sha384(message)).to.equal(expected(message));
    }
    const long = randomBytes(17_000);
    expect(await sha384(long)).to.equal(expected(long));
  });
});

async function deploySha384(): Promise<(message: Uint8Array) => Promise<string>> {
  const address = await (await ethers.deployContract("Sha384")).getAddress();
  return (message) => ethers.provider.call({ to: address, data: hexlify(message) });
}

function expected(message: Uint8Array): string {
  return `0x${createHash("sha384").update(message).digest("hex")}`;
}
