// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { getClaim } from "@meantime/sdk/client";
import { enclaveKeyId } from "@meantime/sdk/enclave-keys";
import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { parseModelSpec } from "@meantime/sdk/model";
import type { StatusName } from "@meantime/sdk/status";
import type { RunningRelayer } from "../../relayer/src/relayer.ts";
import { digitModelUrl } from "../chain/models.ts";
import { publicKeyOf } from "../chain/simulated-nitro.ts";
import { type ChainKind, type LocalStack, startLocalStack } from "../stack/local.ts";
import {
  enrolOperator,
  LOCAL_MEASUREMENT,
  type LocalOperator,
  localKey,
  localOperator,
  lowerCase,
} from "../stack/operators.ts";
import {
  CHALLENGE_WINDOW_SECONDS,
  CLAIM_BOND_WEI,
  type LocalPolicy,
  PROVE_WINDOW_SECONDS,
} from "../stack/policies.ts";
import { type RelayerProcess, startRelayerProcess, writeRelayerConfig } from "../stack/relayer.ts";
import { auditDemo, type DemoAudit } from "./audit.ts";
import { readChainStory, statusOnChain } from "./chain-story.ts";
import { type DigitImage, heldOutImages } from "./images.ts";
import { startLiar } from "./liar.ts";
import { progress } from "./progress.ts";
import { type BondsMoved, type Expectation, type PhaseReport, reportPhase } from "./report.ts";
import { type Asking, type Served, serveImages } from "./serve.ts";
import { until } from "./wait.ts";

/** What the demo did. */
export interface DemoResult {
  phases: PhaseReport[];
  expectations: Expectation[];
  /** What `meantime audit` says in the end. */
  audit: DemoAudit;
  seconds: number;
}

const IMAGES = { enclave: 80, proof: 6, window: 120, liar: 20 } as const;
const PATIENCE_SECONDS = 90;
const LIAR_STAKE_WEI = 10n ** 18n;
const LIAR_FIRST_ACCOUNT = 6;
const USER_ACCOUNT = 12;

/** Runs every phase, with its files in `folder`. */
export async function runDemo(folder: string, kind: ChainKind = "hardhat"): Promise<DemoResult> {
  const started = performance.now();
  const stack = await step("Contracts compiled, chain started, protocol deployed", () =>
    startLocalStack(0, kind),
  );
  const honest = await Node.start(stack, folder, "honest", stack.operator, true);
  await step("Relayer started", () => honest.startProcess());
  const attested = await step("SIMULATED enclave's key registered by attestation", () =>
    isEnclaveAttested(stack),
  );

  const enclave = await serve(stack, honest, "enclave", 0, IMAGES.enclave);
  await settle(stack, "An enclave signs for the batch", honest.url, enclave, "Final");

  const proof = await serve(stack, honest, "proof", IMAGES.enclave, IMAGES.proof);
  await settle(stack, "snarkjs proves every claim", honest.url, proof, "Final");

  const window = await serve(stack, honest, "window", IMAGES.enclave + IMAGES.proof, IMAGES.window);
  await step("kill -9 after the last answer, started again", () => honest.crashAndRestart());
  await settle(stack, "What it had promised is committed", honest.url, window, "Committed");

  const liar = await Node.start(stack, folder, "liar", localOperator(LIAR_FIRST_ACCOUNT), false);
  await enrolOperator(stack, liar.operator, LIAR_STAKE_WEI);
  const lies = await serveLies(stack, liar);
  const lie = lies[0];
  if (!lie) throw new Error("the liar served nothing");
  await settle(stack, "The watchtower finds the lie and challenges", liar.url, [lie], "Challenged");
  await step("Its time to prove passes (chain time moved)", async () =>
    stack.chain.moveTo((await stack.chain.now()) + PROVE_WINDOW_SECONDS),
  );
  await settle(stack, "The lie is rejected, its bond slashed", liar.url, [lie], "Rejected");
  const suspended = await step("It is suspended and takes no new work", () => refusesWork(stack, liar));
  const compensatedWei = await step("The cheated user takes the compensation", () => compensate(stack));

  await step("The challenge window passes (chain time moved)", async () =>
    stack.chain.moveTo((await stack.chain.now()) + CHALLENGE_WINDOW_SECONDS),
  );
  await settle(stack, "The rest is final by the clock alone", honest.url, window, "Final");
  await settle(stack, "... also what the liar told the truth about", liar.url, lies.slice(1), "Final");
  await step("Bonds released", () => releasedBonds(stack, [honest, liar]));

  const phases = await step("Everything read back from the chain", async () => [
    await report(stack, "enclave signature", honest.url, enclave),
    await report(stack, "snarkjs proof", honest.url, proof),
    await report(stack, "window alone", honest.url, window),
    await report(stack, "a lie", liar.url, lies.slice(0, 1)),
    await report(stack, "the liar's truths", liar.url, lies.slice(1)),
  ]);
  const audited = await step("Audited from the chain and the published data alone", () => auditDemo(stack));
  const expectations = judge(phases, { compensatedWei, suspended, attested, audited });
  await liar.stop();
  await honest.stop();
  await stack.chain.close();
  const seconds = Math.round((performance.now() - started) / 1000);
  return { phases, expectations, audit: audited, seconds };
}

