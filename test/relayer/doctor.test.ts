// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Address } from "@meantime/sdk/hex";
import { Checkup, ok } from "../../relayer/src/cli/doctor/check.ts";
import {
  checkArtefacts,
  checkFiles,
  checkFsync,
  checkNode,
  judgeSpace,
} from "../../relayer/src/cli/doctor/machine.ts";
import {
  type ChainChecks,
  checkAuthority,
  judgeBalance,
  judgeClock,
  judgeExpiry,
} from "../../relayer/src/cli/doctor/on-chain.ts";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";
import { RelayerError, TemporaryError } from "../../relayer/src/errors.ts";
import { TYPICAL_GAS } from "../../relayer/src/ops/balances.ts";
import type { Signer } from "../../relayer/src/signers/signer.ts";
import { freshFolder } from "./local-relayer.ts";

const ADDRESS: Address = `0x${"ab".repeat(20)}`;

describe("the doctor's verdicts", () => {
  it("on Node: 22.13 is enough", () => {
    assert.equal(checkNode("22.13.0").status, "ok");
    assert.equal(checkNode("24.1.0").status, "ok");
    assert.equal(checkNode("22.12.9").status, "fail");
    assert.equal(checkNode("20.20.2").status, "fail");
  });

  it("on the disk: warns under 4 GiB, fails under 256 MiB", () => {
    assert.equal(judgeSpace(4 * 2 ** 30, "/").status, "ok");
    assert.equal(judgeSpace(4 * 2 ** 30 - 1, "/").status, "warn");
    assert.equal(judgeSpace(256 * 2 ** 20, "/").status, "warn");
    assert.equal(judgeSpace(256 * 2 ** 20 - 1, "/").status, "fail");
  });

  it("on the clock: skew either way is named, a fresh block is fine", () => {
    assert.equal(judgeClock(1_000, 990).status, "ok");
    assert.equal(judgeClock(1_000, 1_010).status, "ok");
    assert.match(judgeClock(1_000, 1_016).detail, /16 s behind/);
    assert.equal(judgeClock(1_000, 1_016).status, "warn");
    assert.equal(judgeClock(1_181, 1_000).status, "warn");
    assert.equal(judgeClock(1_180, 1_000).status, "ok");
  });

  it("on authority: each key of a lane that only senders of the operator may use, under each policy", async () => {
    const signer = (digit: string) => ({ address: `0x${digit.repeat(40)}` }) as Signer;
    const [own, shared] = [signer("a"), signer("b")];
    const check = (allowed: readonly Signer[]) =>
      checkAuthority({
        config: { operator: { address: ADDRESS } },
        policies: [{ name: "window", id: `0x${"01".repeat(32)}` }],
        signers: { senders: { answer: own, finalise: signer("c"), commit: shared }, receipts: signer("d") },
        contracts: {
          settlement: {
            isSender: async (_: string, sender: string) => allowed.some(({ address }) => address === sender),
          },
          receipts: {
            acceptedAtOf: async () => 5n,
            receiptKeyOf: async () => ({ validFrom: 5n, validUntil: 2n ** 40n - 1n }),
          },
        },
      } as unknown as ChainChecks);
    const statuses = async (allowed: readonly Signer[]) => (await check(allowed)).map(({ status }) => status);
    assert.deepEqual(await statuses([own, shared]), ["ok", "ok", "ok", "ok"]);
    const [answer, commit] = await check([shared]);
    assert.match(answer?.detail ?? "", new RegExp(`${own.address} \\(answer\\) is no sender`));
    assert.deepEqual([answer?.status, commit?.status], ["fail", "ok"]);
  });

  it("on a balance: by transactions at the present fee", () => {
    const feeWei = 1_000_000_000n;
    const worth = (count: bigint) =>
      judgeBalance(ADDRESS, count * feeWei * TYPICAL_GAS, feeWei, 20, "commit").status;
    assert.equal(worth(200n), "ok");
    assert.equal(worth(199n), "warn");
    assert.equal(worth(20n), "warn");
    assert.equal(worth(19n), "fail");
  });

  it("on an enclave's key: two weeks ahead, or half of the time for renewing it", () => {
    assert.equal(judgeExpiry(ADDRESS, 14 * 86_400, undefined).status, "ok");
    assert.equal(judgeExpiry(ADDRESS, 14 * 86_400 - 1, undefined).status, "warn");
    assert.equal(judgeExpiry(ADDRESS, 0, undefined).status, "fail");
    assert.equal(judgeExpiry(ADDRESS, 2_700, 5_400).status, "ok");
    assert.equal(judgeExpiry(ADDRESS, 2_699, 5_400).status, "warn");
    assert.equal(judgeExpiry(ADDRESS, 0, 5_400).status, "fail");
  });

  it("on files: names those that are missing, and the hashes of the others", async () => {
    const folder = await freshFolder();
    const at = (name: string) => join(folder, name);
    writeFileSync(at("spec"), "");
    writeFileSync(at("wasm"), "abc");
    const config = (prover: object) =>
      ({ models: [{ spec: at("spec"), wasm: at("wasm") }], prover }) as unknown as RelayerConfig;
    assert.equal((await checkFiles(config({}))).status, "ok");
    const missing = await checkFiles(config({ rapidsnark: { path: at("none") } }));
    assert.equal(missing.status, "fail");
    assert.ok(missing.detail.includes(at("none")) && !missing.detail.includes("wasm"));
    // FIPS 180-2, the hash of "abc".
    const hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert.ok((await checkArtefacts(config({})))[0]?.detail.endsWith(hash));
    const pinned = async (sha256?: string) =>
      (await checkArtefacts(config({ rapidsnark: { path: at("wasm"), sha256 } }))).at(-1)?.status;
    assert.deepEqual([await pinned(hash), await pinned("00"), await pinned()], ["ok", "fail", "warn"]);
  });

  it("on durable writes: says how long one takes, and leaves nothing", async () => {
    const { detail } = checkFsync(join(await freshFolder(), "new"));
    assert.match(detail, /^a durable write takes \d+\.\d ms$/);
  });

  it("on what a check throws: its code, and whether it may pass", async () => {
    const checkup = new Checkup();
    const value = await checkup.run("fine", async () => ({ finding: ok("yes"), value: 1 }));
    assert.equal(value, 1);
    await checkup.run("away", async () => Promise.reject(new TemporaryError("MT-CHAIN-001", "away", "wait")));
    await checkup.run("wrong", async () => Promise.reject(new RelayerError("MT-CHAIN-002", "wrong", "mend")));
    assert.deepEqual(
      checkup.results.map(({ status, code, todo, temporary }) => [status, code, todo, temporary]),
      [
        ["ok", undefined, undefined, undefined],
        ["fail", "MT-CHAIN-001", "wait", true],
        ["fail", "MT-CHAIN-002", "mend", undefined],
      ],
    );
  });
});
