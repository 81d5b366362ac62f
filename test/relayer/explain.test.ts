// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ParamType } from "ethers";
import { ENCLAVE_ERRORS, errorDataOf } from "../../relayer/src/attest/enclave-errors.ts";
import { explainRefusal, refusalText } from "../../relayer/src/attest/explain.ts";

/** Acts of governance and of a registry's other users; contracts' own arithmetic. No attestation is refused by them. */
const OF_OTHERS = [
  /^AccessManaged/,
  /^(ECDSA|EIP712|InvalidShortString|StringTooLong)/,
  /^Blob/,
  /^Bad(Registry|MeasurementPolicy|Compromise)$/,
  /^Measurement(Revision)$/,
  /^EnclaveKey(Unknown|NotPrunable)$/,
  /^ModelNotMeasured$/,
];

describe("explaining a refused attestation", () => {
  it("has words for every error of the verifiers and the registry", () => {
    ENCLAVE_ERRORS.forEachError((fragment) => {
      if (OF_OTHERS.some((pattern) => pattern.test(fragment.name))) return;
      const data = ENCLAVE_ERRORS.encodeErrorResult(fragment, fragment.inputs.map(sampleOf));
      const refusal = explainRefusal({ data });
      assert.equal(refusal?.check, fragment.name);
      assert.doesNotMatch(refusal.remedy, /docs\/SPEC/, `${fragment.name} has no words`);
      const text = refusalText(refusal);
      assert.doesNotMatch(text, /undefined|NaN|\[object/, text);
      assert.deepEqual(
        Object.keys(refusal.values),
        fragment.inputs.map(({ name }) => name),
      );
    });
  });

  it("says which values, at which place, and when", () => {
    const late = explain("ChainNotValid", [4, 1_700_000_000, 1_700_010_800], { at: 1_700_020_000 });
    assert.equal(
      late,
      "ChainNotValid: certificate 4 of the chain (the root is 0) is valid from 2023-11-14T22:13:20Z to " +
        "2023-11-15T01:13:20Z, not at 2023-11-15T03:46:40Z. Attest again and use the new document at once.",
    );
    const key = (5n << 248n) | BigInt(`0x${Buffer.from("extra").toString("hex")}`);
    assert.match(explain("DocumentKeyUnknown", [key]), /the key "extra"/);
    assert.match(explain("DocumentKeysMissing", [0b111011]), /lacks timestamp\./);
    assert.match(explain("TcbStatusNotAllowed", [4]), /status is OutOfDate/);
    assert.match(
      explain("QuoteDocumentMissing", [2, `0x${"00".repeat(32)}`]),
      /the TCB info is not on the chain/,
    );
    assert.match(
      explain("BadHint", [17], { badSignature: "the document" }),
      /signature on the document is wrong/,
    );
  });

  it("finds the return data wherever a provider puts it, and tells a refusal from trouble", () => {
    const data = ENCLAVE_ERRORS.encodeErrorResult("QuoteSignatureWrong", []);
    for (const error of [
      { data },
      { data: { data } },
      { info: { error: { data } } },
      { error: { data: { data } } },
      new Error("reverted", { cause: { data } }),
    ]) {
      assert.equal(errorDataOf(error), data);
    }
    assert.equal(explainRefusal(new Error("connection lost")), undefined);
    assert.equal(explainRefusal({ data: "0x" })?.check, "Reverted");
    assert.equal(explainRefusal({ data: "0x12345678" })?.check, "Reverted");
  });
});

function explain(name: string, args: readonly unknown[], context = {}): string {
  const refusal = explainRefusal({ data: ENCLAVE_ERRORS.encodeErrorResult(name, args) }, context);
  assert.ok(refusal);
  return refusalText(refusal);
}

function sampleOf({ type }: ParamType): unknown {
  if (type === "address") return `0x${"11".repeat(20)}`;
  if (type === "bool") return true;
  const bytes = /^bytes(\d+)$/.exec(type)?.[1];
  return bytes === undefined ? 1n : `0x${"22".repeat(Number(bytes))}`;
}
