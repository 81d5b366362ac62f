// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CONFIRMATIONS } from "./fake-chain.ts";
import { type Command, checkEveryCrash, type Met, runScenario } from "./outbox-model.ts";

const count = fc.integer({ min: 0, max: 4 });
const COMMAND: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("enqueue" as const) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("step" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("mine" as const), blocks: fc.integer({ min: 1, max: 6 }) }),
  },
  fc.record({ do: fc.constant("evict" as const), offset: fc.integer({ min: 0, max: 2 }) }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("reorganise" as const),
      depth: fc.integer({ min: 1, max: 7 }),
      keeps: fc.boolean(),
    }),
  },
  fc.record({ do: fc.constant("lag" as const), blocks: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ do: fc.constant("takeNonce" as const) }),
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      which: count,
      verdict: fc.constantFrom("done" as const, "moot" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("revert" as const), which: count }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: count }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("congest" as const), blocks: fc.integer({ min: 1, max: 6 }) }),
  },
  fc.record({ do: fc.constant("fund" as const), on: fc.boolean() }),
  fc.record({ do: fc.constant("fee" as const), percent: fc.constantFrom(30, 80, 125, 400) }),
  fc.record({ do: fc.constant("crash" as const), after: fc.integer({ min: 1, max: 40 }) }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("fault" as const),
      fault: fc.constantFrom(
        ...(["sendLost", "sendFailsAfterAcceptance", "sendRefused", "noReceipt", "noTransaction"] as const),
        ...(["highCount", "lowCount", "highHead", "timeout", "estimateReverts"] as const),
      ),
    }),
  },
);

const DEPTH = fc.integer({ min: 1, max: CONFIRMATIONS - 1 });
/** What needs several things in a row, and would be rare otherwise. */
const EPISODE: fc.Arbitrary<Command[]> = fc.oneof(
  fc
    .record({ which: count, verdict: fc.constantFrom("done" as const, "moot" as const), lies: fc.boolean() })
    .map(({ which, verdict, lies }): Command[] => [
      ...[
        { do: "step" } as const,
        { do: "end", which, verdict } as const,
        { do: "congest", blocks: 6 } as const,
      ],
      ...(lies ? [{ do: "fault", fault: "noTransaction" } as const] : []),
      { do: "step" },
    ]),
  fc.record({ which: count, depth: DEPTH }).map(({ which, depth }): Command[] => [
    ...[{ do: "revert", which } as const, { do: "mine", blocks: depth } as const, { do: "step" } as const],
    // Twice: after the pause it would get another nonce.
    ...[{ do: "step" } as const, { do: "reorganise", depth, keeps: true } as const, { do: "step" } as const],
  ]),
  DEPTH.map((depth): Command[] => [
    ...[{ do: "takeNonce" } as const, { do: "enqueue" } as const, { do: "step" } as const],
    ...[{ do: "reorganise", depth, keeps: false } as const, { do: "step" } as const],
  ]),
);

/** A life of the outbox. */
const LIFE = fc
  .array(fc.oneof({ weight: 6, arbitrary: COMMAND.map((command) => [command]) }, EPISODE), {
    ...{ minLength: 5, maxLength: 35 },
  })
  .map((parts) => parts.flat());

const RUNS = Number(process.env.MEANTIME_OUTBOX_RUNS ?? 150);

/** Everything that has to have happened in a random run, for it to say anything. */
const KINDS = [
  ...["sendLost", "sendFailsAfterAcceptance", "sendRefused", "noReceipt", "noTransaction", "highCount"],
  ...["lowCount", "highHead", "timeout", "estimateReverts", "evicted", "shallowReorg", "deepReorg"],
  ...["nonceTaken", "reverted", "crash", "underpriced", "cancelled"],
];

