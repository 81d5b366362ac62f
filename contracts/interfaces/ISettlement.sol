// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";
import {LeafState} from "../types/Leaf.sol";
import {EvidenceRule, Status} from "../types/Status.sol";
import {IOperators} from "./IOperators.sol";
import {IPolicies} from "./IPolicies.sol";

/// @title Settlement of inference claims
/// @notice Operators commit batches of claims, each backed by a locked bond. A claim becomes final by evidence or by
/// the clock, unless it is disproven, or somebody challenges it and nobody answers: then it is rejected and its bond
/// slashed.
///
/// Deadlines are exclusive: a right exists while `block.timestamp < deadline` and is gone at the deadline. So at every
/// moment exactly one of {challenge, finality}, of {answer, resolve} and of {reveal, resolveDemand} is possible.
///
/// Headers and claims travel as calldata; any altered field names another batch or claim. Functions that take a
/// `header`, a `claim`, an `index` and a `proof` revert with `BatchUnknown`, `ClaimNotInBatch` or `ClaimNotAnswerable`
/// when these do not belong together. Functions that take a `challenger` revert with `NotDisputedBy` when it is not the
/// one who challenged this very claim.
interface ISettlement is IOperators, IPolicies {
    /// @notice What a claim commits to: enough for anybody to compute the answer again.
    struct Opening {
        bytes32[] proof; // of the opening's leaf in the tree behind `dataRoot`
        bytes input;
        bytes32 salt;
        bytes output;
    }

    /// @notice A batch was committed; the whole header is in the event. Untouched claims are final at `finalAt`.
    event BatchCommitted(
        bytes32 indexed batchId,
        address indexed operator,
        bytes32 policyId,
        bytes32 modelId,
        bytes32 root,
        bytes32 dataRoot,
        uint32 count,
        uint64 oldestServedAt,
        uint64 nonce,
        uint40 finalAt
    );
    /// @notice An enclave signed for every claim of the batch; untouched claims are now final at `finalAt`.
    event BatchAttested(bytes32 indexed batchId, uint40 finalAt, uint32 source);
    /// @notice The enclave that attested the batch had been compromised; untouched claims are now final at `finalAt`.
    event BatchReopened(bytes32 indexed batchId, uint40 finalAt);
    /// @notice The guardian lengthened the challenge window of a batch.
    event ChallengeWindowLengthened(bytes32 indexed batchId, uint40 finalAt);
    /// @notice Somebody put a bond against a claim. It is rejected unless answered before `proveBy`.
    event ClaimChallenged(
        bytes32 indexed batchId,
        bytes32 indexed claimId,
        address indexed challenger,
        uint256 index,
        uint40 proveBy
    );
    /// @notice Evidence of one kind was accepted for a claim, unprompted or, with `paidWei` of challenge bond to the
    /// beneficiary, in answer to a challenge.
    event EvidenceAccepted(
        bytes32 indexed batchId,
        bytes32 indexed claimId,
        address indexed beneficiary,
        uint256 index,
        uint8 kind,
        uint32 source,
        uint256 paidWei
    );
    /// @notice Evidence of one kind counts no more. Unless disputed or proven otherwise, the claim is now final at
    /// `finalAt`.
    event ClaimReopened(bytes32 indexed batchId, bytes32 indexed claimId, uint256 index, uint8 kind, uint40 finalAt);
    /// @notice A proof showed that the true output is another.
    event ClaimDisproven(
        bytes32 indexed batchId,
        bytes32 indexed claimId,
        address indexed beneficiary,
        bytes32 trueOutputHash
    );
    /// @notice A claim was disproven or not answered in time. Its bond was slashed and split. `claimId` is zero where
    /// the claim was never shown.
    event ClaimRejected(
        bytes32 indexed batchId,
        bytes32 indexed claimId,
        address indexed operator,
        uint256 index,
        address rewarded,
        uint256 rewardedWei,
        uint256 requesterWei,
        uint256 burnWei
    );
    /// @notice A challenge ended without a loser; the challenger has its bond back.
    event ClaimVoided(bytes32 indexed batchId, bytes32 indexed claimId, address indexed challenger, uint256 index);
    /// @notice Somebody put a bond up to see the claim at `index`. It is rejected unless revealed before `revealBy`.
    event RevealDemanded(bytes32 indexed batchId, address indexed demander, uint256 index, uint40 revealBy);
    /// @notice A claim was revealed, with its path in the tree, and its opening under a policy of public data: all that
    /// a challenge needs. It can be challenged until `finalAt` at least, and as long as the batch's others can.
    event ClaimRevealed(
        bytes32 indexed batchId,
        bytes32 indexed claimId,
        uint256 index,
        Claim claim,
        bytes32[] proof,
        Opening opening,
        uint40 finalAt
    );
    /// @notice The guardian lengthened the time to answer a challenge or a demand.
    event DeadlineLengthened(bytes32 indexed batchId, uint256 indexed index, uint40 deadline);
    /// @notice The bonds of a batch's surviving claims are free again.
    event BatchReleased(bytes32 indexed batchId, address indexed operator, uint256 unlockedWei);
    /// @notice A final claim's output can be read by its claim id.
    event OutputRecorded(bytes32 indexed claimId, bytes32 outputHash);
    /// @notice An operator did not keep a receipt, and paid with stake that no claim locks.
    event OperatorPenalised(
        address indexed operator,
        bytes32 indexed policyId,
        address indexed reporter,
        uint256 reporterWei,
        uint256 requesterWei,
        uint256 burnWei
    );
    /// @notice Nothing can be committed until `until`.
    event CommitsPaused(uint40 until);
    /// @notice Batches can be committed again.
    event CommitsResumed();

