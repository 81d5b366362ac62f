// SPDX-License-Identifier: MIT
import { TCB_STATUSES, tcbStatusName } from "@meantime/sdk/dcap/tcb-status";
import { expect } from "chai";
import { toUtf8Bytes, ZeroHash } from "ethers";
import {
  LEVELS,
  MODULES,
  type TcbLevel,
  type TdxModule,
  tcbInfoJson,
} from "../../relayer/src/attest/simulated/pki/documents.ts";
import { pckCertificate } from "../../relayer/src/attest/simulated/pki/intel.ts";
import { type QuoteContent, quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { ready } from "../enclave/dcap-ready.ts";
import { ANY_STATUS, judge, outcomeOf } from "../enclave/dcap-world.ts";
import { type Platform, statusByRule } from "../enclave/tcb-rule.ts";
import { ethers, networkHelpers } from "./fixture.ts";

const { loadFixture } = networkHelpers;

const RANDOM_PLATFORMS = Number(process.env.MEANTIME_FUZZ_RUNS ?? 800);
const LEVEL_STATUSES = [
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDate",
  "OutOfDateConfigurationNeeded",
  "Revoked",
] as const;
const PART_STATUSES = ["UpToDate", "OutOfDate", "Revoked"] as const;
const SVNS = [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
const TDX_SVNS = [5, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const deployReader = () => ethers.deployContract("TcbReader");

describe("TCB levels of Intel's platforms", () => {
  it("is reached with every svn equal, and missed with any one of them lower", async () => {
    const levels = LEVELS.slice(0, 1);
    const world = await ready("tdx", { tcbInfo: { levels } });
    expect(await outcomeOf(judge(world, quote()))).to.equal("done");
    for (const [place, svn] of SVNS.entries()) {
      if (svn === 0) continue;
      const pck = pckCertificate({ svns: SVNS.with(place, svn - 1) });
      expect(await outcomeOf(judge(world, quote({ pck }))), `component ${place}`).to.equal("TcbLevelUnknown");
    }
    const pck = pckCertificate({ pceSvn: 12 });
    expect(await outcomeOf(judge(world, quote({ pck }))), "PCE").to.equal("TcbLevelUnknown");
    expect(await outcomeOf(judge(world, quote({ report: [[2, "02"]] }))), "TDX 2").to.equal(
      "TcbLevelUnknown",
    );
  });

  it("compares every octet by itself, whatever its neighbours are", async () => {
    const reader = await loadFixture(deployReader);
    for (let place = 0; place < 16; place++) {
      for (const [svn, wanted, isReached] of [
        [0, 1, false],
        [1, 1, true],
        [127, 128, false],
        [128, 127, true],
        [254, 255, false],
        [255, 255, true],
      ] as const) {
        for (const neighbour of [0, 255]) {
          const sgx = SVNS.map(() => neighbour).with(place, svn);
          const level = { sgx: SVNS.map(() => 0).with(place, wanted), pceSvn: 0, status: "UpToDate" };
          const outcome = await statusOnChain(reader, [level], undefined, { sgx, pceSvn: 0, qe: "UpToDate" });
          expect(outcome, `${svn} for ${wanted} at ${place}`).to.equal(isReached ? "UpToDate" : "unknown");
        }
      }
    }
  });

  it("skips TDX components 0 and 1 where the module has a version, and only there", async () => {
    const reader = await loadFixture(deployReader);
    const level = (tdx: number[]): TcbLevel => ({ sgx: SVNS, pceSvn: 0, tdx, status: "UpToDate" });
    const judgeTdx = (wanted: number[], tdx: number[]) =>
      statusOnChain(reader, [level(wanted)], MODULES, { sgx: SVNS, pceSvn: 0, tdx, qe: "UpToDate" });
    const high = TDX_SVNS.with(0, 9).with(1, 9);
    expect(await judgeTdx(high, TDX_SVNS.with(0, 4).with(1, 1))).to.equal("UpToDate");
    expect(await judgeTdx(high, TDX_SVNS.with(0, 4))).to.equal("unknown");
    expect(await judgeTdx(TDX_SVNS.with(0, 6), TDX_SVNS)).to.equal("unknown");
    expect(await judgeTdx(TDX_SVNS, TDX_SVNS)).to.equal("UpToDate");
    expect(await judgeTdx(TDX_SVNS.with(2, 4), TDX_SVNS.with(0, 4).with(1, 1))).to.equal("unknown");
  });

  it("takes the first level that fits in the document's order", async () => {
    const world = await ready("tdx");
    const old = pckCertificate({ svns: [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0], pceSvn: 5 });
    expect((await judge(world, quote({ pck: old }))).status).to.equal(BigInt(TCB_STATUSES.OutOfDate));
    const newer = pckCertificate({ svns: SVNS.map((svn) => svn + 1), pceSvn: 14 });
    expect((await judge(world, quote({ pck: newer }))).status).to.equal(BigInt(TCB_STATUSES.UpToDate));
  });

  it("lets the policy name the statuses, but never a revoked platform", async () => {
    for (const [number, status] of LEVEL_STATUSES.entries()) {
      const levels = LEVELS.map((level) => ({ ...level, status }));
      const world = await ready("tdx", { tcbInfo: { levels } });
      const under = (statuses: number) =>
        outcomeOf(judge(world, quote(), { policy: { ...ANY_STATUS, statuses } }));
      expect(await under(1 << number), status).to.equal(
        status === "Revoked" ? "TcbStatusNotAllowed" : "done",
      );
      expect(await under(0xffff ^ (1 << number)), status).to.equal("TcbStatusNotAllowed");
    }
  });

  it("lowers a platform by its quoting enclave and its TDX module", async () => {
    const world = await ready("tdx");
    const statusWith = async (changes: Partial<QuoteContent>) =>
      tcbStatusName((await judge(world, quote(changes))).status);
    expect(await statusWith({ qeReport: [[258, "0500"]] })).to.equal("OutOfDate");
    expect(await statusWith({ report: [[0, "0301"]] })).to.equal("OutOfDate");
    const levels = LEVELS.map((level) => ({ ...level, status: "ConfigurationNeeded" }));
    const configured = await ready("tdx", { tcbInfo: { levels } });
    const lowered = await judge(configured, quote({ qeReport: [[258, "0500"]] }));
    expect(tcbStatusName(lowered.status)).to.equal("OutOfDateConfigurationNeeded");
  });

  it("refuses a revoked TDX module, and one of a status that no module has", async () => {
    for (const [status, error] of [
      ["Revoked", "TcbStatusNotAllowed"],
      ["ConfigurationNeeded", "TdxModuleStatus"],
    ] as const) {
      const world = await ready("tdx", {
        tcbInfo: { modules: [{ version: 1, levels: [{ svn: 1, status }] }] },
      });
      expect(await outcomeOf(judge(world, quote()))).to.equal(error);
    }
  });

  it("names the TDX module by the document's field where it has no version", async () => {
    const mrSigner = "ee".repeat(48);
    const world = await ready("tdx", { tcbInfo: { moduleSigner: mrSigner, modules: undefined } });
    const unversioned: QuoteContent["report"] = [[0, "0500"]];
    expect(await outcomeOf(judge(world, quote({ report: unversioned })))).to.equal("TdxModuleMismatch");
    const signed = quote({ report: [...unversioned, [64, mrSigner]] });
    expect(await outcomeOf(judge(world, signed))).to.equal("done");
    expect(await outcomeOf(judge(world, quote()))).to.equal("TdxModuleUnknown");
  });

  it("advises a relaunch where the module under a running TD 1.5 is newer than the one it began with", async () => {
    const world = await ready("tdx");
    const relaunched = (...report: QuoteContent["report"]) =>
      quote({ version: 5, isTd15: true, report: [[0, "0301"], ...report] });
    const statusAt = async (svns: string) =>
      tcbStatusName((await judge(world, relaunched([584, svns]))).status);
    expect(await statusAt("040103")).to.equal("TDRelaunchAdvised");
    expect(await statusAt("030103")).to.equal("OutOfDate");
    expect(await statusAt("040102")).to.equal("OutOfDate");
    expect(await statusAt("050003")).to.equal("TDRelaunchAdvised");
    expect(await statusAt("040003")).to.equal("OutOfDate");
    expect(await outcomeOf(judge(world, relaunched([584, "040903"])))).to.equal("TdxModuleUnknown");
  });

  it(`finds what the rule says for ${RANDOM_PLATFORMS} random platforms`, async function () {
    this.timeout(20 * RANDOM_PLATFORMS + 20_000);
    const reader = await loadFixture(deployReader);
    const random = randomNumbers(20270115);
    const seen = new Map<string, number>();
    for (let run = 0; run < RANDOM_PLATFORMS; run++) {
      const { levels, modules, platform } = randomPlatform(random);
      const expected = statusByRule(levels, modules, platform);
      const found = await statusOnChain(reader, levels, platform.tdx ? modules : undefined, platform);
      expect(found, JSON.stringify({ run, levels, modules, platform })).to.equal(expected);
      seen.set(expected, (seen.get(expected) ?? 0) + 1);
    }
    // A generator that only makes unknown platforms would test nothing.
    expect(seen.size, JSON.stringify([...seen])).to.equal(Object.keys(TCB_STATUSES).length + 1);
  });
});

async function statusOnChain(
  reader: Awaited<ReturnType<typeof deployReader>>,
  levels: TcbLevel[],
  modules: TdxModule[] | undefined,
  platform: Platform,
): Promise<string> {
  const tee = platform.tdx ? "tdx" : "sgx";
  const json = toUtf8Bytes(tcbInfoJson({ tee, levels, modules }));
  const tcb = {
    sgxSvns: packed(platform.sgx),
    pceSvn: platform.pceSvn,
    isTdx: tee === "tdx",
    tdxSvns: packed(platform.tdx ?? []),
    hasRelaunchSvns: platform.relaunch !== undefined,
    relaunchSvns: packed(platform.relaunch ?? []),
    moduleSigner: ZeroHash,
    moduleAttributes: 0,
  };
  let status: bigint | undefined;
  const call = async () => {
    status = await reader.getFunction("statusOf")(json, tcb, TCB_STATUSES[platform.qe]);
  };
  const outcome = await outcomeOf(call());
  if (outcome === "done" && status !== undefined) return tcbStatusName(status) ?? `number ${status}`;
  return outcome === "TcbLevelUnknown" || outcome === "TdxModuleUnknown" ? "unknown" : outcome;
}

function packed(svns: number[]): bigint {
  return svns.reduce((sum, svn) => 256n * sum + BigInt(svn), 0n);
}

// Small numbers, so that platforms often just reach a level or just miss it.
function randomPlatform(random: (below: number) => number) {
  const svns = (below: number) => SVNS.map((_, place) => (place < 8 ? random(below) : 0));
  const isTdx = random(4) > 0;
  const levels = Array.from({ length: 1 + random(4) }, () => ({
    sgx: svns(3).map((svn) => (random(3) === 0 ? svn : 0)),
    pceSvn: random(3),
    ...(isTdx ? { tdx: svns(3).map((svn) => (random(3) === 0 ? svn : 0)) } : {}),
    status: pick(LEVEL_STATUSES, random),
  }));
  const modules = [1, 2].map((version) => ({
    version,
    levels: Array.from({ length: 1 + random(3) }, () => ({
      svn: random(3),
      status: pick(PART_STATUSES, random),
    })),
  }));
  const platform: Platform = {
    sgx: svns(2).map((svn) => svn + 1),
    pceSvn: 1 + random(2),
    qe: random(4) > 0 ? "UpToDate" : pick(PART_STATUSES, random),
    ...(isTdx
      ? {
          tdx: svns(3)
            .map((svn) => svn + 1)
            .with(1, random(4)),
        }
      : {}),
    ...(isTdx && random(3) > 0
      ? {
          relaunch: svns(3)
            .map((svn) => svn + 1)
            .with(1, random(4)),
        }
      : {}),
  };
  return { levels, modules, platform };
}

function pick<T>(values: readonly [T, ...T[]], random: (below: number) => number): T {
  return values[random(values.length)] ?? values[0];
}

// Numerical Recipes' linear congruential generator: the same numbers in every run.
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
