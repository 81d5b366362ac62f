// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { hexToBytes, keccak256 } from "@meantime/sdk/hex";
import { AWS_NITRO_ROOT_CERTIFICATE } from "@meantime/sdk/nitro/aws-root";
import { readNitroCertificate } from "@meantime/sdk/nitro/certificate";
import { type NitroExpectation, verifyNitroDocument } from "@meantime/sdk/nitro/verify";
import {
  certificateOf,
  chainOf,
  type DocumentContent,
  documentOf,
  keyOf,
  NOW,
  nameOf,
  PCRS,
  serialOf,
  twinOf,
} from "../../relayer/src/attest/simulated/pki/nitro.ts";
import { type NitroManifestEntry, vectorFolder } from "../enclave/vectors.ts";

const HOUR_SECONDS = 3600;
const EXPECTED: NitroExpectation = {
  ...{ root: certificateOf("root"), atSeconds: NOW, maxAgeSeconds: HOUR_SECONDS },
};
const folder = vectorFolder("nitro");

describe("Documents of Nitro enclaves, judged off chain", () => {
  it("hold, in every form that the chain takes", () => {
    const forms: Partial<DocumentContent>[] = [
      {},
      { isIndefinite: true },
      { isTagged: true },
      { alterSignature: twinOf },
      { chain: chainOf({ leaf: { alterSignature: twinOf } }) },
    ];
    for (const form of forms) assertValid(documentOf(form));
    const judged = verifyNitroDocument(documentOf(), EXPECTED);
    const last = readNitroCertificate(certificateOf("leaf"));
    assert.ok(judged.isValid && judged.notAfter <= last.notAfter);
  });

  const WRONG: [string, Partial<DocumentContent>, Partial<NitroExpectation>, RegExp][] = [
    ["another root", {}, { root: certificateOf("root", { serial: 99n }) }, /does not begin with the root/],
    ["another signer", { signer: keyOf("somebody") }, {}, /its own signature/],
    [
      "a certificate that somebody else signed",
      chained({ zonal: { signer: keyOf("x") } }),
      {},
      /signature of certificate 2/,
    ],
    [
      "a certificate of another issuer",
      chained({ leaf: { issuer: { name: "x", key: keyOf("instance") } } }),
      {},
      /does not name/,
    ],
    [
      "another authority's key id",
      chained({ leaf: { authorityKeyId: new Uint8Array(20).fill(7) } }),
      {},
      /does not name/,
    ],
    [
      "an issuer that is no authority",
      chained({ zonal: { isCa: false } }),
      {},
      /certificate 2 .* may not issue/,
    ],
    [
      "an issuer that signs no certificates",
      chained({ regional: { keyUsage: 0x80 } }),
      {},
      /certificate 1 .* may not issue/,
    ],
    [
      "a path that is too long",
      chained({ regional: { pathLength: 0 } }),
      {},
      /certificate 1 .* may not issue/,
    ],
    ["an end that is an authority", chained({ leaf: { isCa: true } }), {}, /may not sign documents/],
    ["an end that signs no documents", chained({ leaf: { keyUsage: 0x04 } }), {}, /may not sign documents/],
    [
      "a certificate that has run out",
      chained({ instance: { notAfter: NOW - 1 } }),
      {},
      /certificate 3 .* not valid then/,
    ],
    [
      "a certificate of later",
      chained({ instance: { notBefore: NOW + 1 } }),
      {},
      /certificate 3 .* not valid then/,
    ],
    ["a document that is old", { timestampMs: (NOW - HOUR_SECONDS) * 1000 }, {}, /older than 3600 s/],
    ["a document of later", { timestampMs: (NOW + 301) * 1000 }, {}, /future/],
    [
      "debug mode",
      { pcrs: PCRS.map(([pcr, value]) => [pcr, pcr === 1 ? new Uint8Array(48) : value]) },
      {},
      /debug mode/,
    ],
    ["a certificate of version 1", chained({ leaf: { version: 0 } }), {}, /version 3/],
    ["no document", { alterPayload: () => new Uint8Array() }, {}, /./],
  ];
  for (const [name, change, expected, reason] of WRONG) {
    it(`do not hold with ${name}`, () => {
      const judged = verifyNitroDocument(documentOf(change), { ...EXPECTED, ...expected });
      assert.ok(!judged.isValid);
      assert.match(judged.reason, reason);
    });
  }

  it("do not hold where one byte of any part is another", () => {
    const document = documentOf();
    const step = Math.floor(document.length / 60);
    for (let at = 0; at < document.length; at += step) {
      const altered = Uint8Array.from(document);
      altered[at] = (altered[at] ?? 0) ^ 1;
      const judged = verifyNitroDocument(altered, EXPECTED);
      // The root's own signature is not looked at: the root is the one that is believed.
      if (judged.isValid) assert.ok(isInRootsSignature(document, at), `byte ${at}`);
    }
  });

  it("do not hold with a certificate that was revoked, by its issuer and serial", () => {
    const { issuer } = readNitroCertificate(certificateOf("zonal"));
    assert.equal(issuer, `0x${Buffer.from(nameOf("test.regional.nitro-enclaves")).toString("hex")}`);
    const revoke = (serial: bigint) =>
      verifyNitroDocument(documentOf(), {
        ...EXPECTED,
        isRevoked: (name, found) => name === keccak256(issuer) && found === serial,
      });
    assert.deepEqual(revoke(serialOf("zonal")), {
      ...{ isValid: false, reason: "certificate 2 of its chain was revoked" },
    });
    assert.ok(revoke(serialOf("zonal") + 1n).isValid);
  });

  if (folder !== undefined) genuine(folder);
});

function genuine(folder: string): void {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as NitroManifestEntry[];
  for (const entry of manifest) {
    it(`agree with the manifest about ${entry.file}`, () => {
      const document = readFileSync(join(folder, entry.file));
      const [notBefore, notAfter] = entry.window_unix;
      const atSeconds = Math.max(Math.floor(entry.timestamp_ms / 1000), notBefore) + 10;
      const expected = {
        root: hexToBytes(AWS_NITRO_ROOT_CERTIFICATE),
        atSeconds,
        maxAgeSeconds: HOUR_SECONDS,
      };
      const judged = verifyNitroDocument(document, expected);
      assert.equal(judged.isValid, entry.genuine && !entry.debug_zero_pcr012, JSON.stringify(judged));
      if (!judged.isValid) return;
      assert.equal(judged.notAfter, notAfter);
      const late = verifyNitroDocument(document, {
        ...expected,
        ...{ atSeconds: notAfter + 1, maxAgeSeconds: Number.MAX_SAFE_INTEGER },
      });
      assert.deepEqual(late.isValid, false);
    });
  }
}

function chained(changes: Parameters<typeof chainOf>[0]): Partial<DocumentContent> {
  return { chain: chainOf(changes) };
}

function assertValid(document: Uint8Array): void {
  const judged = verifyNitroDocument(document, EXPECTED);
  assert.ok(judged.isValid, JSON.stringify(judged));
}

/** The signature is what follows in the root's certificate behind what it signs. */
function isInRootsSignature(document: Uint8Array, at: number): boolean {
  const root = certificateOf("root");
  const start = Buffer.from(document).indexOf(Buffer.from(root));
  const signatureBytes = 2 + 12 + 3 + 105;
  return at >= start && at < start + root.length && at >= start + root.length - signatureBytes;
}
