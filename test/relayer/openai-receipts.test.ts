// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { batchId, MAX_OPENING_BYTES, openingLeaf, parseBatchHeader } from "@meantime/sdk/batch";
import { type Chain, connectChain } from "@meantime/sdk/chain/chain";
import { httpProvider } from "@meantime/sdk/chain/provider";
import { type Hex, keccak256Text, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { opens } from "@meantime/sdk/openai/commitment";
import { createMeantimeFetch, meantimeErrorOf, type VerifiedExchange } from "@meantime/sdk/openai/fetch";
import OpenAI from "openai";
import { parseWatchtowerConfig } from "../../relayer/src/config/watch.ts";
import { findReceipt } from "../../relayer/src/ledger/receipts.ts";
import { readCoverage } from "../../relayer/src/watch/coverage.ts";
import { startWatchtower } from "../../relayer/src/watch/standalone.ts";
import { localKey, lowerCase } from "../../scripts/stack/operators.ts";
import { CHALLENGE_BOND_WEI } from "../../scripts/stack/policies.ts";
import { eventually, freshFolder, REQUESTER, silentLogger, untilStatus } from "./local-relayer.ts";
import { CHAT_ENTRY, type OpenAiWorld, startOpenAiWorld } from "./openai-stack.ts";
import { CHAT_MODEL, honestly } from "./openai-upstream.ts";

const CHALLENGER_ACCOUNT = 15;

describe("receipts of answers of an upstream", () => {
  let world: OpenAiWorld;
  let chain: Chain;

  before(async () => {
    world = await startOpenAiWorld();
    chain = await connectChain(httpProvider(world.stack.chain.url), world.stack.domain);
  });

  beforeEach(() => {
    world.upstream.requests.length = 0;
    world.upstream.conduct = honestly;
  });

  after(() => world?.close());

  /** The official client with the SDK's fetch: it takes no answer whose receipt does not hold against the chain. */
  function checkedClient(
    policy: keyof OpenAiWorld["stack"]["chatPolicies"],
    streaming: "hold" | "through" = "hold",
  ): { client: OpenAI; told: VerifiedExchange[] } {
    const { stack, relayer } = world;
    const told: VerifiedExchange[] = [];
    const fetch = createMeantimeFetch({
      trust: { chain },
      requester: REQUESTER,
      models: {
        [CHAT_MODEL]: {
          id: stack.chatId,
          operator: lowerCase(stack.operator.owner.address),
          policyId: stack.chatPolicies[policy],
        },
      },
      streaming,
      onReceipt: (exchange) => told.push(exchange),
    });
    return {
      told,
      client: new OpenAI({ baseURL: `${relayer.url}/v1`, apiKey: "none", maxRetries: 0, fetch }),
    };
  }

  it("hold against the chain: whole, held back and passed through, with tools, text and embeddings", async () => {
    const tools = [{ type: "function" as const, function: { name: "weather" } }];
    for (const streaming of ["hold", "through"] as const) {
      const { client, told } = checkedClient("private", streaming);
      const messages = [{ role: "user" as const, content: "Grüße 😊" }];
      const { chat, completions, embeddings } = client;
      const whole = await chat.completions.create({ model: CHAT_MODEL, messages });
      const folded = await chat.completions.stream({ model: CHAT_MODEL, messages }).finalChatCompletion();
      assert.equal(folded.choices[0]?.message.content, whole.choices[0]?.message.content);
      await chat.completions.create({ model: CHAT_MODEL, messages, tools });
      await chat.completions.stream({ model: CHAT_MODEL, messages, tools }).finalChatCompletion();
      await completions.create({ model: CHAT_MODEL, prompt: "a" });
      for await (const _ of await completions.create({ model: CHAT_MODEL, prompt: "b", stream: true }));
      await embeddings.create({ model: CHAT_MODEL, input: "c" });
      assert.equal(told.length, 7);
      for (const { receipt, opening } of told) {
        assert.ok(opens(opening, receipt.claim));
        assert.equal(receipt.claim.requester, REQUESTER);
        const stored = await findReceipt(world.relayer.ledger, receipt.claimId);
        assert.deepEqual(
          {
            ...stored?.opening,
            input: toText(stored?.opening.input),
            output: toText(stored?.opening.output),
          },
          { ...opening, input: toText(opening.input), output: toText(opening.output) },
        );
      }
    }
  });

  it("come again for the same request id, whole and streamed, and are checked again", async () => {
    const { client, told } = checkedClient("private");
    const headers = {
      "meantime-request-id": `0x${"44".repeat(32)}`,
      "meantime-salt": `0x${"55".repeat(32)}`,
    };
    const messages = [{ role: "user" as const, content: "again" }];
    for (let time = 0; time < 2; time++) {
      const stream = client.chat.completions.stream({ model: CHAT_MODEL, messages }, { headers });
      const answer = await stream.finalChatCompletion();
      assert.equal(answer.choices[0]?.message.content, "echo: again");
    }
    assert.equal(world.upstream.requests.length, 1);
    assert.deepEqual(told[0]?.receipt, told[1]?.receipt);
  });

  it("hold for answers with separators of lines, streamed and streamed again", async () => {
    const content = "one\u2028two\u2029three";
    for (const streaming of ["hold", "through"] as const) {
      const { client, told } = checkedClient("private", streaming);
      const headers = {
        "meantime-request-id": keccak256Text(`separators ${streaming}`),
        "meantime-salt": `0x${"55".repeat(32)}`,
      };
      const messages = [{ role: "user" as const, content }];
      for (let time = 0; time < 2; time++) {
        const stream = client.chat.completions.stream({ model: CHAT_MODEL, messages }, { headers });
        const answer = await stream.finalChatCompletion();
        assert.equal(answer.choices[0]?.message.content, `echo: ${content}`);
      }
      const [{ receipt, opening } = assert.fail(), again] = told;
      assert.deepEqual(again?.receipt, receipt);
      assert.match(toText(opening.output), /echo: one\u2028two\u2029three/);
    }
    assert.equal(world.upstream.requests.length, 2);
  });

  it("do not come with errors: the client sees the gateway's refusal", async () => {
    const { client, told } = checkedClient("private");
    world.upstream.conduct = (_, response) => void response.destroy();
    const error = await client.chat.completions
      .create({ model: CHAT_MODEL, messages: [] })
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.code, "MT-GW-061");
    assert.equal(meantimeErrorOf(error), undefined);
    assert.deepEqual(told, []);
  });

  it("are committed; the batch is what its data say, and a watchtower checks what it can", async () => {
    const { stack, relayer } = world;
    const { client, told } = checkedClient("public");
    for (const content of ["one", "two"]) {
      await client.chat.completions.create({ model: CHAT_MODEL, messages: [{ role: "user", content }] });
    }
    const [first, second] = told.map(({ receipt }) => receipt.claimId);
    assert.ok(first && second);
    const { batch } = await untilStatus(stack, relayer.url, first, "Committed");
    await untilStatus(stack, relayer.url, second, "Committed");
    assert.ok(batch);
    const shown = (await (await fetch(new URL(`/v1/batches/${batch.batchId}`, relayer.url))).json()) as {
      header: unknown;
      claims: { claimId: Hex; opening: { input: string; salt: Hex; output: string } }[];
    };
    const header = parseBatchHeader(shown.header);
    assert.equal(batchId(stack.domain, header), batch.batchId);
    const openings = shown.claims.map(({ opening }) => ({
      input: Buffer.from(opening.input, "base64url"),
      salt: opening.salt,
      output: Buffer.from(opening.output, "base64url"),
    }));
    assert.equal(
      buildMerkleTree(openings.map((opening, at) => openingLeaf(at, opening))).root,
      header.dataRoot,
    );
    const own = told.find(({ receipt }) => receipt.claimId === shown.claims[0]?.claimId);
    assert.equal(toText(openings[0]?.output), toText(own?.opening.output));

    const { name, version, weights, measurement } = CHAT_ENTRY;
    const folder = await freshFolder();
    const tower = await startWatchtower(
      parseWatchtowerConfig(
        {
          chain: {
            rpcUrl: stack.chain.url,
            chainId: 31_337,
            settlement: stack.domain.settlement,
            pollMilliseconds: 100,
          },
          ledger: { file: "ledger.sqlite" },
          models: [{ name, version, weights, measurement }],
          watch: { mode: "manual" },
          log: { level: "silent" },
        },
        folder,
      ),
      silentLogger,
    );
    try {
      const coverage = await eventually("the claims to be looked at", async () => {
        const seen = await readCoverage(tower.ledger);
        return Object.hasOwn(seen.reasons, "the model cannot be run here; its opening fits")
          ? seen
          : undefined;
      });
      assert.ok(coverage.signatureOnly >= 2);
      const findings = await tower.ledger.selectFrom("findings").selectAll().execute();
      assert.deepEqual(findings, []);
    } finally {
      await tower.stop();
    }
  });

  it("are defended when they are challenged, by the operator's enclave", async () => {
    const { stack, relayer } = world;
    const { client, told } = checkedClient("private");
    await client.chat.completions.create({
      model: CHAT_MODEL,
      messages: [{ role: "user", content: "true?" }],
    });
    const claimId = told[0]?.receipt.claimId;
    assert.ok(claimId);
    const { claim, batch } = await untilStatus(stack, relayer.url, claimId, "Committed");
    assert.ok(batch);
    const { header, index, proof } = batch;
    const challenger = localKey(CHALLENGER_ACCOUNT).connect(stack.chain.connection.ethers.provider);
    const settlement = stack.deployment.settlement.connect(challenger);
    await (
      await settlement.challenge(header, claim, index, [...proof], { value: CHALLENGE_BOND_WEI })
    ).wait();
    const owner = stack.operator.owner.address;
    const wonWei = await eventually("the challenger's bond", async () => {
      return (await settlement.creditOf(owner, ZERO_ADDRESS)) || undefined;
    });
    assert.equal(wonWei, CHALLENGE_BOND_WEI);
  });

  it("are shown on chain when somebody demands it, as large as public data may be", async () => {
    const { stack, relayer } = world;
    const { client, told } = checkedClient("public");
    const create = (content: string) =>
      client.chat.completions.create({ model: CHAT_MODEL, messages: [{ role: "user", content }] });
    await create("");
    const empty = told[0]?.opening ?? assert.fail();
    const room = MAX_OPENING_BYTES - empty.input.length - empty.output.length;
    // The answer repeats the question: one byte may be left.
    await create("x".repeat(Math.floor(room / 2)));
    const { receipt, opening } = told[1] ?? assert.fail();
    assert.ok(opening.input.length + opening.output.length >= MAX_OPENING_BYTES - 1);
    const { batch } = await untilStatus(stack, relayer.url, receipt.claimId, "Committed");
    assert.ok(batch);
    const stranger = localKey(CHALLENGER_ACCOUNT).connect(stack.chain.connection.ethers.provider);
    const settlement = stack.deployment.settlement.connect(stranger);
    await (await settlement.demandReveal(batch.header, batch.index, { value: CHALLENGE_BOND_WEI })).wait();
    const [shown] = await eventually("the claim to be revealed", async () => {
      const events = await settlement.queryFilter(settlement.filters.ClaimRevealed());
      return events.length > 0 ? events : undefined;
    });
    assert.equal(
      Buffer.from(shown?.args.opening.output.slice(2) ?? "", "hex").toString(),
      toText(opening.output),
    );
  });

  it("are attested by the operator's enclave, where the policy asks for it", async () => {
    const { stack, relayer } = world;
    const { client, told } = checkedClient("attested");
    await client.chat.completions.create({
      model: CHAT_MODEL,
      messages: [{ role: "user", content: "attest" }],
    });
    const claimId = told[0]?.receipt.claimId;
    assert.ok(claimId);
    const report = await untilStatus(stack, relayer.url, claimId, "Final");
    assert.ok(report.batch);
    const row = await relayer.ledger
      .selectFrom("chain_batches")
      .select("attested_at")
      .where("batch_id", "=", report.batch.batchId)
      .executeTakeFirst();
    assert.ok(row?.attested_at);
  });
});

function toText(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
