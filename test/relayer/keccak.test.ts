// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { keccak256, registerKeccak256 } from "@meantime/sdk/hex";
import { keccak256 as ethersKeccak256, randomBytes } from "ethers";
import { openKeccak, useFastKeccak } from "../../relayer/src/signers/keccak.ts";

describe("the fast Keccak-256", () => {
  it("is what this process uses, and says so", async () => {
    const { implementation, reason } = await useFastKeccak();
    assert.equal(implementation, "wasm", reason);
  });

  it("hashes as ethers does, whatever the length, and keeps no bytes of an earlier hash", async () => {
    await useFastKeccak();
    const lengths = [...Array.from({ length: 300 }, (_, length) => length), 4_096, 1_000_003];
    const inputs = lengths.map((length) => randomBytes(length));
    const hashes = inputs.map((input) => keccak256(input));
    assert.deepEqual(
      hashes,
      inputs.map((input) => ethersKeccak256(input)),
    );
  });

  it("MT-SDK-009 is refused where it is another hash, and where there is none the library's own goes on", async () => {
    const sha3 = (data: Uint8Array) => new Uint8Array(createHash("sha3-256").update(data).digest());
    assert.throws(() => registerKeccak256(sha3), { code: "MT-SDK-009" });
    const hash = new Uint8Array(32);
    const reusing = (data: Uint8Array) => {
      hash.set(Buffer.from(ethersKeccak256(data).slice(2), "hex"));
      return hash;
    };
    assert.throws(() => registerKeccak256(reusing), { code: "MT-SDK-009" });
    const absent = async () => {
      throw new Error("no WebAssembly here");
    };
    assert.deepEqual(await openKeccak(absent), {
      implementation: "javascript",
      reason: "no WebAssembly here",
    });
    assert.equal(keccak256("0x"), ethersKeccak256("0x"));
  });
});