    /// @notice The batch has no claims, or more than the protocol allows.
    error BadCount(uint256 count, uint256 max);
    /// @notice `oldestServedAt` lies in the future, or after the policy was closed.
    error BadServedAt(uint64 oldestServedAt);
    /// @notice Commits are paused until `until`.
    error CommitPaused(uint40 until);
    /// @notice The pause is empty, too long, or too soon after the last one.
    error BadPause(uint40 until);
    /// @notice Under the policy a batch has to commit to its openings.
    error DataRootMissing(bytes32 policyId);
    /// @notice The batch was already committed.
    error BatchKnown(bytes32 batchId);
    /// @notice The batch was never committed: some field of the header is not what was committed.
    error BatchUnknown(bytes32 batchId);
    /// @notice The claim is not at this index of this batch, or not under the header's operator, policy, model and
    /// time.
    error ClaimNotInBatch(bytes32 batchId, bytes32 claimId, uint256 index);
    /// @notice The model and the policy share no kind of evidence, so that nobody could answer a challenge.
    error ClaimNotAnswerable(bytes32 modelId, bytes32 policyId);
    /// @notice The claim's status does not allow this.
    error WrongStatus(bytes32 id, Status status);
    /// @notice The claim stands lower than the caller demands, or is disputed, rejected or voided.
    error StatusTooLow(bytes32 claimId, Status status, Status atLeast);
    /// @notice Only `Committed`, `Attested`, `Proven` and `Final` can be demanded.
    error BadLevel(Status atLeast);
    /// @notice The claim was challenged before; once in its life is the limit.
    error AlreadyChallenged(bytes32 claimId);
    /// @notice The leaf is not under such a dispute, or it is about another claim or was opened by somebody else.
    error NotDisputedBy(bytes32 batchId, uint256 index, address opener);
    /// @notice The time to answer or reveal ended at `deadline`.
    error TooLate(bytes32 id, uint40 deadline);
    /// @notice The dispute can still be answered, until `deadline`.
    error TooEarly(bytes32 id, uint40 deadline);
    /// @notice The policy names no evidence of this kind, or does not accept it as an answer to a challenge.
    error EvidenceKindNotAccepted(bytes32 policyId, uint8 kind);
    /// @notice Evidence of this kind was accepted for this claim, or for its whole batch, before.
    error EvidenceKnown(bytes32 id, uint8 kind);
    /// @notice The evidence contract did not return its magic value.
    error EvidenceRejected(uint8 kind);
    /// @notice The output that is said to be true is the one that was claimed.
    error SameOutput(bytes32 outputHash);
    /// @notice The means to answer are where they were when the claim was served.
    error NotFaulted(bytes32 claimId);
    /// @notice Nobody has said that the source of the evidence was compromised when it was accepted.
    error NotCompromised(bytes32 id, uint32 source);
    /// @notice A batch of several models cannot be attested whole.
    error MixedBatch(bytes32 batchId);
    /// @notice The batch is final for every claim already.
    error BatchFinal(bytes32 batchId, uint40 finalAt);
    /// @notice The batch's bonds are free at `freeAt`, and when no dispute is open.
    error BatchOpen(bytes32 batchId, uint40 freeAt, uint256 openDisputes);
    /// @notice The opening is too long, or not the one that the batch committed to.
    error BadOpening(bytes32 batchId, uint256 index);
    /// @notice A lengthened deadline must be later, and not beyond `max`.
    error BadDeadline(uint40 deadline, uint40 max);
    /// @notice The output is the one word that a record cannot hold.
    error Unrecordable(bytes32 claimId);
    /// @notice Nobody has recorded the claim's output.
    error NotRecorded(bytes32 claimId);
    /// @notice Only the Receipts contract may call this.
    error NotReceipts(address caller);

