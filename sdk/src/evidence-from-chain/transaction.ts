// SPDX-License-Identifier: MIT
import { type BatchHeader, batchId } from "../batch.ts";
import { CLAIM_TUPLE, HEADER_TUPLE } from "../chain/abi.ts";
import { type Claim, claimId } from "../claim.ts";
import type { SettlementDomain } from "../domain.ts";
import { MeantimeError } from "../errors.ts";
import type { Groth16Batch, ProvenStatement } from "../groth16-batch.ts";
import { type Address, type Hex, keccak256Text } from "../hex.ts";
import {
  type AbiWords,
  addressAt,
  argumentsOf,
  bytesAt,
  CLAIM_WORDS,
  claimAt,
  elementsOf,
  HEADER_WORDS,
  hashAt,
  hashesAt,
  headerAt,
  lengthOf,
  pointedAt,
  uintAt,
} from "./abi-reader.ts";
import { type Acceptance, acceptedIn, type ChainLog, kindName } from "./acceptance.ts";

/** A transaction, as far as it matters here. */
export interface ChainTransaction {
  /** Null: it made a contract. */
  to: Address | null;
  /** Its calldata. */
  input: Hex;
  /** The logs of its receipt. Without them nobody can say what was accepted. */
  logs?: readonly ChainLog[];
}

/** Evidence for one claim. */
export interface ClaimEvidence {
  kind: "zk" | "tee-claim" | "quorum";
  batchId: Hex;
  claim: Claim;
  claimId: Hex;
  index: bigint;
  /** As it was passed; an answer names the batch by its id alone. */
  header?: BatchHeader;
  /** The path from the claim to the header's root, where the header was passed. */
  path?: readonly Hex[];
  beneficiary: Address;
  /** The proof, the enclave's signature, or the committee's signatures. Empty where `judged` has the proof. */
  evidence: Hex;
  /** The proofs that were judged together in this transaction. */
  judged?: JudgedProofs;
}

/** An enclave's signature for a whole batch. */
export interface BatchEvidence {
  kind: "tee-batch";
  batchId: Hex;
  header: BatchHeader;
  evidence: Hex;
}

/** A proof of the claim's twin: the same claim with the output that is true. */
export interface Counterproof extends Omit<ClaimEvidence, "kind"> {
  kind: "counterproof";
  header: BatchHeader;
  trueOutputHash: Hex;
}

/** Evidence that a transaction brought. */
export type BroughtEvidence = (ClaimEvidence | BatchEvidence | Counterproof) & {
  /** Other bytes of another contract's calldata that say they are the same evidence. */
  lookalikes?: readonly BroughtEvidence[];
};

/** Proofs that `IProofBatch.judge` was given. */
export interface JudgedProofs extends Groth16Batch {
  keyId: Hex;
}

/** What a transaction brought. */
export interface EvidenceInTransaction {
  /** With logs: what Settlement accepted. Without: what the transaction tried to bring. */
  brought: BroughtEvidence[];
  /** What Settlement accepted and the calldata does not show: another contract made it. */
  unexplained: Acceptance[];
}

const SELECTOR_DIGITS = 8;
const IN_BATCH = `${HEADER_TUPLE},${CLAIM_TUPLE},uint256,bytes32[]`;
const SELECTORS = {
  prove: selectorOf(`prove(${IN_BATCH},uint8,address,bytes)`),
  answer: selectorOf(`answer(bytes32,${CLAIM_TUPLE},uint256,address,uint8,address,bytes)`),
  disprove: selectorOf(`disprove(${IN_BATCH},address,bytes32,address,bytes)`),
  attestBatch: selectorOf(`attestBatch(${HEADER_TUPLE},bytes)`),
  judgeAndCall: selectorOf(
    "judgeAndCall(bytes32,(bytes32,bytes32,uint256,uint256[6])[],uint256[2],address,bytes[])",
  ),
};
const STATEMENT_WORDS = 9;

/**
 * Which evidence a transaction brought to Settlement: by `prove`, `answer`, `disprove` and `attestBatch`, also within
 * `IProofBatch.judgeAndCall` and, where logs show that it was accepted, within the calldata of any other contract. What it
 * returns is decoded and no more: `checkEvidence` judges it. Throws nothing: calldata that is none of these brings nothing.
 */
export function evidenceInTransaction(
  { to, input, logs }: ChainTransaction,
  domain: SettlementDomain,
): EvidenceInTransaction {
  const isDirect = to?.toLowerCase() === domain.settlement || input.startsWith(SELECTORS.judgeAndCall);
  const direct = isDirect ? decodeCall(input.toLowerCase() as Hex, domain) : [];
  if (logs === undefined) return { brought: direct, unexplained: [] };

  const accepted = acceptedIn(logs, domain.settlement);
  const missing = accepted.some((one) => !direct.some((brought) => isOf(one, brought)));
  const candidates = missing ? [...direct, ...callsWithin(input.toLowerCase() as Hex, domain)] : direct;
  const found = accepted.map((one) => {
    const [first, ...lookalikes] = candidates.filter((brought) => isOf(one, brought));
    return first && lookalikes.length > 0 ? { ...first, lookalikes } : first;
  });
  return {
    brought: found.filter((one) => one !== undefined),
    unexplained: accepted.filter((_, at) => found[at] === undefined),
  };
}

