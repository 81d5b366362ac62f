// SPDX-License-Identifier: MIT
import { batchId as batchIdOf } from "@meantime/sdk/batch";
import type { Bundle } from "@meantime/sdk/bundle/format";
import { type BundleFacts, verifyBundle } from "@meantime/sdk/bundle/verify";
import { statusOf } from "@meantime/sdk/chain/chain";
import { enclaveKeyIdOf } from "@meantime/sdk/enclave-keys";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { resolveTrust } from "@meantime/sdk/trust";
import type { Check } from "@meantime/sdk/verdict";
import { count, utc } from "../format.ts";
import type { Trusted } from "../state/settings.ts";
import { isBehind, type StatedStatus } from "../status.ts";
import { judgeTransactions } from "./evidence.ts";
import { committedAtOf, evidenceKindsOf, nodeTrouble, openNode, type TrustedNode } from "./node.ts";
import { type Judgement, overallOf, type Step, sentence, stepOf, withoutChain } from "./step.ts";

/** What is judged: everything that somebody said about one claim. None of it is believed. */
export interface Subject {
  /** Its chain's id is zero where nobody has said what contract it is about. */
  bundle: Bundle;
  /** Where it is from. A file names the contract that it is about; an index is held to the visitor's. */
  origin: "file" | "index";
  /** False: nobody showed the operator's signature, and what stands in the bundle is none. */
  isSigned: boolean;
  /** How the claim is said to stand. */
  statedStatus?: StatedStatus;
  /** Transactions that are said to have brought evidence. */
  transactions: readonly Hex[];
}

/** By kind of evidence: what it is called, and how the name of a step begins that judges it. */
const EVIDENCE_STEPS: readonly { kind: number; title: string; prefix: string }[] = [
  { kind: EVIDENCE_KINDS.zk, title: "a proof", prefix: "evidence zk " },
  { kind: EVIDENCE_KINDS.tee, title: "an enclave's signature", prefix: "evidence tee-" },
  { kind: EVIDENCE_KINDS.quorum, title: "the re-executors' verdict", prefix: "evidence quorum " },
];
/** What it means that a check holds, in words for whoever has not read the specification. */
const MEANINGS: Record<string, string> = {
  "claim id": "The nine fields of the claim hash to this id, for this chain and contract.",
  "receipt key":
    "The chain has the key as the operator's when it answered, and the operator had accepted the policy.",
  model: "The model's entry hashes to the model id.",
  policy: "The policy's terms hash to the policy id.",
  opening: "Input, salt and output hash to what was claimed.",
  inclusion: "The path leads from the claim, at its place, to the root in the header.",
  commitment: "The chain has committed exactly this header.",
};
/** Why a check cannot be made, where its own reason speaks of bundles. */
const LACKS: Record<string, string> = {
  model: "The model's entry is on the chain: your node has it.",
  policy: "The policy's terms are on the chain: your node has them.",
  opening: "Without the model's entry nobody can say how input and output are hashed, or they are not shown.",
  "receipt key": "Whose key signed, and when it was valid, is on the chain: your node has it.",
  commitment: "Whether this header was committed is on the chain: your node has it.",
};
/** Of a P-256 key a bundle has the id, of a secp256k1 key the address. */
const ADDRESS_CHARACTERS = 42;
const SIGNATURE_CHECKS = ["receipt signature", "receipt key"];

/**
 * Judges a claim in this browser, against the visitor's node and contract; without them nothing comes out as checked. What
 * the node fails at ends up in the steps.
 */
export async function judge(subject: Subject, trusted: Trusted | null): Promise<Judgement> {
  if (trusted === null) return offline(subject, "No node of yours is named yet.");
  let node: TrustedNode;
  try {
    node = await openNode(trusted);
  } catch (error) {
    return offline(subject, nodeTrouble(error));
  }
  const { domain } = node.chain;
  const stated = subject.bundle.domain;
  const isOther = stated.chainId !== domain.chainId || stated.settlement !== domain.settlement;
  if (subject.origin === "file" && isOther) {
    const where = `Settlement ${stated.settlement} on chain ${stated.chainId}`;
    return offline(subject, `The file is about ${where}, which is not the contract that you trust.`);
  }
  const { bundle, facts, troubles } = await gather({ ...subject.bundle, domain }, subject.isSigned, node);
  const onChain = await chainStatus(bundle, node);
  const judged = await judgeTransactions(subject.transactions, bundle, node);
  const held = bundleSteps(bundle, subject.isSigned, facts).map((step) => troubled(step, troubles));
  const gaps = evidenceGaps(subject, onChain, judged);
  const steps = [nodeStep(node), ...held, ...judged, ...gaps, ...statusStep(subject, onChain)];
  return {
    finding: overallOf(steps),
    steps,
    ...finalityOf(onChain, steps, gaps),
    ...(onChain.status === undefined ? {} : { chainStatus: onChain.status }),
    against: {
      ...{ rpcUrl: trusted.rpcUrl, settlement: trusted.settlement, chainId: domain.chainId.toString() },
      ...{ blockNumber: node.blockNumber.toString(), blockSeconds: Number(node.blockSeconds) },
    },
  };
}

