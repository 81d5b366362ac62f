// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, describe, it } from "node:test";
import type { BatchHeader, Opening } from "@meantime/sdk/batch";
import type { Claim } from "@meantime/sdk/claim";
import { commitInput, commitLabel } from "@meantime/sdk/commitment";
import type { Address, Hex } from "@meantime/sdk/hex";
import { modelEntry, modelId, parseModelSpec, runModel } from "@meantime/sdk/model";
import { hashInput, hashOutput } from "@meantime/sdk/openai/commitment";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import type { ServedModel } from "../../relayer/src/services.ts";
import { checkClaim } from "../../relayer/src/watch/check-claim.ts";
import { CoverageCount } from "../../relayer/src/watch/coverage.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { sampleInput } from "./local-relayer.ts";

const OPERATOR: Address = `0x${"0a".repeat(20)}`;
const SALT: Hex = `0x00${"07".repeat(31)}`;
const COMMITTED_AT = 1_100;

describe("what a claim's own opening shows", () => {
  let model: ServedModel;
  let header: BatchHeader;
  let claim: Claim;
  let opening: Opening;

  before(async () => {
    const spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
    const id = modelId(modelEntry(spec, { measurement: `0x${"11".repeat(32)}` }));
    model = {
      ...{
        kind: "network",
        name: spec.name,
        id,
        spec,
        run: (input) => runModel(spec, input),
        measurement: undefined,
      },
      ...{ verificationKey: undefined, proving: undefined },
    };
    const policyId: Hex = `0x${"22".repeat(31)}${EVIDENCE_KINDS.tee.toString(16).padStart(2, "0")}`;
    const elements = sampleInput(1);
    claim = {
      ...{
        modelId: id,
        policyId,
        operator: OPERATOR,
        requester: OPERATOR,
        requestId: `0x${"01".repeat(32)}`,
      },
      inputHash: commitInput({ bits: spec.inputBits, elements, salt: SALT }),
      outputHash: commitLabel(runModel(spec, elements).label, spec.classes),
      ...{ servedAt: 1_000n, commitBy: 1_600n },
    };
    header = {
      ...{ operator: OPERATOR, policyId, modelId: id, root: SALT, dataRoot: `0x${"33".repeat(32)}` },
      ...{ count: 1, oldestServedAt: 1_000n, nonce: 1n },
    };
    opening = { input: Uint8Array.from(elements), salt: SALT, output: new Uint8Array() };
  });

  it("is the truth, or a lie together with the truth", () => {
    assert.deepEqual(check({}), { result: "right" });
    const other = commitLabel((Number(BigInt(claim.outputHash)) + 1) % 10, 10);
    const lie = check({ claim: { ...claim, outputHash: other } });
    assert.ok(lie.result === "wrong");
    assert.equal(lie.trueOutputHash, claim.outputHash);
  });

  it("is nothing where it is not what the input hash stands for: junk is no proof of a lie (A-12)", () => {
    const other = commitLabel((Number(BigInt(claim.outputHash)) + 1) % 10, 10);
    const lying = { ...claim, outputHash: other };
    const altered = opening.input.map((element, at) => (at === 0 ? element ^ 1 : element));
    const junk: Partial<Opening>[] = [
      { input: altered },
      { input: opening.input.subarray(1) },
      { input: opening.input.map(() => 16) },
      { salt: `0x01${"07".repeat(31)}` },
      { salt: `0x00${"08".repeat(31)}` },
    ];
    for (const change of junk) {
      const finding = check({ claim: lying, opening: { ...opening, ...change } });
      assert.equal(finding.result, "junk", JSON.stringify(change.salt ?? "input"));
    }
  });

  it("is not known of private data, of other models and of leaves that are in no batch", () => {
    const hidden = checkClaim({ claim, opening: undefined }, header, COMMITTED_AT, [model]);
    assert.equal(hidden.result, "unchecked");
    assert.equal(checkClaim({ claim, opening }, header, COMMITTED_AT, []).result, "unchecked");
    assert.equal(check({ claim: { ...claim, servedAt: 1_101n } }).result, "unchecked");
  });

  it("of a model that nobody here can run, whether it is the claim's at all", () => {
    const salt: Hex = `0x${"99".repeat(32)}`;
    const [input, output] = [Buffer.from("asked"), Buffer.from("answered")];
    const behindServer = {
      ...{ kind: "upstream" as const, name: "chat", id: claim.modelId, version: 1, reexecutable: false },
      ...{ measurement: undefined, upstream: undefined },
    };
    const chat = { ...claim, inputHash: hashInput(input, salt), outputHash: hashOutput(output, salt) };
    const look = (change: Partial<Opening>) =>
      checkClaim({ claim: chat, opening: { input, salt, output, ...change } }, header, COMMITTED_AT, [
        behindServer,
      ]).result;
    assert.equal(look({}), "unchecked");
    assert.equal(look({ input: Buffer.from("asked otherwise") }), "junk");
    assert.equal(look({ output: Buffer.from("answered otherwise") }), "junk");
    assert.equal(look({ salt: SALT }), "junk");
  });

  it("is counted by how it was found out", () => {
    const count = new CoverageCount();
    count.add({ result: "right" }, true, false);
    count.add({ result: "wrong", reason: "a lie", trueOutputHash: SALT }, true, true);
    count.add({ result: "junk", reason: "junk" }, true, true);
    count.add({ result: "unchecked", reason: "no model" }, true, false);
    count.add({ result: "unchecked", reason: "no member" }, false, true);
    assert.deepEqual(count.rows(), [
      { how: "re-executed", reason: "", claims: 2 },
      { how: "signature", reason: "junk", claims: 1 },
      { how: "inclusion", reason: "no model", claims: 1 },
      { how: "unchecked", reason: "no member", claims: 1 },
    ]);
  });

  function check(change: { claim?: Claim; opening?: Opening }) {
    return checkClaim({ claim, opening, ...change }, header, COMMITTED_AT, [model]);
  }
});
