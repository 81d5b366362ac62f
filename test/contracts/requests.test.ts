// SPDX-License-Identifier: MIT

import { type Hex, keccak256, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { type ModelEntry, modelId } from "@meantime/sdk/model";
import { type InferenceRequest, OUTPUT_KECCAK, REQUEST_STATES, requestId } from "@meantime/sdk/request";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { id, toUtf8Bytes } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import {
  asAddress,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  wordOf,
} from "./fixture.ts";
import { revelation } from "./openings.ts";
import {
  ANSWER_INDEX,
  type Answer,
  answerFields,
  answerIn,
  askThrough,
  attest,
  callOf,
  commitAnswer,
  deliver,
  deployRequestWorld,
  draftRequest,
  FEE_WEI,
  LIFETIME_SECONDS,
  type RequestWorld,
  reject,
  voidAnswer,
} from "./requests-fixture.ts";

const { loadFixture, time } = networkHelpers;
const DAY_SECONDS = 24 * 3600;

describe("InferenceRequests", () => {
  it("needs to know where claims settle and where the models are", async () => {
    const world = await loadFixture(deployRequestWorld);
    const [settlement, models] = [await world.settlement.getAddress(), await world.models.getAddress()];
    for (const places of [
      [ZERO_ADDRESS, models],
      [settlement, ZERO_ADDRESS],
    ]) {
      await expect(ethers.deployContract("InferenceRequests", places)).to.be.revertedWithCustomError(
        world.requests,
        "ZeroArgument",
      );
    }
  });

  describe("asking", () => {
    it("R-01 I-45 names a request by chain, contract and every field, as the SDK does", async () => {
      const world = await loadFixture(deployRequestWorld);
      const request = await draftRequest(world, "window");
      const other = {
        requester: asAddress(world.stranger.address),
        modelId: wordOf(3n),
        policyId: wordOf(3n),
        operator: asAddress(world.operator.address),
        inputHash: wordOf(4n),
        feeWei: 1n,
        minStatus: STATUS.Final,
        expiresAt: request.expiresAt + 1n,
        callbackGasLimit: 0,
        nonce: (1n << 64n) - 1n,
      } satisfies InferenceRequest;
      const variants = [request, ...fieldsOf(other).map((field) => ({ ...request, [field]: other[field] }))];
      const ids = new Set<Hex>();
      for (const variant of variants) {
        const expected = requestId(world.requestsDomain, variant);
        expect(await world.requests.requestIdOf(variant)).to.equal(expected);
        ids.add(expected);
      }
      ids.add(requestId({ ...world.requestsDomain, chainId: 1n }, request));
      ids.add(requestId({ ...world.requestsDomain, requests: ZERO_ADDRESS }, request));
      expect(ids.size).to.equal(variants.length + 2);
    });

    it("I-40 takes the fee into escrow and publishes the whole request and its input", async () => {
      const world = await loadFixture(deployRequestWorld);
      const request = await draftRequest(world, "window", {
        requester: asAddress(world.requester.address),
        callbackGasLimit: 0,
      });
      const asked = world.requests.connect(world.requester).request(request, "0xabcdef", { value: FEE_WEI });
      await expect(asked).to.changeEtherBalances(
        ethers,
        [world.requester, world.requests],
        [-FEE_WEI, FEE_WEI],
      );
      await expect(asked)
        .to.emit(world.requests, "InferenceRequested")
        .withArgs(
          requestId(world.requestsDomain, request),
          world.requester.address,
          request.modelId,
          Object.values(request).map((value) => (isAddress(value) ? ethers.getAddress(value) : value)),
          "0xabcdef",
        );
      await expectState(world, requestId(world.requestsDomain, request), "Open", "Unknown");
    });

    it("R-05 lets nobody ask in another's name, twice, or for another price", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, requester, stranger } = world;
      const request = await draftRequest(world, "window", { requester: asAddress(requester.address) });
      await expect(requests.connect(stranger).request(request, "0x", { value: FEE_WEI }))
        .to.be.revertedWithCustomError(requests, "NotRequester")
        .withArgs(stranger.address, requester.address);
      for (const value of [FEE_WEI - 1n, FEE_WEI + 1n, 0n]) {
        await expect(requests.connect(requester).request(request, "0x", { value }))
          .to.be.revertedWithCustomError(requests, "WrongPayment")
          .withArgs(value, FEE_WEI);
      }
      await requests.connect(requester).request(request, "0x", { value: FEE_WEI });
      await expect(requests.connect(requester).request(request, "0x", { value: FEE_WEI }))
        .to.be.revertedWithCustomError(requests, "RequestKnown")
        .withArgs(requestId(world.requestsDomain, request));
    });

    it("R-07 refuses terms that no claim could ever meet, at and beyond each bound", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests } = world;
      const ask = async (overrides: Partial<InferenceRequest>, at?: number) => {
        const request = await draftRequest(world, "window", {
          requester: asAddress(world.requester.address),
          ...overrides,
        });
        if (at !== undefined) await time.setNextBlockTimestamp(at);
        return requests.connect(world.requester).request(request, "0x", { value: FEE_WEI });
      };
      for (const minStatus of [STATUS.Unknown, STATUS.Challenged, STATUS.Rejected, STATUS.Voided]) {
        await expect(ask({ minStatus }))
          .to.be.revertedWithCustomError(requests, "BadMinStatus")
          .withArgs(minStatus);
      }
      await expect(ask({ callbackGasLimit: 5_000_001 }))
        .to.be.revertedWithCustomError(requests, "CallbackGasTooHigh")
        .withArgs(5_000_001, 5_000_000);
      await expect(ask({ modelId: `${world.modelId.slice(0, -2)}04` as Hex }))
        .to.be.revertedWithCustomError(requests, "NeverAnswerable")
        .withArgs(`${world.modelId.slice(0, -2)}04`, world.policyIds.window);
      await world.settlement.closePolicy(world.policyIds.zk);
      const closedAt = await networkHelpers.time.latest();
      await expect(ask({ policyId: world.policyIds.zk }))
        .to.be.revertedWithCustomError(requests, "PolicyClosed")
        .withArgs(world.policyIds.zk, closedAt);
      await expect(ask({ modelId: `${id("unregistered").slice(0, -2)}03` as Hex }))
        .to.be.revertedWithCustomError(requests, "OutputSchemeUnknown")
        .withArgs(`${id("unregistered").slice(0, -2)}03`);

      const askAt = async (at: number, lifetimeSeconds: number, overrides: Partial<InferenceRequest> = {}) =>
        ask({ expiresAt: BigInt(at + lifetimeSeconds), ...overrides }, at);
      const now = (await time.latest()) + 100;
      for (const [place, lifetimeSeconds] of [299, 30 * DAY_SECONDS + 1].entries()) {
        const at = now + place;
        await expect(askAt(at, lifetimeSeconds))
          .to.be.revertedWithCustomError(requests, "BadExpiry")
          .withArgs(at + lifetimeSeconds, at + 300, at + 30 * DAY_SECONDS);
      }
      await askAt(now + 10, 300, { minStatus: STATUS.Final, callbackGasLimit: 5_000_000 });
      await askAt(now + 20, 30 * DAY_SECONDS, { callbackGasLimit: 0 });
    });
  });

  describe("from state to state", () => {
    it("I-40 Open -> Delivered -> Settled: the operator has the fee when the claim is final, not before", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, operator } = world;
      const asked = await askThrough(world, "window");
      const answer = await commitAnswer(world, "window", asked);
      await expect(requests.connect(world.stranger).fulfil(...callOf(answer)))
        .to.emit(requests, "RequestDelivered")
        .withArgs(
          asked.requestId,
          operator.address,
          STATUS.Committed,
          answer.claim.outputHash,
          answer.claim.outputHash,
        );
      await expectState(world, asked.requestId, "Delivered", "Committed");
      expect(await requests.creditOf(operator.address, ZERO_ADDRESS)).to.equal(0n);

      const finalAt = Number(await world.settlement.finalAt(answer.batch.batchId));
      await time.setNextBlockTimestamp(finalAt - 1);
      await expect(requests.settle(...callOf(answer)))
        .to.be.revertedWithCustomError(requests, "NotSettledYet")
        .withArgs(asked.requestId, STATUS.Committed);
      await time.setNextBlockTimestamp(finalAt);
      await expect(requests.connect(world.stranger).settle(...callOf(answer)))
        .to.emit(requests, "RequestSettled")
        .withArgs(asked.requestId, operator.address, FEE_WEI);
      await expectState(world, asked.requestId, "Settled", "Final");
      await expect(
        requests.connect(operator).withdraw(ZERO_ADDRESS, operator.address),
      ).to.changeEtherBalances(ethers, [requests, operator], [-FEE_WEI, FEE_WEI]);
    });

    it("Open -> Settled: a claim that is final when it is delivered pays at once", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, operator } = world;
      const asked = await askThrough(world, "tee", { minStatus: STATUS.Final });
      const answer = await commitAnswer(world, "tee", asked);
      await attest(world, answer);
      await expect(requests.fulfil(...callOf(answer)))
        .to.emit(requests, "RequestSettled")
        .withArgs(asked.requestId, operator.address, FEE_WEI);
      await expectState(world, asked.requestId, "Settled", "Final");
      expect(await requests.creditOf(operator.address, ZERO_ADDRESS)).to.equal(FEE_WEI);
    });

    it("R-36 I-48 takes no answer that nobody vouched for once five minutes to doubt it are not left", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, settlement } = world;
      const answers: Answer[] = [];
      for (const nonce of [0n, 1n, 2n]) {
        const asked = await askThrough(world, "window", { nonce });
        answers.push(await commitAnswer(world, "window", asked, {}, nonce + 1n));
      }
      const [late, shown, attested] = answers;
      if (!(late && shown && attested)) throw new Error("three answers were made");
      await settlement.reveal(...revelation(shown.batch, shown.index));
      await attest(world, attested);
      const lastSecond = (await settlement.finalAt(late.batch.batchId)) - 300n;
      const fulfil: Attempt = {
        contract: requests,
        from: world.stranger,
        name: "fulfil",
        args: callOf(late),
      };
      for (const [at, outcome] of [
        [lastSecond - 1n, "done"],
        [lastSecond, "done"],
        [lastSecond + 1n, "NeverShown"],
        [lastSecond + 300n, "NeverShown"],
        [lastSecond + 301n, "NeverShown"],
      ] as const) {
        expect(await outcomeAt(at, fulfil), `${at - lastSecond}`).to.equal(outcome);
      }
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      for (const answer of [shown, attested]) {
        await requests.fulfil(...callOf(answer));
        await expectState(world, answer.requestId, "Settled", "Final");
      }
    });

    it("Delivered -> Refunded: a claim rejected after delivery gives the fee and the compensation back", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, settlement, consumer } = world;
      const answer = await deliver(world, "window");
      await reject(world, answer);
      await expect(requests.settle(...callOf(answer)))
        .to.emit(requests, "RequestRefunded")
        .withArgs(answer.requestId, await consumer.getAddress(), FEE_WEI, STATUS.Rejected);
      await expectState(world, answer.requestId, "Refunded", "Rejected");
      expect(await requests.creditOf(consumer, ZERO_ADDRESS)).to.equal(FEE_WEI);
      expect(await settlement.creditOf(consumer, ZERO_ADDRESS)).to.equal(4n * 10n ** 15n);
      await expect(
        consumer.withdraw(await requests.getAddress(), world.requester.address),
      ).to.changeEtherBalances(ethers, [requests, world.requester], [-FEE_WEI, FEE_WEI]);
    });

    it("Delivered -> Refunded: so does a voided one, and one that nobody showed on demand", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, settlement, challenger, consumer } = world;
      const voided = await deliver(world, "window");
      await voidAnswer(world, voided);
      await requests.settle(...callOf(voided));
      await expectState(world, voided.requestId, "Refunded", "Voided");

      const hidden = await deliver(world, "window", { nonce: 1n });
      await settlement
        .connect(challenger)
        .demandReveal(hidden.batch.header, hidden.index, { value: CHALLENGE_BOND_WEI });
      await expect(requests.settle(...callOf(hidden)))
        .to.be.revertedWithCustomError(requests, "NotSettledYet")
        .withArgs(hidden.requestId, STATUS.Challenged);
      await time.increase(PROVE_WINDOW_SECONDS);
      await settlement.resolveDemand(hidden.batch.header, hidden.index, challenger.address);
      await requests.settle(...callOf(hidden));
      await expectState(world, hidden.requestId, "Refunded", "Rejected");
      expect(await requests.creditOf(consumer, ZERO_ADDRESS)).to.equal(2n * FEE_WEI);
    });

    it("R-06 R-15 at t-1 an answer, from t on the refund: never both, never neither", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer } = world;
      for (const [offset, nonce] of [
        [-1, 0n],
        [0, 1n],
        [1, 2n],
      ] as const) {
        const asked = await askThrough(world, "window", { nonce });
        const answer = await commitAnswer(world, "window", asked, {}, nonce + 1n);
        await world.settlement.reveal(...revelation(answer.batch, answer.index));
        const expiresAt = Number(asked.request.expiresAt);
        await time.setNextBlockTimestamp(expiresAt + offset);
        if (offset < 0) {
          await expect(requests.expire(asked.request))
            .to.be.revertedWithCustomError(requests, "RequestNotOver")
            .withArgs(asked.requestId, expiresAt);
          await time.setNextBlockTimestamp(expiresAt + offset);
          await requests.fulfil(...callOf(answer));
          await expectState(world, asked.requestId, "Settled", "Final");
        } else {
          await expect(requests.fulfil(...callOf(answer)))
            .to.be.revertedWithCustomError(requests, "RequestOver")
            .withArgs(asked.requestId, expiresAt);
          await time.setNextBlockTimestamp(expiresAt + offset);
          await expect(requests.connect(world.stranger).expire(asked.request))
            .to.emit(requests, "RequestExpired")
            .withArgs(asked.requestId, await consumer.getAddress(), FEE_WEI);
          await expectState(world, asked.requestId, "Expired", "Unknown");
        }
      }
      expect(await requests.creditOf(consumer, ZERO_ADDRESS)).to.equal(2n * FEE_WEI);
    });

    it("I-44 a delivered request has no deadline: it can be settled long after it would have expired", async () => {
      const world = await loadFixture(deployRequestWorld);
      const answer = await deliver(world, "window");
      await time.increase(LIFETIME_SECONDS * 3);
      await expect(world.requests.expire(answer.request))
        .to.be.revertedWithCustomError(world.requests, "WrongState")
        .withArgs(answer.requestId, REQUEST_STATES.Delivered);
      await world.requests.settle(...callOf(answer));
      await expectState(world, answer.requestId, "Settled", "Final");
    });

    it("R-08 R-19 no state allows what is not its own, so nothing is paid twice", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, consumer, operator } = world;
      const refuses = async (answer: Answer, state: keyof typeof REQUEST_STATES, ...names: Act[]) => {
        for (const name of names) {
          const call =
            name === "expire" ? requests.expire(answer.request) : requests[name](...callOf(answer));
          await expect(call)
            .to.be.revertedWithCustomError(requests, "WrongState")
            .withArgs(answer.requestId, REQUEST_STATES[state]);
        }
        await expect(requests.redeliver(...callOf(answer)))
          .to.be.revertedWithCustomError(requests, "NothingToRedeliver")
          .withArgs(answer.requestId);
      };
      const request = await draftRequest(world, "window", { nonce: 9n });
      const unasked = { request, requestId: requestId(world.requestsDomain, request) };
      const unknown = await commitAnswer(world, "window", unasked, {}, 9n);
      await refuses(unknown, "Unknown", "fulfil", "settle", "expire");

      const asked = await askThrough(world, "window");
      const answer = await commitAnswer(world, "window", asked);
      await refuses(answer, "Open", "settle");
      await requests.fulfil(...callOf(answer));
      await refuses(answer, "Delivered", "fulfil", "expire");
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await requests.settle(...callOf(answer));
      await refuses(answer, "Settled", "fulfil", "settle", "expire");
      expect(await requests.creditOf(operator.address, ZERO_ADDRESS)).to.equal(FEE_WEI);

      const voided = await deliver(world, "window", { nonce: 1n });
      await voidAnswer(world, voided);
      await requests.settle(...callOf(voided));
      await refuses(voided, "Refunded", "fulfil", "settle", "expire");
      expect(await requests.creditOf(consumer, ZERO_ADDRESS)).to.equal(FEE_WEI);

      const late = await askThrough(world, "window", { nonce: 2n });
      const tooLate = await commitAnswer(world, "window", late, {}, 3n);
      await time.increaseTo(late.request.expiresAt);
      await requests.expire(late.request);
      await refuses(tooLate, "Expired", "fulfil", "settle", "expire");
      expect(await requests.creditOf(consumer, ZERO_ADDRESS)).to.equal(2n * FEE_WEI);
    });

    it("R-10 I-40 the balance is the open and delivered fees and the credits, through every transition", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, operator, consumer } = world;
      let escrowWei = 0n;
      const expectConserved = async () => {
        const operatorWei = await requests.creditOf(operator.address, ZERO_ADDRESS);
        const consumerWei = await requests.creditOf(consumer, ZERO_ADDRESS);
        expect(await ethers.provider.getBalance(requests)).to.equal(escrowWei + operatorWei + consumerWei);
      };
      const answers: Answer[] = [];
      for (const nonce of [0n, 1n, 2n, 3n, 4n]) {
        const feeWei = FEE_WEI * (nonce + 1n);
        const asked = await askThrough(world, "window", { nonce, feeWei });
        escrowWei += feeWei;
        answers.push(await commitAnswer(world, "window", asked, {}, nonce + 1n));
        await expectConserved();
      }
      const [settled, rejected, voided, direct, expired] = answers;
      if (!(settled && rejected && voided && direct && expired)) throw new Error("five answers were made");
      for (const answer of [settled, rejected, voided]) {
        await requests.fulfil(...callOf(answer));
        await expectConserved();
      }
      await world.settlement.reveal(...revelation(direct.batch, direct.index));
      await voidAnswer(world, voided);
      await reject(world, rejected);
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      for (const answer of [settled, rejected, voided]) {
        await requests.settle(...callOf(answer));
        escrowWei -= answer.request.feeWei;
        await expectConserved();
      }
      await requests.fulfil(...callOf(direct));
      escrowWei -= direct.request.feeWei;
      await expectConserved();
      await time.increaseTo(expired.request.expiresAt);
      await requests.expire(expired.request);
      escrowWei -= expired.request.feeWei;
      await expectConserved();
      await requests.connect(operator).withdraw(ZERO_ADDRESS, operator.address);
      await expectConserved();
      await consumer.withdraw(await requests.getAddress(), world.requester.address);
      await expectConserved();
      expect(escrowWei).to.equal(0n);
      expect(await ethers.provider.getBalance(requests)).to.equal(0n);
    });
  });

  describe("what answers a request", () => {
    it("R-02 I-45 a claim that names another request, model, policy, operator, requester or input does not", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests } = world;
      const asked = await askThrough(world, "window", { operator: asAddress(world.operator.address) });
      const foreign = [
        { requestId: wordOf(1n) },
        { requester: asAddress(world.stranger.address) },
        { inputHash: wordOf(1n) },
      ];
      for (const [place, fields] of foreign.entries()) {
        const answer = await commitAnswer(world, "window", asked, fields, BigInt(place + 1));
        await expect(requests.fulfil(...callOf(answer)))
          .to.be.revertedWithCustomError(requests, "NotAnAnswer")
          .withArgs(asked.requestId);
      }
      const otherPolicy = await commitAnswer(world, "tee", asked, { policyId: world.policyIds.tee }, 4n);
      const otherModel = answerWith(otherPolicy, { modelId: wordOf(3n), policyId: world.policyIds.window });
      const otherOperator = answerWith(otherPolicy, {
        operator: asAddress(world.stranger.address),
        policyId: world.policyIds.window,
      });
      for (const answer of [otherPolicy, otherModel, otherOperator]) {
        await expect(requests.fulfil(...callOf(answer)))
          .to.be.revertedWithCustomError(requests, "NotAnAnswer")
          .withArgs(asked.requestId);
      }
      const answer = await commitAnswer(world, "window", asked, {}, 5n);
      await requests.fulfil(...callOf(answer));
    });

    it("R-02 any field of the request that is altered names a request that nobody made", async () => {
      const world = await loadFixture(deployRequestWorld);
      const asked = await askThrough(world, "window");
      const answer = await commitAnswer(world, "window", asked);
      const altered = { ...asked.request, feeWei: FEE_WEI * 100n };
      for (const request of [altered, { ...asked.request, minStatus: STATUS.Attested }]) {
        await expect(world.requests.fulfil(...callOf({ ...answer, request })))
          .to.be.revertedWithCustomError(world.requests, "WrongState")
          .withArgs(requestId(world.requestsDomain, request), REQUEST_STATES.Unknown);
      }
    });

    it("the output must be what the claim's hash stands for, by the model's scheme", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, models } = world;
      const label = await askThrough(world, "window");
      const answer = await commitAnswer(world, "window", label);
      const word = answer.claim.outputHash;
      for (const output of [
        wordOf(BigInt(word) + 1n),
        "0x",
        word.slice(0, -2),
        `${word}00`,
        keccak256(word),
      ]) {
        await expect(requests.fulfil(...callOf(answer, output as Hex)))
          .to.be.revertedWithCustomError(requests, "WrongOutput")
          .withArgs(label.requestId, word);
      }
      await requests.fulfil(...callOf(answer));
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await expect(requests.settle(...callOf(answer, "0x")))
        .to.be.revertedWithCustomError(requests, "WrongOutput")
        .withArgs(label.requestId, word);

      const prose: ModelEntry = {
        name: "prose",
        version: 1,
        specHash: id("prose") as Hex,
        inputScheme: wordOf(1n),
        outputScheme: OUTPUT_KECCAK,
        verificationKeyId: ZERO_HASH,
        measurement: world.measurement,
        reexecutable: false,
      };
      expect(await requests.OUTPUT_KECCAK()).to.equal(OUTPUT_KECCAK);
      await models.register(prose);
      const text = ethers.hexlify(toUtf8Bytes("a sentence of more than thirty-two bytes, as they go")) as Hex;
      const asked = await askThrough(world, "window", { modelId: modelId(prose), nonce: 1n });
      const told = await commitAnswer(world, "window", asked, { outputHash: keccak256(text) }, 2n);
      await expect(requests.fulfil(...callOf(told)))
        .to.be.revertedWithCustomError(requests, "WrongOutput")
        .withArgs(asked.requestId, keccak256(text));
      await expect(requests.fulfil(...callOf(told, text)))
        .to.emit(requests, "RequestDelivered")
        .withArgs(asked.requestId, world.operator.address, STATUS.Committed, keccak256(text), text);
    });

    it("the claim must stand at the request's status or higher, and not be disputed", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, settlement, challenger } = world;
      const refuses = async (answer: Answer, status: keyof typeof STATUS, minStatus: keyof typeof STATUS) =>
        expect(requests.fulfil(...callOf(answer)))
          .to.be.revertedWithCustomError(requests, "AnswerTooLow")
          .withArgs(answer.requestId, STATUS[status], STATUS[minStatus]);

      const asked = await askThrough(world, "teeThenWindow", { minStatus: STATUS.Attested });
      const answer = await commitAnswer(world, "teeThenWindow", asked);
      await refuses(answer, "Committed", "Attested");
      const [header] = callOf(answer).slice(1) as unknown as [typeof answer.batch.header];
      await refuses(
        { ...answer, batch: { ...answer.batch, header: { ...header, nonce: 77n } } },
        "Unknown",
        "Attested",
      );
      await attest(world, answer);
      await requests.fulfil(...callOf(answer));
      await expectState(world, asked.requestId, "Delivered", "Attested");

      const low = await askThrough(world, "window", { nonce: 1n });
      const disputed = await commitAnswer(world, "window", low, {}, 2n);
      const [, claim, index, proof] = memberOf(disputed.batch, disputed.index);
      await settlement
        .connect(challenger)
        .challenge(disputed.batch.header, claim, index, proof, { value: CHALLENGE_BOND_WEI });
      await refuses(disputed, "Challenged", "Committed");
      await time.increase(PROVE_WINDOW_SECONDS);
      await refuses(disputed, "Challenged", "Committed");
      await settlement.resolve(disputed.batch.batchId, claim, index, challenger.address);
      await refuses(disputed, "Rejected", "Committed");
    });

    it("a challenged claim that was delivered waits: neither paid nor refunded until it is resolved", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests, settlement, challenger } = world;
      const answer = await deliver(world, "window");
      const [header, claim, index, proof] = memberOf(answer.batch, answer.index);
      await settlement
        .connect(challenger)
        .challenge(header, claim, index, proof, { value: CHALLENGE_BOND_WEI });
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await expect(requests.settle(...callOf(answer)))
        .to.be.revertedWithCustomError(requests, "NotSettledYet")
        .withArgs(answer.requestId, STATUS.Challenged);
      await settlement.resolve(answer.batch.batchId, claim, index, challenger.address);
      await requests.settle(...callOf(answer));
      await expectState(world, answer.requestId, "Refunded", "Rejected");
    });

    it("R-34 I-46 only the claim at the position that was delivered settles the request", async () => {
      const world = await loadFixture(deployRequestWorld);
      const { requests } = world;
      const asked = await askThrough(world, "tee");
      const { claims } = await buildBatch(world, "tee");
      const filled = claims.map((claim, index) =>
        index >= ANSWER_INDEX ? { ...claim, ...answerFields(asked) } : claim,
      );
      const [first, second] = [1n, 2n].map((nonce) =>
        batchOf(world, filled, { nonce, modelId: world.modelId }),
      );
      if (!(first && second)) throw new Error("two batches were made");
      for (const batch of [first, second]) await world.settlement.connect(world.sender).commit(batch.header);
      const delivered = answerIn(world, asked, first, 2);
      await requests.fulfil(...callOf(delivered));

      // The same claim is final in the other batch, rejected at its neighbour's place, and open where it was delivered.
      await attest(world, answerIn(world, asked, second, 2));
      await reject(world, answerIn(world, asked, first, 3));
      for (const other of [answerIn(world, asked, second, 2), answerIn(world, asked, first, 3)]) {
        await expect(requests.settle(...callOf(other)))
          .to.be.revertedWithCustomError(requests, "OtherClaim")
          .withArgs(asked.requestId);
      }
      await expect(requests.settle(...callOf(delivered)))
        .to.be.revertedWithCustomError(requests, "NotSettledYet")
        .withArgs(asked.requestId, STATUS.Committed);
      await attest(world, delivered);
      await requests.settle(...callOf(delivered));
      await expectState(world, asked.requestId, "Settled", "Final");
    });

    it("once its answer was rejected, a request takes no other: the requester asks again", async () => {
      const world = await loadFixture(deployRequestWorld);
      const answer = await deliver(world, "window");
      await reject(world, answer);
      await world.settlement.connect(world.operator).resume(ZERO_ADDRESS);
      const second = await commitAnswer(world, "window", answer, {}, 2n);
      await expect(world.requests.fulfil(...callOf(second))).to.be.revertedWithCustomError(
        world.requests,
        "WrongState",
      );
      await world.requests.settle(...callOf(answer));
      await expect(world.requests.fulfil(...callOf(second))).to.be.revertedWithCustomError(
        world.requests,
        "WrongState",
      );
      await deliver(world, "window", { nonce: 2n });
    });
  });
});

type Act = "fulfil" | "settle" | "expire";

async function expectState(
  world: RequestWorld,
  request: Hex,
  state: keyof typeof REQUEST_STATES,
  status: keyof typeof STATUS,
): Promise<void> {
  const stored = await world.requests.stateOf(request);
  expect(stored.state).to.equal(REQUEST_STATES[state]);
  expect(stored.status).to.equal(STATUS[status]);
  expect(stored.undelivered).to.equal(false);
}

/** The same answer with a claim that no batch holds. */
function answerWith(answer: Answer, fields: Partial<Answer["claim"]>): Answer {
  const claims = answer.batch.claims.map((claim, index) =>
    index === answer.index ? { ...claim, ...fields } : claim,
  );
  return { ...answer, batch: { ...answer.batch, claims } };
}

function fieldsOf(request: InferenceRequest): (keyof InferenceRequest)[] {
  return Object.keys(request) as (keyof InferenceRequest)[];
}

function isAddress(value: unknown): value is string {
  return typeof value === "string" && value.length === 42;
}
