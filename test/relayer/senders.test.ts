// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { loadConfig } from "../../relayer/src/config/load.ts";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { KINDS } from "../../relayer/src/tx/kinds.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { localKey, lowerCase } from "../../scripts/stack/operators.ts";
import {
  askFor,
  eventually,
  readConfigJson,
  silentLogger,
  untilStatus,
  writeConfig,
} from "./local-relayer.ts";

const ANSWER_ACCOUNT = 11;
const COMMIT_ACCOUNT = 12;
const DAY_SECONDS = 86_400;

describe("a relayer with a key for each lane", () => {
  let stack: LocalStack;
  const [answerKey, commitKey] = [localKey(ANSWER_ACCOUNT), localKey(COMMIT_ACCOUNT)];

  before(async () => {
    stack = await startLocalStack();
  });

  after(async () => {
    await stack?.chain.close();
  });

  it("sends each transaction by the key of its lane, and takes no work before the commits' key is authorised", async () => {
    const file = await writeConfig(stack);
    const json = (await readConfigJson(file)) as { operator: object; commit: object };
    json.operator = {
      ...json.operator,
      senderKeys: { answer: answerKey.privateKey, commit: commitKey.privateKey },
    };
    json.commit = { maxAgeSeconds: 1 };
    await writeFile(file, JSON.stringify(json));
    const relayer = await startRelayer(loadConfig(file), { logger: silentLogger });
    try {
      const codes = async () => {
        const report = (await (await fetch(`${relayer.url}/readyz`)).json()) as Readiness;
        return report.policies.map(({ code }) => code);
      };
      assert.deepEqual(new Set(await codes()), new Set(["MT-GW-015"]));
      const owner = stack.operator.owner.connect(stack.chain.connection.ethers.provider);
      const policies = Object.values(stack.policyIds);
      const { settlement } = stack.deployment;
      await (await settlement.connect(owner).setSender(commitKey.address, policies, true)).wait();
      await eventually("work to be taken", async () => (await codes()).includes(undefined) || undefined);

      const proven = await askFor(relayer.url, 1, "proof");
      const waiting = await askFor(relayer.url, 2, "window");
      const attested = [await askFor(relayer.url, 3, "enclave")];
      await untilStatus(stack, relayer.url, proven, "Final");
      await untilStatus(stack, relayer.url, attested[0] ?? "0x", "Final");
      attested.push(await askFor(relayer.url, 4, "enclave"));
      await untilStatus(stack, relayer.url, attested[1] ?? "0x", "Final");
      const { batch } = await untilStatus(stack, relayer.url, waiting, "Committed");
      assert.ok(batch);
      await challengeAndAwaitAnswer(waiting, batch.batchId, batch.index);
      await stack.chain.moveTo((await stack.chain.now()) + DAY_SECONDS);
      await eventually("the stake to be released", async () =>
        (await settlement.batchOf(batch.batchId)).released ? true : undefined,
      );

      const rows = await relayer.ledger
        .selectFrom("intents")
        .select(["kind", "lane", "sender"])
        .where("sender", "is not", null)
        .orderBy("nonce")
        .execute();
      const senders = {
        ...{ answer: answerKey, finalise: stack.operator.sender, commit: commitKey },
      };
      for (const { kind, lane, sender } of rows) {
        assert.equal(lane, KINDS[kind].lane);
        assert.ok(lane !== "challenge");
        assert.equal(sender, lowerCase(senders[lane].address), kind);
      }
      const kinds = new Set(rows.map(({ kind }) => kind));
      for (const kind of ["announce", "answer", "commit", "prove", "release"] as const) {
        assert.ok(kinds.has(kind), `nothing of the kind ${kind} was sent`);
      }
      assert.deepEqual(
        rows.map(({ kind }) => kind).filter((kind) => kind === "attest" || kind === "rememberModel"),
        ["rememberModel", "attest", "attest"],
        "the model is remembered once, before its first attestation",
      );
    } finally {
      await relayer.stop();
    }

    async function challengeAndAwaitAnswer(claimId: Hex, batchId: Hex, index: number): Promise<void> {
      const { settlement } = stack.deployment;
      const url = relayer.url;
      const { claim, batch } = await untilStatus(stack, url, claimId, "Committed");
      assert.ok(batch);
      const { challengeBondWei } = (await stack.deployment.policies.policyOf(claim.policyId)).policy;
      const bond = { value: challengeBondWei };
      await (await settlement.challenge(batch.header, claim, index, batch.proof, bond)).wait();
      await eventually(
        "the challenge to be answered",
        async () => {
          const filter = settlement.filters.EvidenceAccepted(batchId);
          return (await settlement.queryFilter(filter)).length > 0 ? true : undefined;
        },
        90,
      );
    }
  });
});

interface Readiness {
  policies: { code?: string }[];
}
