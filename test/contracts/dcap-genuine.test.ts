// SPDX-License-Identifier: MIT
import { collateralCalls } from "@meantime/sdk/dcap/collateral";
import { INTEL_ROOT_CERTIFICATE } from "@meantime/sdk/dcap/intel-root";
import { pemToDer } from "@meantime/sdk/dcap/pem";
import { splitQuote } from "@meantime/sdk/dcap/quote";
import { readReport } from "@meantime/sdk/dcap/report";
import { TCB_STATUSES, type TcbStatusName } from "@meantime/sdk/dcap/tcb-status";
import { bytesToHex } from "@meantime/sdk/hex";
import { expect } from "chai";
import { keccak256 } from "ethers";
import { beginAnew, networkHelpers } from "../enclave/chain.ts";
import { ANY_STATUS, deployDcap, enter, enterBundle, judge, outcomeOf } from "../enclave/dcap-world.ts";
import { readDcapVectors, readFolder, vectorFolder } from "../enclave/vectors.ts";

const { time } = networkHelpers;

const folder = vectorFolder("dcap");

describe("Genuine Intel quotes", () => {
  if (!folder) return;
  for (const vector of readDcapVectors(folder)) {
    const prepare = async () => {
      await beginAnew();
      const world = await deployDcap(INTEL_ROOT_CERTIFICATE);
      await time.setNextBlockTimestamp(vector.validAt);
      await enterBundle(world, vector.collateral);
      return world;
    };

    it(`judges ${vector.name} as its manifest says: ${vector.expected}`, async () => {
      const world = await prepare();
      const split = splitQuote(vector.quote);
      const report = readReport(split);
      if (vector.expected === "TCB_NOT_SUPPORTED") {
        await expect(judge(world, vector.quote)).to.be.revertedWithCustomError(
          world.verifier,
          "TcbLevelUnknown",
        );
        return;
      }

      const serviceTd = report.fields.mrServiceTd;
      if (vector.name.includes("POLICY")) {
        await expect(judge(world, vector.quote)).to.be.revertedWithCustomError(
          world.verifier,
          "ServiceTdNotAllowed",
        );
      }
      const policy = serviceTd ? { ...ANY_STATUS, serviceTd: keccak256(serviceTd) } : ANY_STATUS;
      const verified = await judge(world, vector.quote, { policy });
      expect(verified.status).to.equal(BigInt(TCB_STATUSES[vector.expected as TcbStatusName]));
      expect(verified.isTdx).to.equal(split.tee === "tdx");
      expect(verified.measurement).to.equal(report.measurement);
      expect(verified.reportData[0] + verified.reportData[1].slice(2)).to.equal(`0x${vector.reportData}`);
      expect(report.fields[vector.mrTd ? "mrTd" : "mrEnclave"]).to.equal(
        `0x${vector.mrTd ?? vector.mrEnclave}`,
      );
      expect(verified.expiresAt).to.equal(BigInt(vector.expiresAt));
    });
  }

  it("knows no authority of another root, and no list or platform of one", async () => {
    await beginAnew();
    const world = await deployDcap(INTEL_ROOT_CERTIFICATE);
    const [vector] = readDcapVectors(folder);
    if (!vector) throw new Error("there are no genuine quotes");
    await time.setNextBlockTimestamp(vector.validAt);
    await enterBundle(world, vector.collateral);
    const parts = splitQuote(vector.quote).parts;
    for (const [name, bytes] of readFolder(folder, "wrong-root")) {
      if (name.endsWith("Chain.pem")) {
        for (const certificate of pemToDer(new TextDecoder().decode(bytes))) {
          const outcome = await outcomeOf(enter(world.collateral, "enterAuthority", certificate));
          expect(outcome, name).to.equal("IssuerUnknown");
        }
      } else if (name.endsWith("Crl.der")) {
        expect(await outcomeOf(enter(world.collateral, "enterCrl", bytes)), name).to.equal(
          "AuthorityUnknown",
        );
      } else if (name.endsWith("pckCert.pem")) {
        const [pckCertificate = new Uint8Array()] = pemToDer(new TextDecoder().decode(bytes));
        const outcome = await outcomeOf(
          judge(world, { ...parts, pckCertificate: bytesToHex(pckCertificate) }),
        );
        expect(outcome, name).to.equal("PckIssuerUnknown");
      }
    }
  });

  it("reads genuine quotes without collateral, and says what is missing", async () => {
    await beginAnew();
    const world = await deployDcap(INTEL_ROOT_CERTIFICATE);
    const [vector] = readDcapVectors(folder);
    if (!vector) throw new Error("there are no genuine quotes");
    await time.setNextBlockTimestamp(vector.validAt);
    for (const [name, bytes] of readFolder(folder, "quotes-only")) {
      expect(await outcomeOf(judge(world, bytes)), name).to.equal("PckIssuerUnknown");
    }
    const calls = collateralCalls(vector.collateral).slice(0, 4);
    for (const { method, args } of calls) await enter(world.collateral, method, ...args);
    for (const [name, bytes] of readFolder(folder, "quotes-only")) {
      expect(await outcomeOf(judge(world, bytes)), name).to.equal("QuoteDocumentMissing");
    }
  });
});
