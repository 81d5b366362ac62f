// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEvidence} from "./interfaces/IEvidence.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Limits} from "./Limits.sol";
import {BatchHeader, BatchLib, BatchWord} from "./types/Batch.sol";
import {Book, Terms} from "./types/Book.sol";
import {Leaf, LeafLib, LeafState} from "./types/Leaf.sol";
import {CommitTerms} from "./types/Policy.sol";
import {PositionTree} from "./types/PositionTree.sol";
import {Standing} from "./types/Standing.sol";
import {EvidenceKind, EvidenceRule, Status} from "./types/Status.sol";

/// @title Setbacks
/// @notice What becomes of batches and claims when data is withheld, when evidence turns out worthless or the means to
/// give it were taken away, and when an outage keeps people from acting.
/// @dev Linked into `Settlement` and run on its storage; the address is part of its code. `Settlement` has checked who
/// calls, that the batch exists and that the claim is in it, and moves the money itself. It lies apart because no
/// ordinary claim needs it, and a contract's code is bounded. Called directly, what writes reverts, and what reads
/// finds nothing.
library Setbacks {
    /// @notice See `ISettlement.demandReveal`; the batch has a leaf at `index`, and the bond is still to be collected.
    function demandReveal(
        Book storage book,
        Terms storage terms,
        bytes32 batchId,
        bytes32 policyId,
        uint256 index
    ) external {
        BatchWord batch = book.batches[batchId];
        (bytes32 key, Leaf leaf) = book.leafAt(batchId, index);
        // In every other state the claim was shown by whoever disputed it.
        if (!leaf.isIn(LeafState.Quiet)) Standing.revertWrongStatus(batch, leaf, batchId);
        Standing.requireDisputable(batch, leaf, batchId);

        uint40 revealBy = Standing.disputeDeadline(batch, terms.dispute[policyId]);
        book.batches[batchId] = Standing.touched(batch, leaf).openDispute();
        book.leaves[key] = leaf.enter(LeafState.Demanded, revealBy, LeafLib.demandTagOf(msg.sender, leaf.tag()));
        emit ISettlement.RevealDemanded(batchId, msg.sender, index, revealBy);
    }

    /// @notice See `ISettlement.reveal`; the claim stands at `index` of the batch.
    /// @return challengeableUntil Until when the claim can be challenged.
    /// @return demanded Whether somebody had put up a bond to see it.
    function reveal(
        Book storage book,
        Terms storage terms,
        bytes32 batchId,
        bytes32 claimId,
        BatchHeader calldata header,
        uint256 index,
        ISettlement.Opening calldata opening
    ) external returns (uint40 challengeableUntil, bool demanded) {
        if (terms.commit[header.policyId].publicData()) _requireOpening(header, batchId, index, opening);

        BatchWord batch = book.batches[batchId];
        (bytes32 key, Leaf leaf) = book.leafAt(batchId, index);
        challengeableUntil = Standing.finalAtOnceShown(batch, terms.dispute[header.policyId]);
        demanded = leaf.isIn(LeafState.Demanded);
        if (demanded) {
            Standing.requireBefore(leaf.deadline(), claimId);
            book.batches[batchId] = batch.closeDispute().hold(challengeableUntil);
            book.leaves[key] = leaf.enter(LeafState.Revealed, challengeableUntil, uint32(leaf.tag()));
        } else {
            if (!leaf.isZero()) Standing.revertWrongStatus(batch, leaf, claimId);
            // Nobody asked, and no bond pays for it: it puts off nothing. The claim goes on as its batch does.
            if (challengeableUntil != batch.finalAt()) revert ISettlement.TooLate(claimId, batch.finalAt());
            book.leaves[key] = leaf.enter(LeafState.Revealed, 0, 0);
        }
    }

    /// @notice See `ISettlement.reopenBatch`; the batch is not final.
    function reopenBatch(Book storage book, Terms storage terms, bytes32 batchId, bytes32 policyId) external {
        BatchWord batch = book.batches[batchId];
        _requireCompromised(terms, batchId, policyId, batch.source(), batch.attestedAt());
        // Some claim may be final by this attestation and a proof, and final stays final.
        if (batch.rule() == EvidenceRule.TeeAndZk && batch.touched() != 0) {
            revert ISettlement.WrongStatus(batchId, Status.Final);
        }

        uint40 finalAt = _finalAtOnceReopened(batch, terms.commit[policyId]);
        book.batches[batchId] = batch.unattest().withFinalAt(finalAt);
        emit ISettlement.BatchReopened(batchId, finalAt);
    }

    /// @notice See `ISettlement.reopenClaim`; the claim stands at `index` of the batch.
    function reopenClaim(
        Book storage book,
        Terms storage terms,
        bytes32 batchId,
        bytes32 claimId,
        uint256 index,
        bytes32 modelId,
        bytes32 policyId,
        uint8 kind
    ) external {
        BatchWord batch = book.batches[batchId];
        (bytes32 key, Leaf leaf) = book.leafAt(batchId, index);
        _requireTakenBack(terms, batch, leaf, claimId, modelId, policyId, kind);

        uint8 kinds = leaf.kinds() & ~kind;
        uint40 finalAt = Standing.finalAtOnceShown(batch, terms.dispute[policyId]);
        // What another kind has answered stays answered.
        bool answered = leaf.isIn(LeafState.Answered) && uint256(policyId) & kinds != 0;
        book.batches[batchId] = batch.hold(finalAt);
        leaf = leaf.withKinds(kinds);
        book.leaves[key] = answered ? leaf : leaf.enter(LeafState.Revealed, finalAt, leaf.tag());
        emit ISettlement.ClaimReopened(batchId, claimId, index, kind, finalAt);
    }

    /// @notice Whether every kind of evidence that could answer has lost its means since the claim was served. A
    /// receipt forces its operator to commit. How early it says it was served counts for no more than a receipt's time
    /// to be committed.
    /// @param pausedUntil When the last pause of commits ended, or will. Zero: never.
    function isFaulted(
        Terms storage terms,
        bytes32 modelId,
        bytes32 policyId,
        uint64 servedAt,
        uint40 committedAt,
        uint40 pausedUntil
    ) external view returns (bool) {
        uint256 since = uint256(committedAt) - Limits.HORIZON_SECONDS - Limits.COMMIT_GRACE_SECONDS;
        // A pause may have put the commit off by as much.
        if (pausedUntil > since) since -= Limits.MAX_PAUSE_SECONDS;
        if (servedAt > since) since = servedAt;
        uint8 kinds = EvidenceKind.shared(modelId, policyId);
        for (uint8 kind = EvidenceKind.ZK; kind <= EvidenceKind.QUORUM; kind <<= 1) {
            if (kinds & kind == 0) continue;
            if (_faultedAt(terms, policyId, kind, modelId) < since) return false;
        }
        return true;
    }

    /// @notice See `ISettlement.lengthenChallengeWindow`; the batch is not final.
    function lengthenChallengeWindow(
        Book storage book,
        Terms storage terms,
        bytes32 batchId,
        bytes32 policyId,
        uint40 finalAt
    ) external {
        BatchWord batch = book.batches[batchId];
        uint40 max = Standing.windowEnd(batch, terms.commit[policyId]) + Limits.MAX_LENGTHENING_SECONDS;
        _requireLengthened(batch.finalAt(), finalAt, max);
        book.batches[batchId] = batch.withFinalAt(finalAt);
        emit ISettlement.ChallengeWindowLengthened(batchId, finalAt);
    }

    /// @notice See `ISettlement.lengthenDeadline`; the batch exists.
    function lengthenDeadline(
        Book storage book,
        Terms storage terms,
        bytes32 batchId,
        bytes32 policyId,
        uint256 index,
        uint40 deadline
    ) external {
        BatchWord batch = book.batches[batchId];
        (bytes32 key, Leaf leaf) = book.leafAt(batchId, index);
        if (!leaf.isIn(LeafState.Challenged) && !leaf.isIn(LeafState.Demanded)) {
            Standing.revertWrongStatus(batch, leaf, batchId);
        }
        Standing.requireBefore(leaf.deadline(), batchId);
        uint40 max =
            Standing.windowEnd(batch, terms.commit[policyId]) +
                terms.dispute[policyId].proveWindowSeconds() +
                Limits.MAX_LOAD_SECONDS +
                Limits.MAX_LENGTHENING_SECONDS;
        _requireLengthened(leaf.deadline(), deadline, max);
        book.leaves[key] = leaf.withDeadline(deadline);
        emit ISettlement.DeadlineLengthened(batchId, index, deadline);
    }

    /// @dev Enclave evidence is taken back when its key was compromised by the time it was accepted, and while no proof
    /// stands. A proof is when its key has proven contradictions: all it ever proved is in doubt.
    function _requireTakenBack(
        Terms storage terms,
        BatchWord batch,
        Leaf leaf,
        bytes32 claimId,
        bytes32 modelId,
        bytes32 policyId,
        uint8 kind
    ) private view {
        bool isProof = kind == EvidenceKind.ZK;
        // One kind at a time: what another vouched for stays.
        if (!isProof && kind != EvidenceKind.TEE) revert ISettlement.EvidenceKindNotAccepted(policyId, kind);
        Status required = isProof ? Status.Proven : Status.Attested;
        Standing.requireStatus(batch, leaf, claimId, required, required);
        if (isProof) {
            if (_faultedAt(terms, policyId, kind, modelId) == 0) revert ISettlement.NotCompromised(claimId, 0);
            return;
        }
        // When a revealed claim was given evidence is not stored: any mark takes it back.
        uint40 acceptedAt = leaf.isIn(LeafState.Revealed) ? uint40(block.timestamp) : leaf.deadline();
        uint32 source = leaf.kinds() & EvidenceKind.TEE == 0 ? 0 : uint32(leaf.tag());
        _requireCompromised(terms, claimId, policyId, source, acceptedAt);
    }

    /// @dev Source zero vouches for nothing.
    function _requireCompromised(
        Terms storage terms,
        bytes32 id,
        bytes32 policyId,
        uint32 source,
        uint40 acceptedAt
    ) private view {
        address checker = terms.answer[policyId][EvidenceKind.TEE].evidence();
        uint40 since = source == 0 ? 0 : IEvidence(checker).compromisedSince(source);
        if (since == 0 || acceptedAt < since) revert ISettlement.NotCompromised(id, source);
    }

    function _faultedAt(
        Terms storage terms,
        bytes32 policyId,
        uint8 kind,
        bytes32 modelId
    ) private view returns (uint40) {
        return IEvidence(terms.answer[policyId][kind].evidence()).faultedAt(modelId);
    }

    /// @dev At least the attested window is left to look again, and no more than that beyond the policy's window.
    function _finalAtOnceReopened(BatchWord batch, CommitTerms terms) private view returns (uint40) {
        uint40 windowEnd = Standing.windowEnd(batch, terms);
        uint40 attestedWindowSeconds = terms.attestedWindowSeconds();
        uint40 atLeast = uint40(block.timestamp) + attestedWindowSeconds;
        uint40 atMost = windowEnd + attestedWindowSeconds + Limits.MAX_LENGTHENING_SECONDS;
        uint40 finalAt = Standing.laterOf(windowEnd, atLeast < atMost ? atLeast : atMost);
        return Standing.laterOf(finalAt, batch.finalAt());
    }

    function _requireLengthened(uint40 before, uint40 deadline, uint40 max) private pure {
        if (deadline <= before || deadline > max) revert ISettlement.BadDeadline(deadline, max);
    }

    function _requireOpening(
        BatchHeader calldata header,
        bytes32 batchId,
        uint256 index,
        ISettlement.Opening calldata opening
    ) private pure {
        bytes32 leaf = BatchLib.openingLeaf(index, opening.input, opening.salt, opening.output);
        if (
            opening.input.length + opening.output.length > Limits.MAX_OPENING_BYTES ||
            !PositionTree.verify(opening.proof, header.dataRoot, header.count, index, leaf)
        ) revert ISettlement.BadOpening(batchId, index);
    }
}
