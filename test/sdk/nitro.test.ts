// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concatBytes } from "@meantime/sdk/hex";
import { readCbor } from "@meantime/sdk/nitro/cbor";
import { readNitroDocument } from "@meantime/sdk/nitro/document";
import { chainIds, nitroHints, nitroSignatures } from "@meantime/sdk/nitro/signatures";
import { p384Call, p384Tables } from "@meantime/sdk/p384-hints";
import {
  certificateOf,
  chainOf,
  documentOf,
  keyOf,
  NOW,
  PCRS,
  twinOf,
} from "../../relayer/src/attest/simulated/pki/nitro.ts";

const SIGNED_BYTES = 240;
const LONGEST_HINTS_BYTES = 17_000;

describe("Documents of Nitro enclaves, off chain", () => {
  it("are read with definite and indefinite maps, tagged or not", () => {
    const nonce = Uint8Array.of(1, 2, 3);
    for (const [isIndefinite, isTagged] of [
      [false, false],
      [true, false],
      [false, true],
    ] as const) {
      const read = readNitroDocument(documentOf({ isIndefinite, isTagged, nonce }));
      assert.equal(read.timestampMs, NOW * 1000);
      assert.deepEqual(read.nonce, nonce);
      assert.equal(read.userData, null);
      assert.deepEqual([...read.pcrs], PCRS);
      assert.deepEqual(read.certificates, chainOf());
    }
  });

  it("give the signatures of their chain and their own, each with hints of the expected size", async () => {
    const document = readNitroDocument(documentOf());
    const calls = nitroSignatures(document).map(({ signature }) => p384Call(signature));
    assert.equal(calls.length, 5);
    for (const { signed, hints } of calls) {
      assert.equal((signed.length - 2) / 2, SIGNED_BYTES);
      assert.ok((hints.length - 2) / 2 < LONGEST_HINTS_BYTES);
    }
    const [, ...remembered] = chainIds(document.certificates);
    assert.equal((await nitroHints(document, async () => false)).length, 5);
    assert.equal((await nitroHints(document, async (id) => remembered.includes(id))).length, 1);
  });

  it("have one chain id for both forms of a signature, another for another issuer", () => {
    const twins = chainOf({ leaf: { alterSignature: twinOf } });
    assert.deepEqual(chainIds(twins), chainIds(chainOf()));
    const others = chainOf({ zonal: { serial: 77n } });
    assert.notEqual(chainIds(others).at(-1), chainIds(chainOf()).at(-1));
  });

  it("have no hints where a signature is wrong", async () => {
    const document = readNitroDocument(documentOf({ signer: keyOf("somebody") }));
    await assert.rejects(
      nitroHints(document, async () => true),
      { code: "MT-SDK-601" },
    );
  });

  it("are refused with a code where they are none", () => {
    const document = documentOf();
    assert.throws(() => readNitroDocument(certificateOf("leaf")), { code: "MT-SDK-603" });
    assert.throws(() => readNitroDocument(document.slice(0, -1)), { code: "MT-SDK-602" });
    assert.throws(() => readNitroDocument(concatBytes(document, Uint8Array.of(0))), { code: "MT-SDK-602" });
    const withoutTime = documentOf({ alterEntries: (all) => all.filter(([name]) => name !== "timestamp") });
    assert.throws(() => readNitroDocument(withoutTime), { code: "MT-SDK-603" });
    for (const bytes of [[0x5f], [0x18, 5], [0x1c], [0x61], [0xa2, 0, 0, 0, 0], [0x20], [0xbf, 0]]) {
      assert.throws(() => readCbor(Uint8Array.from(bytes)), { code: "MT-SDK-602" });
    }
  });
});

describe("The table of P-384", () => {
  it("fills one contract exactly and begins with a byte that is no instruction", () => {
    const table = p384Tables();
    assert.equal(table.length, 24_576);
    assert.equal(table[0], 0xaa);
  });
});