function offline(subject: Subject, reason: string): Judgement {
  const missing: Step = { name: "node", title: "Your node", finding: "unknown", reason, facts: [] };
  // Nobody said which contract it is about: nothing can be hashed for it.
  const isPlaced = subject.bundle.domain.chainId !== 0n;
  const held = isPlaced ? withoutChain(bundleSteps(subject.bundle, subject.isSigned, {})) : [];
  const steps = [missing, ...held];
  return { finding: overallOf(steps), steps };
}

/** Facts that the chain gave, and by the check that wanted them why others are missing. */
interface Gathered {
  bundle: Bundle;
  facts: BundleFacts & { committedAt?: bigint };
  troubles: Map<string, string>;
}

async function gather(bundle: Bundle, isSigned: boolean, node: TrustedNode): Promise<Gathered> {
  const { chain, facts } = node;
  const troubles = new Map<string, string>();
  const ask = async <Fact>(check: string, question: () => Promise<Fact>): Promise<Fact | undefined> => {
    try {
      return await question();
    } catch (error) {
      troubles.set(check, nodeTrouble(error));
      return undefined;
    }
  };
  const { claim } = bundle.receipt;
  const header = bundle.inclusion?.header;
  const [trust, committedAt, policy] = await Promise.all([
    isSigned ? ask("receipt key", () => resolveTrust({ chain }, bundle.receipt)) : undefined,
    header && ask("commitment", () => committedAtOf(chain, batchIdOf(chain.domain, header))),
    ask("policy", () => facts.policyOf(claim.policyId)),
  ]);
  const contracts = policy ? [policy.zkEvidence, policy.teeEvidence, policy.quorumEvidence] : [];
  const contract = contracts.find((address) => address !== ZERO_ADDRESS);
  const model = contract && (await ask("model", () => facts.modelOf(contract, claim.modelId)));
  const keys = bundle.evidence.flatMap((one) => (one.kind === "tee" ? [one] : []));
  const enclaveKeys = await Promise.all(
    keys.map(async ({ key, enclaveEvidence }) => {
      const keyId = key.length === ADDRESS_CHARACTERS ? enclaveKeyIdOf(key) : key;
      const standing = await ask("evidence", () =>
        facts.enclaveStandingAt(enclaveEvidence, keyId, node.blockNumber),
      );
      return standing?.state === "active" ? [{ key, measurement: standing.measurement }] : [];
    }),
  );
  const isCommitted = committedAt !== undefined && committedAt > 0n;
  // Terms that the chain does not have may name contracts of anybody's making.
  const { policy: _, ...withoutTerms } = bundle;
  return {
    bundle: { ...withoutTerms, ...(policy ? { policy } : {}), ...(model ? { model } : {}) },
    facts: {
      ...(trust ? { trust } : {}),
      ...(header && isCommitted ? { batchIds: [batchIdOf(chain.domain, header)] } : {}),
      ...(committedAt === undefined ? {} : { committedAt }),
      enclaveKeys: enclaveKeys.flat(),
    },
    troubles,
  };
}

function bundleSteps(bundle: Bundle, isSigned: boolean, facts: Gathered["facts"]): Step[] {
  const left = [
    "finality",
    ...(isSigned ? [] : SIGNATURE_CHECKS),
    ...(bundle.inclusion === undefined ? ["inclusion"] : []),
  ];
  const steps = verifyBundle(bundle, facts)
    .checks.filter(({ name }) => !left.includes(name))
    .map((check) => stepOf(inWords(check), factsOf(check.name, bundle, facts)));
  const unsigned = isSigned ? [] : [noReceipt()];
  if (bundle.inclusion === undefined) return [...steps, ...unsigned, notInBatch()];
  if (facts.committedAt !== 0n) return [...steps, ...unsigned];
  return [...steps.map((step) => (step.name === "commitment" ? neverCommitted(step) : step)), ...unsigned];
}

function inWords(check: Check): Check {
  const words = { valid: MEANINGS, "cannot tell": LACKS, invalid: {} as Record<string, string> }[
    check.verdict
  ];
  const reason = words[check.name];
  return reason === undefined ? check : { ...check, reason };
}

function factsOf(
  name: string,
  bundle: Bundle,
  { committedAt, trust }: Gathered["facts"],
): [string, string][] {
  const { receipt, inclusion, opening, model, policy, domain } = bundle;
  if (name === "claim id") return [["Claim id", receipt.claimId]];
  if (name === "receipt key") {
    const [key] = trust?.receiptKeys ?? [];
    if (typeof key !== "object") return [];
    return [
      ["Key", key.key],
      ["Valid from", utc(Number(key.validFrom))],
    ];
  }
  if (name === "inclusion" && inclusion) {
    return [
      ["Root", inclusion.header.root],
      [
        "Path",
        `${count(inclusion.proof.length, "hash", "hashes")}, leaf ${inclusion.index} of ${inclusion.header.count}`,
      ],
    ];
  }
  if (name === "commitment" && inclusion) {
    const at: [string, string][] = committedAt ? [["Committed", utc(Number(committedAt))]] : [];
    return [["Batch id", batchIdOf(domain, inclusion.header)], ...at];
  }
  if (name === "model" && model) return [["Specification's hash", model.specHash]];
  if (name === "policy" && policy) return [["Challenge window", `${policy.challengeWindowSeconds} s`]];
  if (name === "opening" && opening) return [["Input", `${opening.input.length} bytes`]];
  return [];
}