describe("outbox on a chain that forgets, lags, lies and reorganises", () => {
  it("executes no intent twice and ends every one, whatever happens", async () => {
    const met: Met = new Map();
    await fc.assert(
      fc.asyncProperty(LIFE, async (commands) => {
        for (const [kind, times] of await runScenario(commands)) met.set(kind, (met.get(kind) ?? 0) + times);
      }),
      { numRuns: RUNS, seed: Number(process.env.MEANTIME_OUTBOX_SEED ?? 20_260), endOnFailure: false },
    );
    for (const kind of KINDS) assert.ok((met.get(kind) ?? 0) > 0, `${kind} never happened`);
  });

  const FIXED: Record<string, Command[]> = {
    "a plain life": [
      { do: "enqueue" },
      { do: "enqueue" },
      { do: "step" },
      { do: "mine", blocks: 4 },
      { do: "step" },
    ],
    "a bump after an eviction": [
      ...([{ do: "enqueue" }, { do: "step" }, { do: "evict", offset: 0 }, { do: "step" }] as Command[]),
      ...([
        { do: "mine", blocks: 6 },
        { do: "step" },
        { do: "mine", blocks: 4 },
        { do: "step" },
      ] as Command[]),
    ],
    "a reorganisation": [
      ...([{ do: "enqueue" }, { do: "enqueue" }, { do: "step" }, { do: "mine", blocks: 2 }] as Command[]),
      ...([{ do: "step" }, { do: "reorganise", depth: 2, keeps: false }, { do: "step" }] as Command[]),
      ...([{ do: "mine", blocks: 4 }, { do: "step" }] as Command[]),
    ],
    "a nonce that another program took, and lost": [
      ...([
        { do: "enqueue" },
        { do: "step" },
        { do: "takeNonce" },
        { do: "enqueue" },
        { do: "step" },
      ] as Command[]),
      ...([
        { do: "reorganise", depth: 1, keeps: false },
        { do: "step" },
        { do: "mine", blocks: 4 },
      ] as Command[]),
      { do: "step" },
    ],
    "a cancelled one": [
      ...([{ do: "enqueue" }, { do: "enqueue" }, { do: "step" }] as Command[]),
      ...([
        { do: "end", which: 0, verdict: "done" },
        { do: "congest", blocks: 6 },
      ] as Command[]),
      ...([
        { do: "fee", percent: 400 },
        { do: "mine", blocks: 6 },
        { do: "step" },
        { do: "step" },
      ] as Command[]),
      ...([{ do: "mine", blocks: 4 }, { do: "step" }] as Command[]),
    ],
    "one that the operator gives up": [
      ...([{ do: "enqueue" }, { do: "enqueue" }, { do: "step" }, { do: "cancel", which: 0 }] as Command[]),
      ...([{ do: "step" }, { do: "congest", blocks: 6 }, { do: "step" }] as Command[]),
      ...([{ do: "mine", blocks: 4 }, { do: "step" }] as Command[]),
    ],
    "one of several that others did": [
      ...([{ do: "enqueue" }, { do: "enqueue" }, { do: "fault", fault: "sendLost" }] as Command[]),
      ...([
        { do: "step" },
        { do: "end", which: 0, verdict: "moot" },
        { do: "congest", blocks: 6 },
      ] as Command[]),
      ...([{ do: "step" }, { do: "mine", blocks: 4 }, { do: "step" }] as Command[]),
    ],
    "a reorganisation deeper than the confirmations": [
      ...([{ do: "enqueue" }, { do: "step" }, { do: "mine", blocks: 4 }, { do: "step" }] as Command[]),
      ...([{ do: "reorganise", depth: 6, keeps: false }, { do: "step" }] as Command[]),
    ],
    "a revert": [
      ...([{ do: "enqueue" }, { do: "step" }, { do: "revert", which: 0 }] as Command[]),
      ...([{ do: "mine", blocks: 1 }, { do: "step" }] as Command[]),
      ...([
        { do: "reorganise", depth: 1, keeps: true },
        { do: "mine", blocks: 4 },
        { do: "step" },
      ] as Command[]),
    ],
  };
  for (const [name, commands] of Object.entries(FIXED)) {
    it(`survives a crash at every await of ${name}`, async () => {
      const crashes = await checkEveryCrash(commands);
      assert.ok(crashes > 20, `only ${crashes} places to crash at`);
    });
  }
});
