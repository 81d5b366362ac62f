// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseBundle } from "@meantime/sdk/bundle/format";
import { verifyBundle } from "@meantime/sdk/bundle/verify";
import { getClaim } from "@meantime/sdk/client";
import type { Hex } from "@meantime/sdk/hex";
import { main } from "../../relayer/src/cli/main.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { LOCAL_MEASUREMENT, lowerCase } from "../../scripts/stack/operators.ts";
import { askFor, eventually, freshFolder, localConfig, silentLogger } from "./local-relayer.ts";

const UNDECIDED = 3;
const FINAL = ["--status", "Final"];
const PATIENCE_SECONDS = 120;

describe("meantime bundle and meantime verify", () => {
  let stack: LocalStack;
  let relayer: RunningRelayer;
  let folder: string;
  let proven: { claimId: Hex; batchId: Hex };
  let attested: { claimId: Hex; batchId: Hex };
  const at = (name: string) => join(folder, name);
  const bundle = (claimId: string, out: string, ...more: string[]) =>
    main([
      ...["node", "meantime", "bundle", claimId, "--rpc", stack.chain.url, "--gateway", relayer.url],
      ...["--settlement", stack.domain.settlement, "--out", out, "--json", ...more],
    ]);
  const verify = (file: string, ...facts: string[]) => main(["node", "meantime", "verify", file, ...facts]);
  const known = ({ batchId }: { batchId: Hex }) => [
    ...["--receipt-key", lowerCase(stack.operator.receiptKey.address), "--batch", batchId],
  ];

  before(async () => {
    stack = await startLocalStack();
    folder = await freshFolder();
    relayer = await startRelayer(await localConfig(stack), { logger: silentLogger });
    const isReady = async () => ((await fetch(new URL("/readyz", relayer.url))).ok ? true : undefined);
    await eventually("the relayer to take work", isReady, PATIENCE_SECONDS);
    const settled = async (seed: number, policy: string) => {
      const claimId = await askFor(relayer.url, seed, policy);
      const { batch } = await eventually(
        `${claimId} to be final`,
        async () => {
          const report = await getClaim({ baseUrl: relayer.url }, claimId);
          return report.status === "Final" ? report : undefined;
        },
        PATIENCE_SECONDS,
      );
      assert.ok(batch);
      return { claimId, batchId: batch.batchId };
    };
    [attested, proven] = [await settled(1, "enclave"), await settled(2, "proof")];
    assert.equal(await bundle(proven.claimId, at("proven.json")), 0);
    assert.equal(await bundle(attested.claimId, at("attested.json")), 0);
  });

  after(async () => {
    await relayer?.stop();
    await stack?.chain.close();
  });

  it("hold all of a proven claim, which is valid to whoever knows the key, the batch and how it stands", async () => {
    const made = parseBundle(await readFile(at("proven.json"), "utf8"));
    assert.equal(made.receipt.claimId, proven.claimId);
    assert.deepEqual(
      made.evidence.map(({ kind }) => kind),
      ["zk"],
    );
    assert.ok(made.model && made.policy && made.opening && made.inclusion?.dataProof);
    assert.deepEqual(Object.keys(made.chain?.transactions ?? {}).sort(), ["commit", "evidence"]);
    assert.equal(await verify(at("proven.json"), ...known(proven), ...FINAL), 0);
  });

  it("cannot tell what is on the chain alone, with an exit code of its own", async () => {
    assert.equal(await verify(at("proven.json")), UNDECIDED);
    // The proof holds, and may have come too late.
    assert.equal(await verify(at("proven.json"), ...known(proven)), UNDECIDED);
    assert.equal(await verify(at("attested.json"), ...known(attested), ...FINAL), UNDECIDED);
  });

  it("do not call a claim good whose evidence the bundle does not hold, although the chain calls it final", async () => {
    const made = JSON.parse(await readFile(at("proven.json"), "utf8"));
    await writeFile(at("bare.json"), JSON.stringify({ ...made, evidence: [] }));
    assert.equal(await verify(at("bare.json"), ...known(proven)), UNDECIDED);
    assert.equal(await verify(at("bare.json"), ...known(proven), ...FINAL), UNDECIDED);
    assert.equal(await verify(at("proven.json"), ...known(proven), ...FINAL), 0);
    assert.equal(await verify(at("proven.json"), ...known(proven), "--status", "Rejected"), 1);
    assert.equal(await verify(at("proven.json"), ...known(proven), "--status", "final"), 2);
  });

  it("judge an enclave's signature by the key that is known to live in it", async () => {
    const made = parseBundle(await readFile(at("attested.json"), "utf8"));
    const [evidence] = made.evidence;
    assert.ok(evidence?.kind === "tee" && evidence.scope === "batch");
    const key = `${evidence.key}=${LOCAL_MEASUREMENT}`;
    assert.equal(await verify(at("attested.json"), ...known(attested), ...FINAL, "--enclave-key", key), 0);
    const other = `${evidence.key}=0x${"11".repeat(32)}`;
    assert.equal(await verify(at("attested.json"), ...known(attested), "--enclave-key", other), 1);
  });

  it("are invalid once a byte of anything was changed that can be checked", async () => {
    const content = await readFile(at("proven.json"), "utf8");
    const made = parseBundle(content);
    const [evidence] = made.evidence;
    assert.ok(evidence?.kind === "zk" && made.opening && made.inclusion && made.model && made.policy);
    const facts = {
      trust: { domain: stack.domain, receiptKeys: [lowerCase(stack.operator.receiptKey.address)] },
      batchIds: [proven.batchId],
      onChain: { status: "Final" as const },
    };
    assert.equal(verifyBundle(made, facts).verdict, "valid");
    const values = [
      ...[
        made.receipt.claimId,
        made.receipt.signature,
        made.receipt.claim.inputHash,
        made.receipt.claim.outputHash,
      ],
      ...[made.receipt.claim.requester, evidence.proof, evidence.verificationKey, evidence.beneficiary],
      ...[made.opening.salt, made.inclusion.header.root, made.inclusion.header.dataRoot],
      ...[
        made.model.specHash,
        made.policy.teeEvidence,
        `0x${Buffer.from(made.opening.input).toString("hex")}`,
      ],
    ];
    for (const value of values) {
      const place = content.indexOf(value) + 2 + Math.floor((value.length - 2) / 2);
      const digit = (Number.parseInt(content[place] ?? "0", 16) ^ 1).toString(16);
      const changed = `${content.slice(0, place)}${digit}${content.slice(place + 1)}`;
      const { verdict } = verifyBundle(parseBundle(changed), facts);
      assert.equal(verdict, "invalid", value);
    }
    const place = content.indexOf(evidence.proof) + 20;
    const digit = (Number.parseInt(content[place] ?? "0", 16) ^ 1).toString(16);
    await writeFile(at("changed.json"), `${content.slice(0, place)}${digit}${content.slice(place + 1)}`);
    assert.equal(await verify(at("changed.json"), ...known(proven)), 1);
    await writeFile(at("cut.json"), content.replace('"evidence"', '"evidense"'));
    assert.equal(await verify(at("cut.json")), 1);
  });

  it("come from an indexer as well, and not from one that says something else", async () => {
    const read = async (path: string) => (await fetch(new URL(path, relayer.url))).json() as Promise<object>;
    const held = await read(`/v1/receipts/${proven.claimId}`);
    const indexed = { ...(await read(`/v1/claims/${proven.claimId}`)), ...held };
    const lies = { ...indexed, batchId: attested.batchId, header: undefined };
    const answers: Record<string, object> = { "/honest/": indexed, "/lying/": { ...lies, receipt: null } };
    const server = createServer((request, response) => {
      const name = Object.keys(answers).find((prefix) =>
        request.url?.startsWith(`${prefix}index/v1/claims/`),
      );
      response.end(JSON.stringify(answers[name ?? ""] ?? {}));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const ask = (name: string) =>
      main([
        ...[
          "node",
          "meantime",
          "bundle",
          proven.claimId,
          "--rpc",
          stack.chain.url,
          "--out",
          at("index.json"),
        ],
        ...["--settlement", stack.domain.settlement, "--index", `http://127.0.0.1:${port}/${name}`],
      ]);
    try {
      assert.equal(await ask("honest"), 0);
      assert.equal(await verify(at("index.json"), ...known(proven), ...FINAL), 0);
      assert.equal(await ask("lying"), 1);
    } finally {
      server.close();
    }
  });

  it("still check receipts as before", async () => {
    const answer = await fetch(new URL(`/v1/receipts/${proven.claimId}`, relayer.url));
    await writeFile(at("receipt.json"), await answer.text());
    const place = ["--chain-id", "31337", "--settlement", stack.domain.settlement];
    assert.equal(await verify(at("receipt.json"), ...place), 0);
    assert.equal(await verify(at("receipt.json")), 1);
  });

  it("say what is wrong with a claim that nobody knows, and with flags", async () => {
    assert.equal(await bundle(`0x${"11".repeat(32)}`, at("nothing.json")), 1);
    assert.equal(await bundle("0x1234", at("nothing.json")), 2);
    assert.equal(await bundle(proven.claimId, at("nothing.json"), "--gateway", "http://127.0.0.1:9/"), 75);
  });
});