function troubled(step: Step, troubles: ReadonlyMap<string, string>): Step {
  const trouble = troubles.get(step.name.replace(/\[\d+\]$/, ""));
  if (trouble === undefined || step.finding !== "unknown") return step;
  return { ...step, reason: `The node did not say: ${trouble}` };
}

function nodeStep({ chain, blockNumber, blockSeconds }: TrustedNode): Step {
  return {
    ...{ name: "node", title: "Your node", finding: "checked" },
    reason: `It answers for chain ${chain.domain.chainId}, at block ${blockNumber} of ${utc(Number(blockSeconds))}.`,
    facts: [["Settlement", chain.domain.settlement]],
  };
}

function noReceipt(): Step {
  return {
    ...{ name: "receipt signature", title: "Receipt's signature", finding: "unknown" },
    reason: "Nobody showed the receipt here: whether the operator signed this claim is not known.",
    facts: [],
  };
}

function notInBatch(): Step {
  return {
    ...{ name: "commitment", title: "Batch on the chain", finding: "unknown" },
    reason:
      "The claim is in no batch yet, as far as was said: there is nothing on the chain to compare with.",
    facts: [],
  };
}

function neverCommitted(step: Step): Step {
  return {
    ...step,
    finding: "wrong",
    reason: "The chain has no batch of this header: the header was altered, or never committed.",
  };
}

interface ChainStatus {
  status?: Awaited<ReturnType<typeof statusOf>>;
  /** Of the evidence that the contract holds, as flags. */
  kinds?: number;
  trouble?: string;
}

async function chainStatus({ receipt, inclusion }: Bundle, { chain }: TrustedNode): Promise<ChainStatus> {
  if (inclusion === undefined) return {};
  try {
    const [status, kinds] = await Promise.all([
      statusOf(chain, receipt.claim, inclusion),
      evidenceKindsOf(chain, batchIdOf(chain.domain, inclusion.header), inclusion.index),
    ]);
    return { status, kinds };
  } catch (error) {
    return { trouble: nodeTrouble(error) };
  }
}

function statusStep({ statedStatus, origin }: Subject, { status, trouble }: ChainStatus): Step[] {
  if (status === undefined && trouble === undefined) return [];
  const about = { name: "status", title: "Status on the chain", facts: [] };
  if (status === undefined) return [{ ...about, finding: "unknown", reason: sentence(trouble ?? "") }];
  if (status === "Unknown")
    return [
      {
        ...about,
        finding: "wrong",
        reason: "The contract does not find the claim at this place of this batch.",
      },
    ];
  if (statedStatus === status || (origin === "file" && statedStatus === undefined))
    return [{ ...about, finding: "checked", reason: `The contract says ${status}.` }];
  if (statedStatus !== undefined && isBehind(statedStatus, status))
    return [
      {
        ...about,
        finding: "unknown",
        reason: `The contract says ${status} already; here it still says ${statedStatus}.`,
      },
    ];
  return [
    { ...about, finding: "wrong", reason: `Here it says ${statedStatus}, and the contract says ${status}.` },
  ];
}

/** What it rests on that a claim is final: on nothing but the clock, on evidence that was verified, or on the chain's word. */
function finalityOf(
  { status, kinds }: ChainStatus,
  steps: readonly Step[],
  gaps: readonly Step[],
): Pick<Judgement, "finality"> {
  if (status !== "Final" || kinds === undefined) return {};
  if (kinds === 0) return { finality: "clock" };
  const isVerified =
    gaps.length === 0 && steps.every(({ name, finding }) => !isEvidence(name) || finding === "checked");
  return { finality: isVerified ? "evidence" : "chain" };
}

function isEvidence(name: string): boolean {
  return /^(evidence|missing|snarkjs)/.test(name);
}

/** Evidence that the contract holds and that nobody named: what is not shown has not been judged. */
function evidenceGaps(
  { bundle, origin }: Subject,
  { kinds = 0, status }: ChainStatus,
  judged: readonly Step[],
): Step[] {
  const isFinal = status === "Final";
  const lack =
    origin === "file" ? "the file does not hold it" : "no transaction that brought it is named here";
  return EVIDENCE_STEPS.filter(({ kind }) => (kinds & kind) !== 0).flatMap(({ kind, title, prefix }) => {
    const isInFile = bundle.evidence.some((one) => EVIDENCE_KINDS[one.kind] === kind);
    if (isInFile || judged.some(({ name }) => name.startsWith(prefix))) return [];
    return [
      {
        ...{ name: `missing ${prefix}`, title: "Evidence", finding: "unknown" as const },
        reason: `The contract holds ${title} for this claim, and ${lack}.${isFinal ? " That the claim is final is the chain's word alone." : ""}`,
        facts: [],
      },
    ];
  });
}
