// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMeantimeLens} from "../interfaces/IMeantimeLens.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";
import {LeafLib, LeafState} from "../types/Leaf.sol";
import {EvidenceKind, EvidenceRule, Status} from "../types/Status.sol";

/// @title MeantimeLens
contract MeantimeLens is IMeantimeLens {
    struct Times {
        uint40 committedAt;
        uint40 attestedAt;
        uint40 batchFinalAt;
        EvidenceRule rule;
        LeafState state;
        uint8 ownKinds;
        uint8 kinds;
        uint40 deadline;
    }

    /// @inheritdoc IMeantimeLens
    ISettlement public immutable SETTLEMENT;

    constructor(ISettlement settlement) {
        SETTLEMENT = settlement;
    }

    /// @inheritdoc IMeantimeLens
    function trustGapOf(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (TrustGap memory gap) {
        gap.status = SETTLEMENT.statusOf(header, claim, index, proof);
        if (gap.status == Status.Unknown) return gap;

        Times memory times = _timesOf(SETTLEMENT.batchIdOf(header), index);
        gap.servedAt = claim.servedAt;
        gap.committedAt = times.committedAt;
        gap.evidenceAt = _later(times.attestedAt, _evidenceAt(times));
        if (gap.status == Status.Rejected || gap.status == Status.Voided) return gap;
        if (gap.status <= Status.Final) gap.finalAt = _finalAt(times);
        bool ended = gap.finalAt != 0 && gap.finalAt <= block.timestamp;
        gap.openSeconds = (ended ? gap.finalAt : uint64(block.timestamp)) - gap.servedAt;
    }

    /// @inheritdoc IMeantimeLens
    function isDisputedBy(
        bytes32 batchId,
        uint256 index,
        bytes32 claimId,
        address opener
    ) external view returns (bool) {
        (LeafState state, , , uint200 tag) = SETTLEMENT.leafOf(batchId, index);
        if (claimId != 0) return state == LeafState.Challenged && tag == LeafLib.tagOf(claimId, opener);
        return state == LeafState.Demanded && tag == LeafLib.demandTagOf(opener, tag);
    }

    function _timesOf(bytes32 batchId, uint256 index) private view returns (Times memory times) {
        (times.committedAt, times.attestedAt, times.batchFinalAt, , , , , , , times.rule) = SETTLEMENT.batchOf(batchId);
        (times.state, times.ownKinds, times.deadline, ) = SETTLEMENT.leafOf(batchId, index);
        times.kinds = times.ownKinds | (times.attestedAt == 0 ? 0 : EvidenceKind.TEE);
    }

    /// @dev When evidence of its own was last accepted. Not stored for a claim that was revealed on demand.
    function _evidenceAt(Times memory times) private pure returns (uint40) {
        return times.state == LeafState.Quiet || times.state == LeafState.Answered ? times.deadline : 0;
    }

    /// @dev When an undisputed claim became final, or will by the clock.
    function _finalAt(Times memory times) private pure returns (uint40) {
        uint40 byClock = times.batchFinalAt;
        if (times.state == LeafState.Revealed) byClock = _later(byClock, times.deadline);
        uint40 own = _evidenceAt(times);
        // Answered, or proven after it was revealed, when the clock had run out.
        if (!EvidenceKind.closes(times.rule, times.kinds)) return _later(byClock, own);

        uint40 byEvidence = own;
        if (!EvidenceKind.closes(times.rule, times.ownKinds)) {
            byEvidence = times.rule == EvidenceRule.TeeAndZk ? _later(own, times.attestedAt) : times.attestedAt;
        }
        return byEvidence != 0 && byEvidence < byClock ? byEvidence : byClock;
    }

    function _later(uint40 a, uint40 b) private pure returns (uint40) {
        return a > b ? a : b;
    }
}
