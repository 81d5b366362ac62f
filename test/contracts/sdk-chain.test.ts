// SPDX-License-Identifier: MIT
import { type Chain, connectChain, omissionOf } from "@meantime/sdk/chain/chain";
import { httpProvider } from "@meantime/sdk/chain/provider";
import { MeantimeError } from "@meantime/sdk/errors";
import type { Address, Hex } from "@meantime/sdk/hex";
import { prepareOmissionReport, reportOmission } from "@meantime/sdk/omission";
import { type Receipt, verifyReceipt } from "@meantime/sdk/receipt";
import { type SettlementEvent, settled, settlementEvents } from "@meantime/sdk/settlement";
import { resolveTrust } from "@meantime/sdk/trust";
import { expect } from "chai";
import { id, Wallet, ZeroAddress } from "ethers";
import {
  type Batch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  connection,
  deployWorld,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  type World,
} from "./fixture.ts";
import { keepPromise, promiseClaim, reportableFrom, signedBy } from "./promises.ts";

const { loadFixture, time } = networkHelpers;

describe("The SDK on a chain", () => {
  it("finds the contracts from Settlement on, and refuses another chain or address", async () => {
    const world = await loadFixture(deployWorld);
    const chain = await connect(world);
    expect(chain.receipts).to.equal((await world.receipts.getAddress()).toLowerCase());
    expect(chain.policies).to.equal((await world.policies.getAddress()).toLowerCase());
    const wrongChain = { ...world.domain, chainId: 1n };
    await rejects(connectChain(connection.provider, wrongChain), "MT-SDK-704");
    const nobody = { ...world.domain, settlement: `0x${"42".repeat(20)}` as Address };
    await rejects(connectChain(connection.provider, nobody), "MT-SDK-703");
  });

  it("reads what a receipt is held against: key, its time, policy accepted and open", async () => {
    const world = await loadFixture(deployWorld);
    const chain = await connect(world);
    const verify = async (receipt: Receipt) => verifyReceipt(receipt, await resolveTrust({ chain }, receipt));
    const receipt = await promiseClaim(world);
    await verify(receipt);
    await rejects(verify(signedBy(world, receipt, new Wallet(id("thief")))), "MT-SDK-115");

    const early = await promiseClaim(world, { servedAt: 1_000_000_000n, commitBy: receipt.claim.commitBy });
    await rejects(verify(early), "MT-SDK-113");
    const { servedAt } = receipt.claim;
    await time.increase(10);
    await world.receipts.connect(world.operator).revokeReceiptKey(world.receiptKey.address);
    await verify(receipt);
    const late = { servedAt: servedAt + 30n, commitBy: servedAt + 600n };
    await time.increase(60);
    await rejects(verify(await promiseClaim(world, late)), "MT-SDK-117");

    const other = await promiseClaim(world, { operator: world.stranger.address.toLowerCase() as Address });
    await rejects(verify(other), "MT-SDK-115");
    const unknown = await promiseClaim(world, {
      policyId: `${id("no policy").slice(0, -2)}03` as Hex,
      ...late,
    });
    await rejects(verify(unknown), "MT-SDK-117");
  });

  it("follows a claim from the receipt to Final", async () => {
    const world = await loadFixture(deployWorld);
    const chain = await connect(world);
    const receipt = await promiseClaim(world);
    let batch: Batch | undefined;
    const events: SettlementEvent[] = [];
    const findPlace = async () => batch && placeIn(batch);
    for await (const event of settlementEvents(receipt, { chain, findPlace, pollMs: 0 })) {
      events.push(event);
      if (event.status === "Served") batch = await keepPromise(world, receipt);
      else if (event.status === "Committed") await time.increase(CHALLENGE_WINDOW_SECONDS);
    }
    expect(events.map(({ status }) => status)).to.deep.equal(["Served", "Committed", "Final"]);
    expect(events[1]?.place?.header).to.deep.equal(batch?.header);
    expect((await settled(receipt, { chain, findPlace, pollMs: 0 })).status).to.equal("Final");
  });

  it("does not take a lower status for a higher, a rejection for an end, or a false place for any", async () => {
    const world = await loadFixture(deployWorld);
    const chain = await connect(world);
    const receipt = await promiseClaim(world);
    const batch = await keepPromise(world, receipt);
    const findPlace = async () => placeIn(batch);
    const committed = await settled(receipt, { chain, findPlace, pollMs: 0, atLeast: "Committed" });
    expect(committed.status).to.equal("Committed");
    const stop = AbortSignal.abort();
    await rejects(settled(receipt, { chain, findPlace, pollMs: 0, signal: stop }), "MT-SDK-504");

    await challengeClaim(world, batch, 0);
    const statuses: string[] = [];
    for await (const { status } of settlementEvents(receipt, { chain, findPlace, pollMs: 0 })) {
      statuses.push(status);
      if (status !== "Challenged") continue;
      await time.increase(PROVE_WINDOW_SECONDS + 60);
      await world.settlement.resolve(batch.batchId, receipt.claim, 0, world.challenger.address);
    }
    expect(statuses).to.deep.equal(["Challenged", "Rejected"]);
    await rejects(settled(receipt, { chain, findPlace, pollMs: 0 }), "MT-SDK-521");

    const forged = await promiseClaim(world, { requestId: id("another") as Hex });
    await time.increase(2 * 3600);
    await rejects(settled(forged, { chain, findPlace, pollMs: 0 }), "MT-SDK-522");
    const failing = async () => {
      throw new MeantimeError("MT-SDK-501", "unreachable", { hint: "" });
    };
    await rejects(settled(forged, { chain, findPlace: failing, pollMs: 0 }), "MT-SDK-522");
  });

  it("gets a cheated user paid through reportOmission", async () => {
    const world = await loadFixture(deployWorld);
    const chain = await connect(world);
    const receipt = await promiseClaim(world);
    const from = world.challenger.address.toLowerCase() as Address;
    const wallet = connection.provider;
    await rejects(reportOmission(receipt, { chain, wallet, from }), "MT-SDK-531");
    await time.increaseTo(reportableFrom(receipt));
    const { report, bondWei, approval } = await prepareOmissionReport(receipt, chain);
    expect(report.data).to.equal(
      world.receipts.interface.encodeFunctionData("reportOmission", [receipt.claim, receipt.signature]),
    );
    expect([report.valueWei, bondWei, approval]).to.deep.equal([
      CHALLENGE_BOND_WEI,
      CHALLENGE_BOND_WEI,
      undefined,
    ]);

    const hash = await reportOmission(receipt, { chain, wallet, from });
    expect((await connection.ethers.provider.getTransactionReceipt(hash))?.status).to.equal(1);
    const { state, reporter, answerBy } = await omissionOf(chain, receipt.claimId);
    expect([state, reporter]).to.deep.equal(["Open", from]);
    await rejects(reportOmission(receipt, { chain, wallet, from }), "MT-SDK-532");

    await time.increaseTo(answerBy);
    await world.receipts.connect(world.challenger).resolveOmission(receipt.claim);
    expect((await omissionOf(chain, receipt.claimId)).state).to.equal("Upheld");
    const creditWei = await world.settlement.creditOf(world.requester.address, ZeroAddress);
    expect(creditWei).to.be.greaterThan(0n);

    const thief = signedBy(world, receipt, new Wallet(id("thief")));
    await rejects(prepareOmissionReport(thief, chain), "MT-SDK-115");
    await time.increase(8 * 24 * 3600);
    await rejects(prepareOmissionReport(receipt, chain), "MT-SDK-531");
  });

  it("has codes for nodes that cannot be reached or are none", async () => {
    const world = await loadFixture(deployWorld);
    await rejects(connectChain(httpProvider("http://127.0.0.1:1"), world.domain), "MT-SDK-501");
  });
});

function connect(world: World): Promise<Chain> {
  return connectChain(connection.provider, world.domain);
}

function placeIn({ header, proofs }: Batch) {
  const [proof = []] = proofs;
  return { header, index: 0, proof };
}

async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(MeantimeError);
  expect((error as MeantimeError).code, (error as MeantimeError).message).to.equal(code);
}