    /// @notice Commits a batch and locks `count` claim bonds of the operator's stake. For the operator and its senders.
    /// @dev Reverts with `InsufficientStake` when the stake does not cover every open claim: the exposure cap. Under a
    /// closed policy, batches with work from before the closing can be committed for a day and an hour more. Claims
    /// served after the block's time are not members: an operator must not commit by a clock that runs ahead.
    function commit(BatchHeader calldata header) external;

    /// @notice Frees the bonds of batches that are final and undisputed. Anybody may. Batches released before are
    /// passed over, so that nobody can make another's call fail by releasing one of them first.
    function release(BatchHeader[] calldata headers) external;

    /// @notice Challenges a claim that is `Committed` or `Attested`, with the policy's challenge bond: as `msg.value`,
    /// or taken from the caller where the policy names a token. It must be answered within the policy's prove window,
    /// however late in the challenge window it is opened; each dispute already open in the batch gives a minute more.
    function challenge(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external payable;

    /// @notice Brings evidence for a claim that nobody challenges.
    /// @param kind One kind of evidence that the policy names, as an `EvidenceKind` flag.
    /// @param beneficiary The address bound inside the evidence.
    function prove(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        uint8 kind,
        address beneficiary,
        bytes calldata evidence
    ) external;

    /// @notice Brings evidence for a challenged claim. The challenge bond is credited to `beneficiary`.
    /// @dev The header and the Merkle proof were checked by the challenge; the stored word binds claim and challenger.
    function answer(
        bytes32 batchId,
        Claim calldata claim,
        uint256 index,
        address challenger,
        uint8 kind,
        address beneficiary,
        bytes calldata evidence
    ) external;

    /// @notice Rejects a challenged claim whose prove window has passed, slashes its bond and credits challenger and
    /// requester. Anybody may.
    function resolve(bytes32 batchId, Claim calldata claim, uint256 index, address challenger) external;

    /// @notice Rejects a claim at once by a proof that the same model maps the same input to another output. Needs no
    /// bond; `beneficiary` has the challenger's share. A challenger that was there first has its bond back.
    /// @dev The proof is one for the claim's twin: the same claim with `trueOutputHash`, in every other field equal.
    /// @param challenger Who challenged the claim; not read where nobody did.
    function disprove(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        address challenger,
        bytes32 trueOutputHash,
        address beneficiary,
        bytes calldata evidence
    ) external;

    /// @notice Ends a challenge without a loser. For the operator and its senders, while it can be answered, when the
    /// means to answer were taken away since the claim was served, for every kind of evidence that could have answered.
    /// The guardian may at any time before the deadline: it can refund, not redirect.
    function voidChallenge(bytes32 batchId, Claim calldata claim, uint256 index, address challenger) external;

    /// @notice Demands to see the claim at `index` of a batch whose data is withheld, with the policy's challenge bond,
    /// which goes to the operator when somebody reveals it.
    function demandReveal(BatchHeader calldata header, uint256 index) external payable;

    /// @notice Shows a claim, and under a policy of public data its opening. Anybody may who has it: on demand, or
    /// unasked while a prove window is left of its challenge window and nothing has happened to it. It can be
    /// challenged for a prove window from now at least. A consumer that has it shown, or looks that it was, need not
    /// care whether the operator published its data.
    function reveal(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        Opening calldata opening
    ) external;

    /// @notice Rejects a claim that was not shown in time. Anybody may. The requester's share is burnt: nobody knows
    /// it.
    function resolveDemand(BatchHeader calldata header, uint256 index, address demander) external;

    /// @notice Brings an enclave's signature for every claim of a batch of one model. Anybody may.
    function attestBatch(BatchHeader calldata header, bytes calldata evidence) external;

    /// @notice Takes back the attestation of a batch that is not final, when the enclave that gave it is known to have
    /// been compromised by then. Anybody may. The challenge window is what it was, but no shorter than the attested
    /// one. Under `TeeAndZk` only while nothing has happened to any claim of the batch: one with a proof would be
    /// final.
    function reopenBatch(BatchHeader calldata header) external;

    /// @notice Takes back evidence of one claim that is not final: of an enclave that is known to have been compromised
    /// when it was accepted, or of a proof whose key has proven contradictions. Anybody may. A claim that was answered
    /// by it can be challenged again, for a prove window at least.
    /// @param kind The kind of the evidence, `EvidenceKind.TEE` or `EvidenceKind.ZK`.
    function reopenClaim(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        uint8 kind
    ) external;

    /// @notice Writes the output of a final claim under its claim id, for consumers that want it by one read. Anybody
    /// may.
    function record(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice Stops commits until `until`. Restricted to the guardian. Everything else goes on.
    function pauseCommits(uint40 until) external;

    /// @notice Ends a pause. Restricted to the guardian.
    function resumeCommits() external;

    /// @notice Closes a policy to new work. Restricted to the guardian.
    function closePolicy(bytes32 policyId) external;

    /// @notice Lengthens the challenge window of a batch that is not final, by up to `MAX_LENGTHENING_SECONDS` beyond
    /// what the policy says. Restricted to the guardian: for outages.
    function lengthenChallengeWindow(BatchHeader calldata header, uint40 finalAt_) external;

    /// @notice Lengthens the time to answer an open dispute, up to a bound that is known when the batch is committed.
    /// Restricted to the guardian: for outages.
    function lengthenDeadline(BatchHeader calldata header, uint256 index, uint40 deadline) external;

    /// @notice Takes a claim bond of the policy out of what no claim locks of an operator's stake, as far as there is
    /// any. A quarter of it is split as the policy says, the rest is burnt. For the Receipts contract alone.
    function penalise(bytes32 policyId, address operator, address reporter, address requester) external;

    /// @notice Where receipts are kept to.
    function RECEIPTS() external view returns (address);

    /// @notice The status of a claim, now.
    /// @dev `Unknown` when the batch was never committed or the claim is not in it; never reverts on well-formed input.
    function statusOf(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (Status);

    /// @notice Reverts with `StatusTooLow` unless the claim stands at `atLeast` or higher on the ladder.
    /// @dev `Proven` is also passed by a claim that the clock has made final. A claim has a status for each batch it is
    /// in: one that was rejected in one batch may stand in another, with another bond behind it.
    function requireStatus(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        Status atLeast
    ) external view;

    /// @notice When the batch that the claim is in was committed. Zero: it is not in it.
    function inclusionOf(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (uint40 committedAt);

    /// @notice The recorded output of a final claim. Reverts with `NotRecorded`.
    function recordedOutputOf(bytes32 claimId) external view returns (bytes32 outputHash);

    /// @notice When the clock makes the untouched claims of a batch final. Zero: never committed.
    function finalAt(bytes32 batchId) external view returns (uint40);

    /// @notice What is stored of a batch. All zero: never committed.
    function batchOf(
        bytes32 batchId
    )
        external
        view
        returns (
            uint40 committedAt,
            uint40 attestedAt,
            uint40 batchFinalAt,
            uint40 heldUntil,
            uint32 source,
            uint32 touched,
            uint32 disputed,
            uint32 rejected,
            bool released,
            EvidenceRule rule
        );

    /// @notice What is stored of one leaf; see `Leaf` for what deadline and tag mean. All zero: nothing happened to it.
    function leafOf(
        bytes32 batchId,
        uint256 index
    ) external view returns (LeafState state, uint8 kinds, uint40 deadline, uint200 tag);

    /// @notice The last pause of commits, its end exclusive. Zero: never.
    function pauseOf() external view returns (uint40 from, uint40 until);

    /// @notice The claim id: its EIP-712 digest.
    function claimIdOf(Claim calldata claim) external view returns (bytes32);

    /// @notice The batch id: the EIP-712 digest of the header.
    function batchIdOf(BatchHeader calldata header) external view returns (bytes32);
}
