// SPDX-License-Identifier: MIT
import { ZERO_ADDRESS } from "@meantime/sdk/hex";
import { REQUEST_STATES } from "@meantime/sdk/request";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import type { ContractTransactionReceipt, ContractTransactionResponse } from "ethers";
import {
  asAddress,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  signBatch,
} from "./fixture.ts";
import {
  askThrough,
  attest,
  BEHAVIOUR,
  CALLBACK_GAS,
  callOf,
  commitAnswer,
  deliver,
  deployRequestWorld,
  draftRequest,
  FEE_WEI,
  type RequestWorld,
  reject,
} from "./requests-fixture.ts";

const { loadFixture, takeSnapshot, time } = networkHelpers;

// What a call takes from the dispatch of `onInference` to the first line of its body.
const ENTRY_GAS = 1_000n;

describe("Callbacks of InferenceRequests", () => {
  it("I-41 tell the requester once for each state: delivered, then the end", async () => {
    const world = await loadFixture(deployRequestWorld);
    const settled = await deliver(world, "teeThenWindow");
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await world.requests.settle(...callOf(settled));
    const rejected = await deliver(world, "window", { nonce: 1n });
    await reject(world, rejected);
    await world.requests.settle(...callOf(rejected));
    await world.settlement.connect(world.operator).resume(ZERO_ADDRESS);
    const asked = await askThrough(world, "tee", { nonce: 2n });
    const direct = await commitAnswer(world, "tee", asked, {}, 9n);
    await attest(world, direct);
    await world.requests.fulfil(...callOf(direct));
    const expired = await askThrough(world, "window", { nonce: 3n });
    await time.increaseTo(expired.request.expiresAt);
    await world.requests.expire(expired.request);

    const output = settled.claim.outputHash;
    expect(await toldTo(world)).to.deep.equal([
      [settled.requestId, STATUS.Committed, output, output],
      [settled.requestId, STATUS.Final, output, output],
      [rejected.requestId, STATUS.Committed, output, output],
      [rejected.requestId, STATUS.Rejected, output, output],
      [direct.requestId, STATUS.Final, output, output],
    ]);
  });

  it("are not made where the request asks for none, and nobody minds one to an account without code", async () => {
    const world = await loadFixture(deployRequestWorld);
    const { requests, requester } = world;
    const silent = await deliver(world, "window", { callbackGasLimit: 0 });
    expect(await toldTo(world)).to.deep.equal([]);
    expect((await requests.stateOf(silent.requestId)).undelivered).to.equal(false);

    const request = await draftRequest(world, "window", {
      requester: asAddress(requester.address),
      nonce: 1n,
    });
    await requests.connect(requester).request(request, "0x", { value: FEE_WEI });
    const asked = { request, requestId: (await requests.requestIdOf(request)) as `0x${string}` };
    const answer = await commitAnswer(world, "window", asked, {}, 2n);
    await expect(requests.fulfil(...callOf(answer))).not.to.emit(requests, "CallbackFailed");
  });

  for (const behaviour of ["Revert", "BurnAllGas", "RevertBomb"] as const) {
    it(`R-22 I-42 a requester that answers by ${behaviour} holds up neither delivery nor payment`, async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer, operator } = world;
      await consumer.setBehaviour(BEHAVIOUR[behaviour], 0);
      const asked = await askThrough(world, "window");
      const answer = await commitAnswer(world, "window", asked);
      await expect(requests.fulfil(...callOf(answer)))
        .to.emit(requests, "CallbackFailed")
        .withArgs(asked.requestId, await consumer.getAddress(), STATUS.Committed);
      expect(await requests.stateOf(asked.requestId)).to.deep.equal([
        BigInt(REQUEST_STATES.Delivered),
        BigInt(STATUS.Committed),
        true,
      ]);

      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await expect(requests.settle(...callOf(answer)))
        .to.emit(requests, "CallbackFailed")
        .withArgs(asked.requestId, await consumer.getAddress(), STATUS.Final);
      expect(await requests.stateOf(asked.requestId)).to.deep.equal([
        BigInt(REQUEST_STATES.Settled),
        BigInt(STATUS.Final),
        true,
      ]);
      expect(await requests.creditOf(operator.address, ZERO_ADDRESS)).to.equal(FEE_WEI);
      expect(await toldTo(world)).to.deep.equal([]);
    });
  }

  it("R-24 what a requester returns is not copied: a bomb costs its own gas and no more", async () => {
    const world = await loadFixture(deployRequestWorld);
    // Making 512 KiB costs 573,440 gas; copying them would cost as much once more.
    const bombGas = 573_440n;
    let plainGas = 0n;
    for (const [place, behaviour] of [
      BEHAVIOUR.Accept,
      BEHAVIOUR.ReturnBomb,
      BEHAVIOUR.RevertBomb,
    ].entries()) {
      const asked = await askThrough(world, "window", { nonce: BigInt(place), callbackGasLimit: 1_000_000 });
      const answer = await commitAnswer(world, "window", asked, {}, BigInt(place + 1));
      await world.consumer.setBehaviour(behaviour, 0);
      const { gasUsed } = await mined(world.requests.fulfil(...callOf(answer)));
      if (behaviour === BEHAVIOUR.Accept) plainGas = gasUsed;
      else expect(gasUsed - plainGas).to.be.lessThan(bombGas + 20_000n);
    }
  });

  it("R-23 I-43 a callback has exactly its gas, or the call reverts and nothing has happened", async () => {
    const world = await loadFixture(deployRequestWorld);
    const { requests, consumer } = world;
    // So much that the 64th part that EIP-150 keeps back is more than all other costs of the call.
    const callbackGasLimit = 1_000_000;
    await consumer.setBehaviour(BEHAVIOUR.SpendGas, callbackGasLimit - 5_000);
    const asked = await askThrough(world, "window", { callbackGasLimit });
    const answer = await commitAnswer(world, "window", asked);
    const snapshot = await takeSnapshot();
    const { gasUsed } = await mined(requests.fulfil(...callOf(answer), { gasLimit: 2_000_000 }));
    await snapshot.restore();

    const ends = { reverted: 0, told: 0 };
    const given = new Set<bigint>();
    // From too little for the call itself, over too little for the callback alone, to enough for both.
    for (let gasLimit = gasUsed - 10_000n; gasLimit <= gasUsed + 45_000n; gasLimit += 1_000n) {
      const receipt = await trySend(requests.fulfil(...callOf(answer), { gasLimit }));
      const { state, undelivered } = await requests.stateOf(asked.requestId);
      expect(undelivered).to.equal(false);
      if (receipt === null) {
        ends.reverted++;
        expect(state).to.equal(REQUEST_STATES.Open);
      } else {
        ends.told++;
        expect(state).to.equal(REQUEST_STATES.Delivered);
        given.add(gasGivenIn(world, receipt));
      }
      await snapshot.restore();
    }
    expect(ends.reverted).to.be.greaterThan(10);
    expect(ends.told).to.be.greaterThan(10);
    expect([...given]).to.have.length(1);
    const [gasGiven = 0n] = given;
    expect(gasGiven).to.be.within(BigInt(callbackGasLimit) - ENTRY_GAS, callbackGasLimit);
  });

  it("R-23 a caller that brings too little gas is told so, on delivery, settlement and redelivery", async () => {
    const world = await loadFixture(deployRequestWorld);
    const { requests, consumer } = world;
    const asked = await askThrough(world, "window", { callbackGasLimit: 3_000_000 });
    const answer = await commitAnswer(world, "window", asked);
    const starved = { gasLimit: 3_000_000n };
    const refused = async (call: Promise<unknown>) =>
      expect(call).to.be.revertedWithCustomError(requests, "InsufficientGas");
    await refused(requests.fulfil.staticCall(...callOf(answer), starved));
    await consumer.setBehaviour(BEHAVIOUR.Revert, 0);
    await requests.fulfil(...callOf(answer), { gasLimit: 4_000_000n });
    await refused(requests.redeliver.staticCall(...callOf(answer), starved));
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await refused(requests.settle.staticCall(...callOf(answer), starved));
  });

  describe("made once more", () => {
    it("by anybody, with more gas than was promised, and only once", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer, stranger } = world;
      await consumer.setBehaviour(BEHAVIOUR.SpendGas, CALLBACK_GAS * 2);
      const answer = await deliver(world, "window");
      expect((await requests.stateOf(answer.requestId)).undelivered).to.equal(true);

      await expect(requests.connect(stranger).redeliver(...callOf(answer), { gasLimit: 1_000_000n }))
        .to.emit(requests, "CallbackRedelivered")
        .withArgs(answer.requestId, await consumer.getAddress(), STATUS.Committed);
      const output = answer.claim.outputHash;
      expect(await toldTo(world)).to.deep.equal([[answer.requestId, STATUS.Committed, output, output]]);
      await expect(requests.redeliver(...callOf(answer)))
        .to.be.revertedWithCustomError(requests, "NothingToRedeliver")
        .withArgs(answer.requestId);
    });

    it("tell the status that the claim has by then", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer } = world;
      await consumer.setBehaviour(BEHAVIOUR.Revert, 0);
      const answer = await deliver(world, "teeThenWindow");
      await attest(world, answer);
      await consumer.setBehaviour(BEHAVIOUR.Accept, 0);
      await requests.redeliver(...callOf(answer));
      expect((await toldTo(world)).map(([, status]) => status)).to.deep.equal([STATUS.Attested]);
      expect(await requests.stateOf(answer.requestId)).to.deep.equal([
        BigInt(REQUEST_STATES.Delivered),
        BigInt(STATUS.Attested),
        false,
      ]);
    });

    it("I-41 leave it to the settlement to say, once, that a delivered claim became final", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer } = world;
      await consumer.setBehaviour(BEHAVIOUR.Revert, 0);
      const answer = await deliver(world, "window");
      await consumer.setBehaviour(BEHAVIOUR.Accept, 0);
      await networkHelpers.time.increase(CHALLENGE_WINDOW_SECONDS);
      await expect(requests.redeliver(...callOf(answer)))
        .to.be.revertedWithCustomError(requests, "SettleFirst")
        .withArgs(answer.requestId);
      await requests.settle(...callOf(answer));
      expect((await toldTo(world)).map(([, status]) => status)).to.deep.equal([STATUS.Final]);
    });

    it("stay due while they fail, and are about the delivered claim and its output alone", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer } = world;
      await consumer.setBehaviour(BEHAVIOUR.Revert, 0);
      const answer = await deliver(world, "window");
      await expect(requests.redeliver(...callOf(answer), { gasLimit: 1_000_000n }))
        .to.be.revertedWithCustomError(requests, "RedeliveryFailed")
        .withArgs(answer.requestId);
      expect((await requests.stateOf(answer.requestId)).undelivered).to.equal(true);

      await consumer.setBehaviour(BEHAVIOUR.Accept, 0);
      await expect(requests.redeliver(...callOf({ ...answer, index: answer.index - 1 })))
        .to.be.revertedWithCustomError(requests, "OtherClaim")
        .withArgs(answer.requestId);
      await expect(requests.redeliver(...callOf(answer, "0x")))
        .to.be.revertedWithCustomError(requests, "WrongOutput")
        .withArgs(answer.requestId, answer.claim.outputHash);
      await requests.redeliver(...callOf(answer));
    });

    it("tell nobody of a status that the claim has lost since", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer, settlement, challenger } = world;
      await consumer.setBehaviour(BEHAVIOUR.Revert, 0);
      const answer = await deliver(world, "window");
      await consumer.setBehaviour(BEHAVIOUR.Accept, 0);
      const [header, claim, index, proof] = memberOf(answer.batch, answer.index);
      await settlement
        .connect(challenger)
        .challenge(header, claim, index, proof, { value: CHALLENGE_BOND_WEI });
      await expect(requests.redeliver(...callOf(answer)))
        .to.be.revertedWithCustomError(requests, "AnswerTooLow")
        .withArgs(answer.requestId, STATUS.Challenged, STATUS.Committed);

      // What the end brings takes the place of what was missed.
      await time.increase(PROVE_WINDOW_SECONDS);
      await settlement.resolve(answer.batch.batchId, claim, index, challenger.address);
      await requests.settle(...callOf(answer));
      const output = answer.claim.outputHash;
      expect(await toldTo(world)).to.deep.equal([[answer.requestId, STATUS.Rejected, output, output]]);
      await expect(requests.redeliver(...callOf(answer))).to.be.revertedWithCustomError(
        requests,
        "NothingToRedeliver",
      );
    });

    it("bring the end too, when that was missed", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer } = world;
      const settled = await deliver(world, "window");
      const rejected = await deliver(world, "window", { nonce: 1n });
      await consumer.setBehaviour(BEHAVIOUR.BurnAllGas, 0);
      await reject(world, rejected);
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      for (const answer of [settled, rejected]) await requests.settle(...callOf(answer));
      await consumer.setBehaviour(BEHAVIOUR.Accept, 0);
      for (const answer of [settled, rejected]) await requests.redeliver(...callOf(answer));
      expect((await toldTo(world)).slice(2).map(([request, status]) => [request, status])).to.deep.equal([
        [settled.requestId, STATUS.Final],
        [rejected.requestId, STATUS.Rejected],
      ]);
    });
  });

  describe("R-25 that re-enter", () => {
    it("find the request done: no function pays or tells a second time", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer, operator } = world;
      const answer = await deliver(world, "window", { callbackGasLimit: 2_000_000 });
      const other = await askThrough(world, "window", { nonce: 1n });
      const target = await requests.getAddress();
      const encode = requests.interface;
      const args = callOf(answer);
      await consumer.reenterWith(
        [target, target, target, target, target, target],
        [
          encode.encodeFunctionData("fulfil", [...args]),
          encode.encodeFunctionData("settle", [...args]),
          encode.encodeFunctionData("redeliver", [...args]),
          encode.encodeFunctionData("expire", [answer.request]),
          encode.encodeFunctionData("expire", [other.request]),
          encode.encodeFunctionData("withdraw", [ZERO_ADDRESS, world.stranger.address]),
        ],
      );
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await requests.settle(...args, { gasLimit: 4_000_000n });
      expect(await consumer.reentered()).to.equal(0n);
      expect(await requests.creditOf(operator.address, ZERO_ADDRESS)).to.equal(FEE_WEI);
      expect((await toldTo(world)).map(([, status]) => status)).to.deep.equal([
        STATUS.Committed,
        STATUS.Final,
      ]);
    });

    it("can take a refund that is theirs, once", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer, stranger } = world;
      const answer = await deliver(world, "window", { callbackGasLimit: 2_000_000 });
      await reject(world, answer);
      const target = await requests.getAddress();
      const withdraw = requests.interface.encodeFunctionData("withdraw", [ZERO_ADDRESS, stranger.address]);
      const settle = requests.interface.encodeFunctionData("settle", [...callOf(answer)]);
      await consumer.reenterWith([target, target, target], [withdraw, settle, withdraw]);
      const settled = requests.settle(...callOf(answer), { gasLimit: 4_000_000n });
      await expect(settled).to.changeEtherBalance(ethers, stranger, FEE_WEI);
      expect(await consumer.reentered()).to.equal(1n);
      expect(await requests.creditOf(consumer, ZERO_ADDRESS)).to.equal(0n);
    });

    it("can make the claim final, and leave the settlement for later", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer, settlement, operator } = world;
      const asked = await askThrough(world, "tee", { callbackGasLimit: 1_000_000 });
      const answer = await commitAnswer(world, "tee", asked);
      await consumer.reenterWith(
        [await settlement.getAddress(), await requests.getAddress()],
        [
          settlement.interface.encodeFunctionData("attestBatch", [
            answer.batch.header,
            await signBatch(world, answer.batch),
          ]),
          requests.interface.encodeFunctionData("settle", [...callOf(answer)]),
        ],
      );
      await requests.fulfil(...callOf(answer), { gasLimit: 4_000_000n });
      // The attestation went through. The settlement inside the callback would have had to promise a second callback
      // gas that the first did not have.
      expect(await consumer.reentered()).to.equal(1n);
      expect((await requests.stateOf(asked.requestId)).state).to.equal(REQUEST_STATES.Delivered);
      await consumer.setBehaviour(BEHAVIOUR.Accept, 0);
      await requests.settle(...callOf(answer));
      expect(await requests.creditOf(operator.address, ZERO_ADDRESS)).to.equal(FEE_WEI);
      expect((await toldTo(world)).map(([, status]) => status)).to.deep.equal([
        STATUS.Committed,
        STATUS.Final,
      ]);
    });

    it("read the state that the request is in, not the one it was in", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer } = world;
      const asked = await askThrough(world, "window", { callbackGasLimit: 500_000 });
      const answer = await commitAnswer(world, "window", asked);
      await consumer.reenterWith(
        [await consumer.getAddress()],
        [
          consumer.interface.encodeFunctionData("expectState", [
            await requests.getAddress(),
            asked.requestId,
            REQUEST_STATES.Delivered,
          ]),
        ],
      );
      await requests.fulfil(...callOf(answer), { gasLimit: 2_000_000n });
      expect(await consumer.reentered()).to.equal(1n);
    });
  });
});

async function mined(sent: Promise<ContractTransactionResponse>): Promise<ContractTransactionReceipt> {
  const receipt = await (await sent).wait();
  if (!receipt) throw new Error("not mined");
  return receipt;
}

/** The receipt; null where the call reverted or ran out of gas. */
async function trySend(
  sent: Promise<ContractTransactionResponse>,
): Promise<ContractTransactionReceipt | null> {
  try {
    return await mined(sent);
  } catch {
    return null;
  }
}

/** What the consumer mock was told, in order: request, status, output hash, output. */
async function toldTo({ consumer }: RequestWorld): Promise<[string, number, string, string][]> {
  const events = await consumer.queryFilter(consumer.filters.Told());
  return events.map(({ args }) => [args.requestId, Number(args.status), args.outputHash, args.output]);
}

function gasGivenIn({ consumer }: RequestWorld, receipt: ContractTransactionReceipt): bigint {
  for (const log of receipt.logs) {
    const event = consumer.interface.parseLog(log);
    if (event?.name === "Told") return event.args.gasGiven as bigint;
  }
  throw new Error("the consumer was not told");
}