/** One operator's relayer: the honest one in a process of its own, the liar's inside the demo. */
class Node {
  static async start(
    stack: LocalStack,
    folder: string,
    name: string,
    operator: LocalOperator,
    honest: boolean,
  ): Promise<Node> {
    const configFile = await writeRelayerConfig({
      folder: join(folder, name),
      rpcUrl: stack.chain.url,
      settlement: await stack.deployment.settlement.getAddress(),
      enclaveEvidence: await stack.deployment.enclaveEvidence.getAddress(),
      operator,
      policyIds: stack.policyIds,
      watches: honest,
      logLevel: honest ? "info" : "silent",
      ...(honest ? { enclaveKey: stack.enclaveKey } : {}),
    });
    return new Node(operator, configFile);
  }

  readonly operator: LocalOperator;
  readonly #configFile: string;
  #running: RelayerProcess | RunningRelayer | undefined;

  private constructor(operator: LocalOperator, configFile: string) {
    this.operator = operator;
    this.#configFile = configFile;
  }

  get url(): string {
    if (!this.#running) throw new Error("the relayer is not running");
    return this.#running.url;
  }

  async startProcess(): Promise<void> {
    this.#running = await startRelayerProcess(this.#configFile);
  }

  async startLying(lieAbout: DigitImage): Promise<void> {
    this.#running = await startLiar(this.#configFile, lieAbout.pixels);
  }

  async crashAndRestart(): Promise<void> {
    if (!this.#running || !("kill" in this.#running)) throw new Error("only a process can be killed");
    await this.#running.kill();
    await this.startProcess();
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
  }
}

async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const bar = progress(title);
  const result = await work();
  bar.done();
  return result;
}

async function serve(
  stack: LocalStack,
  node: Node,
  policy: LocalPolicy,
  first: number,
  count: number,
): Promise<Served[]> {
  const images = await heldOutImages(first, count);
  return serveImages(`${count} images served, policy "${policy}"`, await asking(stack, node, policy), images);
}

async function serveLies(stack: LocalStack, liar: Node): Promise<Served[]> {
  const first = IMAGES.enclave + IMAGES.proof + IMAGES.window;
  const images = await heldOutImages(first, IMAGES.liar);
  const [victim] = images;
  if (!victim) throw new Error("there are too few images");
  await liar.startLying(victim);
  const title = `${IMAGES.liar} images served by a liar, one answer wrong`;
  return serveImages(title, await asking(stack, liar, "window"), images);
}

async function asking(stack: LocalStack, node: Node, policy: LocalPolicy): Promise<Asking> {
  const spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
  return {
    gateway: {
      baseUrl: node.url,
      trust: { domain: stack.domain, receiptKeys: [lowerCase(node.operator.receiptKey.address)] },
    },
    model: { name: spec.name, id: stack.modelId, inputBits: spec.inputBits, classes: spec.classes },
    policyId: stack.policyIds[policy],
    operator: lowerCase(node.operator.owner.address),
    requester: userAddress(),
  };
}

/** Waits until the chain itself gives every claim this status. */
async function settle(
  stack: LocalStack,
  title: string,
  url: string,
  served: Served[],
  status: StatusName,
): Promise<void> {
  const bar = progress(title, served.length);
  for (const [at, { receipt }] of served.entries()) {
    await until(`${receipt.claimId} to be ${status}`, PATIENCE_SECONDS, async () => {
      const report = await getClaim({ baseUrl: url }, receipt.claimId);
      return (await statusOnChain(stack, report)) === status ? true : undefined;
    });
    bar.at(at + 1);
  }
  bar.done(`${served.length} ${status}`);
}

/** Whether the chain has suspended the operator, once its own relayer refuses new work for it. */
async function refusesWork({ deployment }: LocalStack, { operator, url }: Node): Promise<boolean> {
  await until("the liar's relayer to take no new work", PATIENCE_SECONDS, async () => {
    const { ok } = await fetch(new URL("/readyz", url));
    return ok ? undefined : true;
  });
  return (await deployment.settlement.operatorOf(operator.owner.address, ZERO_ADDRESS)).suspended;
}

/** Whether the registry has the enclave's key for the image that the model names: the chain verified its document. */
async function isEnclaveAttested({ deployment, enclaveKey }: LocalStack): Promise<boolean> {
  const keyId = enclaveKeyId(publicKeyOf({ privateKey: enclaveKey }));
  const [measurement] = await deployment.enclaveEvidence.activeMeasurementOf(keyId);
  return measurement === LOCAL_MEASUREMENT;
}

async function compensate({ chain, deployment }: LocalStack): Promise<bigint> {
  const user = localKey(USER_ACCOUNT).connect(chain.connection.ethers.provider);
  const creditWei = await deployment.settlement.creditOf(user.address, ZERO_ADDRESS);
  await (await deployment.settlement.connect(user).withdraw(ZERO_ADDRESS, user.address)).wait();
  return creditWei;
}

async function releasedBonds({ deployment }: LocalStack, nodes: Node[]): Promise<void> {
  for (const { operator } of nodes) {
    await until("every bond to be released", PATIENCE_SECONDS, async () => {
      const { lockedWei } = await deployment.settlement.operatorOf(operator.owner.address, ZERO_ADDRESS);
      return lockedWei === 0n ? true : undefined;
    });
  }
}

async function report(stack: LocalStack, phase: string, url: string, served: Served[]): Promise<PhaseReport> {
  const settled = await readChainStory(stack, url, served);
  const claimIds = new Set(served.map(({ receipt }) => receipt.claimId));
  return reportPhase(phase, served, settled, await bondsMoved(stack, claimIds));
}

async function bondsMoved({ deployment }: LocalStack, claimIds: Set<Hex>): Promise<BondsMoved> {
  const { settlement } = deployment;
  const rejections = await settlement.queryFilter(settlement.filters.ClaimRejected());
  const ours = rejections.filter(({ args }) => claimIds.has(args.claimId as Hex));
  const sum = (share: "rewardedWei" | "requesterWei" | "burnWei") =>
    ours.reduce((total, { args }) => total + args[share], 0n);
  const slashedWei = sum("rewardedWei") + sum("requesterWei") + sum("burnWei");
  return {
    lockedWei: (BigInt(claimIds.size) * CLAIM_BOND_WEI).toString(),
    slashedWei: slashedWei.toString(),
    challengerWei: sum("rewardedWei").toString(),
    requesterWei: sum("requesterWei").toString(),
    burntWei: sum("burnWei").toString(),
  };
}

/** What is not in the table. */
interface Findings {
  compensatedWei: bigint;
  suspended: boolean;
  attested: boolean;
  audited: DemoAudit;
}

function judge(
  phases: PhaseReport[],
  { compensatedWei, suspended, attested, audited }: Findings,
): Expectation[] {
  const [enclave, proof, window, lie, truths] = phases;
  if (!(enclave && proof && window && lie && truths)) throw new Error("a phase is missing");
  const isAll = (report: PhaseReport, status: string) => report.outcome[status] === report.claims;
  const served = enclave.claims + proof.claims + window.claims;
  return [
    { expected: "at least 200 images answered, each receipt verified by its user", met: served >= 200 },
    { expected: "the enclave's key registered by the document of a simulated Nitro module", met: attested },
    {
      expected: "the enclave's batch final long before its window",
      met: early(enclave) && isAll(enclave, "Final"),
    },
    {
      expected: "at least two claims final early by a proof",
      met: proof.claims >= 2 && early(proof) && isAll(proof, "Final"),
    },
    {
      expected: "the window's claims, promised before kill -9, final when the window ended",
      met: isAll(window, "Final") && window.gapSecondsP50 >= CHALLENGE_WINDOW_SECONDS,
    },
    {
      expected: "the lie rejected, what the liar told the truth about final",
      met: isAll(lie, "Rejected") && isAll(truths, "Final"),
    },
    {
      expected: "the lie slashed one bond and compensated the user",
      met:
        lie.bonds.slashedWei === CLAIM_BOND_WEI.toString() &&
        lie.bonds.requesterWei === String(compensatedWei),
    },
    { expected: "the liar suspended until its owner resumes", met: suspended },
    {
      expected: "the bonds of every true claim untouched",
      met: [enclave, proof, window, truths].every(({ bonds }) => bonds.slashedWei === "0"),
    },
    {
      expected: "an audit without any operator's database that finds nothing but the slashed lie",
      met:
        audited.verdict === "clean" &&
        audited.claims.claims === served + lie.claims + truths.claims &&
        audited.claims.rejected === lie.claims &&
        audited.findings.includes("claim-rejected"),
    },
  ];
}

function early(report: PhaseReport): boolean {
  return report.gapSecondsP95 < CHALLENGE_WINDOW_SECONDS / 10;
}

function userAddress(): Address {
  return lowerCase(localKey(USER_ACCOUNT).address);
}
