// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";
import {EvidenceRule, Status} from "../types/Status.sol";
import {IOperators} from "./IOperators.sol";

/// @title Settlement of inference claims
/// @notice Operators commit batches of claims, each backed by a locked bond. A claim becomes final by evidence or by
/// the clock, unless somebody challenges it and nobody answers: then it is rejected and its bond slashed.
///
/// Deadlines are exclusive: a right exists while `block.timestamp < deadline` and is gone at the deadline. So at every
/// moment exactly one of {challenge, finality} and exactly one of {answer, resolve} is possible.
///
/// Headers and claims travel as calldata; any altered field names another batch or claim. Functions that take a
/// `header`, a `claim`, an `index` and a `proof` revert with `BatchUnknown`, `ClaimNotInBatch` or `ClaimNotAnswerable`
/// when these do not belong together.
interface ISettlement is IOperators {
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
    event BatchAttested(bytes32 indexed batchId, uint40 finalAt);
    /// @notice Somebody put a bond against a claim. It is rejected unless answered before `proveBy`.
    event ClaimChallenged(
        bytes32 indexed batchId,
        bytes32 indexed claimId,
        address indexed challenger,
        uint256 index,
        uint40 proveBy
    );
    /// @notice Evidence of one kind was accepted for a claim, unprompted or in answer to a challenge.
    event EvidenceAccepted(
        bytes32 indexed batchId,
        bytes32 indexed claimId,
        address indexed beneficiary,
        uint256 index,
        uint8 kind
    );
    /// @notice A challenged claim was not answered in time. Its bond was slashed and split.
    event ClaimRejected(
        bytes32 indexed batchId,
        bytes32 indexed claimId,
        address indexed operator,
        uint256 index,
        uint256 challengerWei,
        uint256 requesterWei,
        uint256 burnWei
    );
    /// @notice The bonds of a batch's surviving claims are free again.
    event BatchReleased(bytes32 indexed batchId, address indexed operator, uint256 unlockedWei);

    /// @notice The batch has no claims, or more than the protocol allows.
    error BadCount(uint256 count, uint256 max);
    /// @notice `oldestServedAt` lies in the future.
    error ServedInFuture(uint64 oldestServedAt);
    /// @notice The policy was never registered, or it was retired.
    error PolicyNotOpen(bytes32 policyId);
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
    error WrongStatus(bytes32 claimId, Status status);
    /// @notice The claim stands lower than the caller demands, or is challenged or rejected.
    error StatusTooLow(bytes32 claimId, Status status, Status atLeast);
    /// @notice The claim was challenged before; once in its life is the limit.
    error AlreadyChallenged(bytes32 claimId);
    /// @notice The policy asks for exactly `requiredWei`.
    error WrongChallengeBond(uint256 paidWei, uint256 requiredWei);
    /// @notice The time to answer ended at `proveBy`.
    error AnswerTooLate(bytes32 claimId, uint40 proveBy);
    /// @notice The challenge can still be answered, until `proveBy`.
    error ResolveTooEarly(bytes32 claimId, uint40 proveBy);
    /// @notice The policy names no evidence of this kind, or does not accept it as an answer to a challenge.
    error EvidenceKindNotAccepted(bytes32 policyId, uint8 kind);
    /// @notice Evidence of this kind was accepted for this claim, or for its whole batch, before.
    error EvidenceKnown(bytes32 id, uint8 kind);
    /// @notice The evidence contract did not return its magic value.
    error EvidenceRejected(uint8 kind);
    /// @notice A batch of several models cannot be attested whole.
    error MixedBatch(bytes32 batchId);
    /// @notice The batch is final for every claim already.
    error BatchFinal(bytes32 batchId, uint40 finalAt);
    /// @notice The batch's bonds are free at `finalAt`, and when no challenge is open.
    error BatchOpen(bytes32 batchId, uint40 finalAt, uint256 openChallenges);
    /// @notice The bonds were freed before.
    error BatchAlreadyReleased(bytes32 batchId);

    /// @notice Commits a batch and locks `count` claim bonds of the operator's stake.
    /// @dev Reverts with `InsufficientStake` when the stake does not cover every open claim: the exposure cap.
    function commit(BatchHeader calldata header) external;

    /// @notice Challenges a claim that is `Committed` or `Attested`, with the policy's challenge bond as `msg.value`.
    /// It must be answered within the policy's prove window, however late in the challenge window it is opened.
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
    /// @dev The header and the Merkle proof were checked by the challenge; the stored word is keyed by batch, index
    /// and claim id.
    function answer(
        bytes32 batchId,
        Claim calldata claim,
        uint256 index,
        uint8 kind,
        address beneficiary,
        bytes calldata evidence
    ) external;

    /// @notice Brings an enclave's signature for every claim of a batch of one model. Anybody may.
    function attestBatch(BatchHeader calldata header, bytes calldata evidence) external;

    /// @notice Rejects a challenged claim whose prove window has passed, slashes its bond and credits challenger and
    /// requester. Anybody may.
    function resolve(bytes32 batchId, Claim calldata claim, uint256 index) external;

    /// @notice Frees the bonds of final batches. Anybody may.
    function release(BatchHeader[] calldata headers) external;

    /// @notice The status of a claim, now.
    /// @dev `Unknown` when the batch was never committed or the claim is not in it; never reverts on well-formed input.
    function statusOf(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (Status);

    /// @notice Reverts with `StatusTooLow` unless the claim stands at `atLeast` or higher on the ladder.
    function requireStatus(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        Status atLeast
    ) external view;

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
            uint40 finalAt_,
            uint32 touched,
            uint32 challenged,
            uint32 rejected,
            bool released,
            EvidenceRule rule
        );

    /// @notice What is stored of one claim: `Challenged` or `Rejected`, or `Unknown` when it never was; who challenged
    /// it; until when it can be answered; the kinds of evidence accepted for it alone.
    function claimOf(
        bytes32 batchId,
        uint256 index,
        bytes32 claimId
    ) external view returns (Status status, address challenger, uint40 proveBy, uint8 kinds);

    /// @notice The claim id: its EIP-712 digest.
    function claimIdOf(Claim calldata claim) external view returns (bytes32);

    /// @notice The batch id: the EIP-712 digest of the header.
    function batchIdOf(BatchHeader calldata header) external view returns (bytes32);
}