function decodeCall(input: Hex, domain: SettlementDomain, judged?: JudgedProofs): BroughtEvidence[] {
  try {
    const words = argumentsOf(input);
    switch (input.slice(0, 2 + SELECTOR_DIGITS)) {
      case SELECTORS.prove:
        return decodeProve(words, domain, judged);
      case SELECTORS.answer:
        return decodeAnswer(words, domain, judged);
      case SELECTORS.disprove:
        return [decodeDisprove(words, domain, judged)];
      case SELECTORS.attestBatch:
        return [decodeAttestation(words, domain)];
      case SELECTORS.judgeAndCall:
        return judged === undefined ? decodeJudged(words, domain) : [];
      default:
        return [];
    }
  } catch (error) {
    if (error instanceof MeantimeError) return [];
    throw error;
  }
}

function decodeProve(words: AbiWords, domain: SettlementDomain, judged?: JudgedProofs): ClaimEvidence[] {
  const { next, ...place } = placeAt(words, domain);
  const kind = kindName(Number(uintAt(words, next, 8)));
  if (kind === undefined) return [];
  const beneficiary = addressAt(words, next + 1);
  return [{ kind, ...place, beneficiary, ...proofAt(words, next + 2, judged) }];
}

function decodeAnswer(words: AbiWords, domain: SettlementDomain, judged?: JudgedProofs): ClaimEvidence[] {
  const claim = claimAt(words, 1);
  const after = 1 + CLAIM_WORDS;
  const kind = kindName(Number(uintAt(words, after + 2, 8)));
  if (kind === undefined) return [];
  return [
    {
      ...{ kind, batchId: hashAt(words, 0), claim, claimId: claimId(domain, claim) },
      ...{ index: uintAt(words, after), beneficiary: addressAt(words, after + 3) },
      ...proofAt(words, after + 4, judged),
    },
  ];
}

function decodeDisprove(words: AbiWords, domain: SettlementDomain, judged?: JudgedProofs): Counterproof {
  const { next, ...place } = placeAt(words, domain);
  return {
    ...{ kind: "counterproof", ...place, trueOutputHash: hashAt(words, next + 1) },
    ...{ beneficiary: addressAt(words, next + 2), ...proofAt(words, next + 3, judged) },
  };
}

function decodeAttestation(words: AbiWords, domain: SettlementDomain): BatchEvidence {
  const header = headerAt(words, 0);
  const evidence = bytesAt(words, HEADER_WORDS);
  return { kind: "tee-batch", batchId: batchId(domain, header), header, evidence };
}

function decodeJudged(words: AbiWords, domain: SettlementDomain): BroughtEvidence[] {
  if (addressAt(words, 4) !== domain.settlement) return [];
  const list = pointedAt(words, 1);
  const entries = elementsOf(list);
  const statements = Array.from({ length: lengthOf(list) }, (_, place) => {
    const at = place * STATEMENT_WORDS;
    const word = (offset: number) => uintAt(entries, at + 3 + offset);
    const statement: ProvenStatement = {
      ...{
        inputHash: hashAt(entries, at),
        outputHash: hashAt(entries, at + 1),
        ctx: uintAt(entries, at + 2),
      },
      proof: [word(0), word(1), word(2), word(3), word(4), word(5)],
    };
    return statement;
  });
  const foldedC: [bigint, bigint] = [uintAt(words, 2), uintAt(words, 3)];
  const judged = { keyId: hashAt(words, 0), statements, foldedC };
  const calls = pointedAt(words, 5);
  const inner = elementsOf(calls);
  return Array.from({ length: lengthOf(calls) }, (_, at) => bytesAt(inner, at)).flatMap((call) =>
    decodeCall(call, domain, judged),
  );
}

/** Header, claim, index and path, as most functions take them first; `next` is the word behind. */
function placeAt(words: AbiWords, domain: SettlementDomain) {
  const header = headerAt(words, 0);
  const claim = claimAt(words, HEADER_WORDS);
  const at = HEADER_WORDS + CLAIM_WORDS;
  return {
    ...{ batchId: batchId(domain, header), header, claim, claimId: claimId(domain, claim) },
    ...{ index: uintAt(words, at), path: hashesAt(words, at + 1), next: at + 2 },
  };
}

function proofAt(words: AbiWords, word: number, judged: JudgedProofs | undefined) {
  const evidence = bytesAt(words, word);
  return { evidence, ...(evidence === "0x" && judged !== undefined ? { judged } : {}) };
}

/** Calls that lie somewhere in the calldata of another contract, such as a multicall. */
function* callsWithin(input: Hex, domain: SettlementDomain): Generator<BroughtEvidence> {
  const selectors = new Set(Object.values(SELECTORS).map((selector) => selector.slice(2)));
  for (let at = 2; at + SELECTOR_DIGITS <= input.length; at += 2) {
    if (!selectors.has(input.slice(at, at + SELECTOR_DIGITS))) continue;
    yield* decodeCall(`0x${input.slice(at)}`, domain);
  }
}

function isOf(accepted: Acceptance, brought: BroughtEvidence): boolean {
  if (accepted.batchId !== brought.batchId || accepted.kind !== brought.kind) return false;
  if (accepted.kind === "tee-batch" || brought.kind === "tee-batch") return true;
  if (accepted.claimId !== brought.claimId || accepted.beneficiary !== brought.beneficiary) return false;
  if (accepted.kind === "counterproof") {
    return brought.kind === "counterproof" && accepted.trueOutputHash === brought.trueOutputHash;
  }
  return accepted.index === brought.index;
}

function selectorOf(signature: string): Hex {
  return keccak256Text(signature).slice(0, 2 + SELECTOR_DIGITS) as Hex;
}
