// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { startAsking } from "../../explorer/src/state/asking.ts";

describe("what the explorer asks again whenever there is news", () => {
  it("is answered under a flood of news, one question at a time", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const answers: number[] = [];
    let asked = 0;
    let open = 0;
    const asking = startAsking(
      async () => {
        open += 1;
        assert.equal(open, 1);
        await Promise.resolve();
        open -= 1;
        return ++asked;
      },
      (value) => answers.push(value),
      assert.fail,
    );
    for (let news = 0; news < 100; news++) {
      asking.again();
      mock.timers.tick(50);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    asking.stop();
    mock.timers.reset();
    // Five seconds of news, four questions a second at most.
    assert.ok(answers.length >= 10 && answers.length <= 21, `${answers.length} answers`);
  });

  it("tells nobody once it is stopped, and tells what went wrong before", async () => {
    const told: string[] = [];
    const failing = startAsking(
      () => Promise.reject(new RangeError("away")),
      () => told.push("answer"),
      ({ message }) => told.push(message),
    );
    await new Promise<void>((resolve) => setImmediate(resolve));
    failing.stop();
    const late = startAsking(
      () => new Promise<number>((resolve) => setImmediate(() => resolve(1))),
      () => told.push("late"),
      () => told.push("late"),
    );
    late.stop();
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    assert.deepEqual(told, ["away"]);
  });
});
