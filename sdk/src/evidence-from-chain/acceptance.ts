// SPDX-License-Identifier: MIT
import { type Address, type Hex, keccak256Text } from "../hex.ts";
import { EVIDENCE_KINDS } from "../policy.ts";
import { addressAt, hashAt, returnedBy, uintAt } from "./abi-reader.ts";

/** A log as nodes give it. */
export interface ChainLog {
  address: Address;
  topics: readonly Hex[];
  data: Hex;
}

/** What evidence is for, by the words of the index API. */
export type EvidenceKindName = "zk" | "tee-claim" | "quorum" | "tee-batch" | "counterproof";

/** What Settlement says it accepted. */
export type Acceptance =
  | {
      kind: "zk" | "tee-claim" | "quorum";
      batchId: Hex;
      claimId: Hex;
      index: bigint;
      beneficiary: Address;
      /** Number of the enclave's key; zero for other kinds. */
      source: number;
      /** Of a challenge bond; zero: nobody had challenged. */
      paidWei: bigint;
    }
  | { kind: "tee-batch"; batchId: Hex; source: number }
  | { kind: "counterproof"; batchId: Hex; claimId: Hex; beneficiary: Address; trueOutputHash: Hex };

const EVIDENCE_ACCEPTED = keccak256Text(
  "EvidenceAccepted(bytes32,bytes32,address,uint256,uint8,uint32,uint256)",
);
const BATCH_ATTESTED = keccak256Text("BatchAttested(bytes32,uint40,uint32)");
const CLAIM_DISPROVEN = keccak256Text("ClaimDisproven(bytes32,bytes32,address,bytes32)");

/** What some logs of one transaction say was accepted at this Settlement, in their order. Other logs are passed over. */
export function acceptedIn(logs: readonly ChainLog[], settlement: Address): Acceptance[] {
  return logs.flatMap((log) => (log.address.toLowerCase() === settlement ? (acceptance(log) ?? []) : []));
}

function acceptance({ topics, data }: ChainLog): Acceptance | undefined {
  const indexed = returnedBy(`0x${topics.map((topic) => topic.slice(2)).join("")}`);
  const words = returnedBy(data);
  switch (topics[0]) {
    case EVIDENCE_ACCEPTED: {
      const kind = kindName(Number(uintAt(words, 1, 8)));
      if (kind === undefined) return undefined;
      return {
        ...{ kind, batchId: hashAt(indexed, 1), claimId: hashAt(indexed, 2) },
        ...{ beneficiary: addressAt(indexed, 3), index: uintAt(words, 0) },
        ...{ source: Number(uintAt(words, 2, 32)), paidWei: uintAt(words, 3) },
      };
    }
    case BATCH_ATTESTED:
      return { kind: "tee-batch", batchId: hashAt(indexed, 1), source: Number(uintAt(words, 1, 32)) };
    case CLAIM_DISPROVEN:
      return {
        ...{ kind: "counterproof", batchId: hashAt(indexed, 1), claimId: hashAt(indexed, 2) },
        ...{ beneficiary: addressAt(indexed, 3), trueOutputHash: hashAt(words, 0) },
      };
    default:
      return undefined;
  }
}

/** The name of one flag of `EVIDENCE_KINDS`, brought for one claim. */
export function kindName(kind: number): "zk" | "tee-claim" | "quorum" | undefined {
  if (kind === EVIDENCE_KINDS.zk) return "zk";
  if (kind === EVIDENCE_KINDS.tee) return "tee-claim";
  return kind === EVIDENCE_KINDS.quorum ? "quorum" : undefined;
}
