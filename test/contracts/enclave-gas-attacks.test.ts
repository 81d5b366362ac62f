// SPDX-License-Identifier: MIT

import { splitQuote } from "@meantime/sdk/dcap/quote";
import { concatBytes } from "@meantime/sdk/hex";
import { expect } from "chai";
import type { Contract } from "ethers";
import * as cbor from "../../relayer/src/attest/simulated/pki/cbor.ts";
import { tcbInfoJson } from "../../relayer/src/attest/simulated/pki/documents.ts";
import { crl, ISSUED_AT, PLATFORM_CA } from "../../relayer/src/attest/simulated/pki/intel.ts";
import { P256 } from "../../relayer/src/attest/simulated/pki/keys.ts";
import {
  certificateOf,
  chainOf,
  type DocumentContent,
  documentOf,
  NOW,
} from "../../relayer/src/attest/simulated/pki/nitro.ts";
import { quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { extension } from "../../relayer/src/attest/simulated/pki/x509.ts";
import { beginAnew, ethers, loadFixture, networkHelpers } from "../enclave/chain.ts";
import { ready } from "../enclave/dcap-ready.ts";
import { ANY_STATUS, type DcapWorld, enter, TRANSACTION_GAS_LIMIT } from "../enclave/dcap-world.ts";
import {
  deployNitroVerifier,
  hintsFor,
  MAX_AGE_SECONDS,
  verifyInTransaction,
} from "../enclave/nitro-world.ts";
import { errorNameOf } from "./errors.ts";

const { time } = networkHelpers;
const CHAIN = chainOf();
const CHEAP_GAS = 1_000_000;
const PCR = cbor.bytes(new Uint8Array(48).fill(1));
const SERIALS = Array.from({ length: 2500 }, (_, place) => (1n << 159n) + BigInt(place));
const SMALL_EXTENSION = extension("1.3.6.1.4.1.99999.1", false, new Uint8Array(1));

describe("Attacks on the gas of enclaves' verifiers", function () {
  this.timeout(600_000);

  describe("by Nitro documents are refused at once", () => {
    beforeEach(beginAnew);
    const pcrs = (count: number) =>
      cbor.map(Array.from({ length: count }, (_, index) => [cbor.uint(index), PCR]));
    const attacks: [what: string, error: string, changes: Partial<DocumentContent>][] = [
      ["33 measurements", "DocumentPcr", replacing("pcrs", pcrs(33))],
      ["200 measurements", "DocumentPcr", replacing("pcrs", pcrs(200))],
      ["1,000 measurements", "DocumentLimit", replacing("pcrs", pcrs(1000))],
      ["a public key of 10,000 bytes", "DocumentLimit", { publicKey: new Uint8Array(10_000) }],
      ["user data of 10,000 bytes", "DocumentLimit", { userData: new Uint8Array(10_000) }],
      ["user data of 60,000 bytes", "DocumentLimit", { userData: new Uint8Array(60_000) }],
      ["a module id of 9,000 bytes", "DocumentLimit", replacing("module_id", cbor.text("i".repeat(9000)))],
      [
        "4,000 certificates of a byte",
        "DocumentLimit",
        replacing("cabundle", cbor.array(Array(4000).fill(cbor.bytes(Uint8Array.of(1))))),
      ],
      [
        "arrays nested 9,000 deep",
        "CborType",
        replacing("cabundle", concatBytes(new Uint8Array(9000).fill(0x81), cbor.NULL)),
      ],
      [
        "a certificate with 3,000 extensions",
        "DocumentLimit",
        {
          chain: [
            ...CHAIN.slice(0, -1),
            certificateOf("leaf", { extensions: Array(3000).fill(SMALL_EXTENSION) }),
          ],
        },
      ],
    ];
    for (const [what, error, changes] of attacks) {
      it(`with ${what}`, async () => {
        const verifier = await loadFixture(deployWithChain);
        const document = documentOf({ chain: CHAIN, ...changes });
        const { refusal, gas } = await probe(verifier as unknown as Contract, "verify", [
          document,
          ["0x"],
          MAX_AGE_SECONDS,
        ]);
        expect(refusal).to.equal(error);
        expect(gas).to.be.below(CHEAP_GAS);
      });
    }

    it("with a map that counts 2^63 measurements", async () => {
      const verifier = await loadFixture(deployWithChain);
      const document = documentOf({ chain: CHAIN, ...replacing("pcrs", cbor.head(5, 2 ** 63, 8)) });
      const { refusal, gas } = await probe(verifier as unknown as Contract, "verify", [
        document,
        ["0x"],
        MAX_AGE_SECONDS,
      ]);
      expect(refusal).to.equal("CborType");
      expect(gas).to.be.below(CHEAP_GAS);
    });
  });

  it("the largest Nitro document that may be stays under the cap", async () => {
    await beginAnew();
    const verifier = await loadFixture(deployWithChain);
    const document = documentOf({
      chain: CHAIN,
      pcrs: Array.from({ length: 32 }, (_, index) => [index, new Uint8Array(48).fill(index + 1)]),
      ...{ publicKey: new Uint8Array(1024), userData: new Uint8Array(512), nonce: new Uint8Array(512) },
    });
    expect(await hintsFor(verifier, document)).to.have.length(1);
    expect(await verifyInTransaction(verifier, document)).to.be.below(Number(TRANSACTION_GAS_LIMIT));
  });

  describe("by revocation lists", () => {
    for (const entries of [128, 129, 300, 1000]) {
      it(`of ${entries} entries are stored under the cap, and refused at once without the signature`, async () => {
        const world = await ready();
        const later = { thisUpdate: ISSUED_AT + 1 };
        const forged = crl(PLATFORM_CA, SERIALS.slice(0, entries), {
          ...later,
          signer: P256.keyOf("forger"),
        });
        const { refusal, gas } = await probe(world.collateral, "enterCrl", [forged]);
        expect(refusal).to.equal("SignatureWrong");
        expect(gas).to.be.below(CHEAP_GAS);
        const receipt = await enter(
          world.collateral,
          "enterCrl",
          crl(PLATFORM_CA, SERIALS.slice(0, entries), later),
        );
        expect(receipt.gasUsed).to.be.below(TRANSACTION_GAS_LIMIT);
        const judged = await probe(world.verifier, "verifyQuote", quoteCall(quote()));
        expect(judged.refusal).to.equal("accepted");
        expect(judged.gas).to.be.below(CHEAP_GAS);
      });
    }

    it("of more than 65,535 bytes are refused at once", async () => {
      const world = await ready();
      const { refusal, gas } = await probe(world.collateral, "enterCrl", [crlOfBytes(70_000)]);
      expect(refusal).to.equal("DerLength");
      expect(gas).to.be.below(CHEAP_GAS);
    });
  });

  it("by a TCB info of 300 levels are refused under the cap", async () => {
    const world = await ready();
    const level = { sgx: new Array<number>(16).fill(1), pceSvn: 1, status: "OutOfDate" };
    const json = tcbInfoJson({ tee: "sgx", levels: Array(300).fill(level) });
    const args = [new TextEncoder().encode(json), new Uint8Array(64), ethers.ZeroHash];
    expect((await probe(world.collateral, "enterTcbInfo", args)).refusal).to.equal("TcbInfoTooManyLevels");
  });

  describe("by quotes are refused at once", () => {
    const { parts } = splitQuote(quote());
    const attacks: [what: string, error: string, changes: Partial<typeof parts>][] = [
      ["a signed part of 60,000 bytes", "QuoteLength", { signed: `${parts.signed}${"00".repeat(60_000)}` }],
      [
        "authentication data of 60,000 bytes",
        "QeReportDataWrong",
        { authentication: `${parts.authentication}${"00".repeat(60_000)}` },
      ],
      [
        "a certificate with bytes behind it",
        "DerTrailing",
        { pckCertificate: `${parts.pckCertificate}${"00".repeat(60_000)}` },
      ],
    ];
    for (const [what, error, changes] of attacks) {
      it(`with ${what}`, async () => {
        const world: DcapWorld = await ready();
        const call = [{ ...parts, ...changes }, ANY_STATUS, NOW];
        const { refusal, gas } = await probe(world.verifier, "verifyQuote", call);
        expect(refusal).to.equal(error);
        expect(gas).to.be.below(CHEAP_GAS);
      });
    }
  });

  it("by a quoting enclave that authenticates 20,000 bytes stay under the cap", async () => {
    const world = await ready();
    const judged = await probe(
      world.verifier,
      "verifyQuote",
      quoteCall(quote({ qeData: new Uint8Array(20_000) })),
    );
    expect(judged.refusal).to.equal("accepted");
    expect(judged.gas).to.be.below(CHEAP_GAS);
  });
});

/** What one call comes to within the gas of one transaction, its calldata included, and the gas of its execution. */
async function probe(
  contract: Contract,
  method: string,
  args: readonly unknown[],
): Promise<{ refusal: string | undefined; gas: number }> {
  const call = contract.interface.encodeFunctionData(method, args);
  const probe = await ethers.deployContract("CallProbe");
  const [[refusal = "0x"], [gas = 0n]] = await probe.outcomesOf.staticCall(
    await contract.getAddress(),
    [call],
    "0x",
    { gasLimit: TRANSACTION_GAS_LIMIT },
  );
  const name = refusal === "0x00000000" ? "accepted" : errorNameOf(`return data: ${refusal}`);
  return { refusal: name, gas: Number(gas) };
}

function quoteCall(raw: Uint8Array): readonly unknown[] {
  return [splitQuote(raw).parts, ANY_STATUS, NOW];
}

function crlOfBytes(length: number): Uint8Array {
  return concatBytes(
    Uint8Array.of(0x30, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff),
    new Uint8Array(length),
  );
}

function replacing(name: string, value: Uint8Array): Partial<DocumentContent> {
  return {
    alterEntries: (entries) => entries.map((entry) => (entry[0] === name ? [name, value] : entry)),
  };
}

async function deployWithChain() {
  const verifier = await deployNitroVerifier(certificateOf("root"));
  await time.increaseTo(NOW);
  await verifyInTransaction(verifier, documentOf({ chain: CHAIN }));
  return verifier;
}
