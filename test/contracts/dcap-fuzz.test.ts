// SPDX-License-Identifier: MIT
import { INTEL_ROOT_CERTIFICATE } from "@meantime/sdk/dcap/intel-root";
import { type QuoteParts, splitQuote } from "@meantime/sdk/dcap/quote";
import { hexToBytes } from "@meantime/sdk/hex";
import { expect } from "chai";
import type { Contract } from "ethers";
import { quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { beginAnew, ethers, networkHelpers } from "../enclave/chain.ts";
import { ready } from "../enclave/dcap-ready.ts";
import {
  ANY_STATUS,
  type DcapWorld,
  deployDcap,
  enterBundle,
  judge,
  outcomeOf,
  TRANSACTION_GAS_LIMIT,
} from "../enclave/dcap-world.ts";
import { readDcapVectors, vectorFolder } from "../enclave/vectors.ts";

const { time } = networkHelpers;

// Each octet of one kind of quote at least once, on the average.
const RUNS = Number(process.env.MEANTIME_FUZZ_RUNS ?? 2500);
const BATCH = 40;
const MILLISECONDS_PER_RUN = 100;

const folder = vectorFolder("dcap");
const genuine = (folder ? readDcapVectors(folder) : []).filter(
  ({ name, expected }) => expected !== "TCB_NOT_SUPPORTED" && !name.includes("POLICY"),
);

describe("Mutated Intel quotes", () => {
  for (const vector of genuine) {
    it(`accepts none of ${RUNS} mutations of ${vector.name}`, async function () {
      this.timeout(RUNS * MILLISECONDS_PER_RUN + 60_000);
      await beginAnew();
      const world = await deployDcap(INTEL_ROOT_CERTIFICATE);
      await time.setNextBlockTimestamp(vector.validAt);
      await enterBundle(world, vector.collateral);
      await acceptsNone(world, splitQuote(vector.quote).parts);
    });
  }

  for (const [name, changes] of [
    ["an SGX quote of version 3", { tee: "sgx" }],
    ["a TD 1.5 quote of version 5", { version: 5, isTd15: true }],
  ] as const) {
    it(`accepts none of ${RUNS} mutations of ${name}`, async function () {
      this.timeout(RUNS * MILLISECONDS_PER_RUN + 60_000);
      const world = await ready(changes.tee);
      await acceptsNone(world, splitQuote(quote(changes)).parts);
    });
  }

  it("accepts no quote put together from the parts of two", async () => {
    const world = await ready();
    const one = splitQuote(quote()).parts;
    const other = splitQuote(quote({ report: [[136, "00"]], qeData: new Uint8Array(32) })).parts;
    expect(await outcomeOf(judge(world, { ...one, signed: other.signed }))).to.equal("QuoteSignatureWrong");
    const { authentication } = one;
    const pieces = (parts: QuoteParts, from: number, to: number) =>
      parts.authentication.slice(2 + 2 * from, 2 + 2 * to);
    for (const [from, to] of [
      [0, 64],
      [128, 512],
      [512, 576],
      [576, 608],
    ] as const) {
      const spliced =
        authentication.slice(0, 2 + 2 * from) + pieces(other, from, to) + authentication.slice(2 + 2 * to);
      const outcome = await outcomeOf(judge(world, { ...one, authentication: spliced as `0x${string}` }));
      expect(outcome, `${from} to ${to}`).to.be.oneOf([
        "QuoteSignatureWrong",
        "QeReportSignatureWrong",
        "QeReportDataWrong",
      ]);
    }
  });
});

async function acceptsNone(world: DcapWorld, parts: QuoteParts): Promise<void> {
  const mutator = (await ethers.deployContract("QuoteMutator")) as unknown as Contract;
  const verifier = await world.verifier.getAddress();
  const asOf = await time.latest();
  const ask = (mutations: bigint[]): Promise<bigint[]> =>
    mutator.getFunction("acceptedOf")(verifier, parts, ANY_STATUS, asOf, mutations, {
      gasLimit: TRANSACTION_GAS_LIMIT,
    });
  const mutations = allPlaces(parts);
  let count = 0;
  for (let start = 0; start < mutations.length; start += BATCH) {
    const batch = mutations.slice(start, start + BATCH);
    // Changed by nothing, and last, the quote is accepted: the others were refused for the change, not for want of gas.
    expect([...(await ask([...batch, 0n]))]).to.deep.equal([0n]);
    count += batch.length;
  }
  expect(count).to.equal(RUNS);
}

// Every place in turn, from a random one on, changed by a random octet that is not zero.
function allPlaces(parts: QuoteParts): bigint[] {
  const lengths = [parts.signed, parts.authentication, parts.pckCertificate].map(
    (hex) => hexToBytes(hex).length,
  );
  const places = lengths.flatMap((length, part) =>
    Array.from({ length }, (_, place) => (BigInt(part) << 40n) | (BigInt(place) << 8n)),
  );
  let state = 20270115;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const first = random(places.length);
  return Array.from({ length: RUNS }, (_, run) => {
    const place = places[(first + run) % places.length] ?? 0n;
    return place | BigInt(1 + random(255));
  });
}
