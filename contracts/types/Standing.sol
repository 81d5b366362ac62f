// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {Limits} from "../Limits.sol";
import {BatchWord} from "./Batch.sol";
import {Leaf, LeafState} from "./Leaf.sol";
import {CommitTerms, DisputeTerms} from "./Policy.sol";
import {EvidenceKind, Status} from "./Status.sol";

/// @title How a claim stands, by its batch's word, its own and the clock
/// @dev For `Settlement` and the libraries linked into it, in whose name it reverts.
library Standing {
    /// @custom:invariant I-04 A claim's status only climbs, but for Committed or Attested -> Challenged -> a step at
    /// least as high as before, Rejected or Voided; and Attested -> Committed when its enclave turns out compromised.
    function statusOf(BatchWord batch, Leaf leaf) internal view returns (Status) {
        if (leaf.isIn(LeafState.Challenged) || leaf.isIn(LeafState.Demanded)) return Status.Challenged;
        if (leaf.isIn(LeafState.Rejected)) return Status.Rejected;
        if (leaf.isIn(LeafState.Voided)) return Status.Voided;
        if (block.timestamp >= _clockFinalAt(batch, leaf)) return Status.Final;

        uint8 kinds = leaf.kinds() | (batch.attestedAt() == 0 ? 0 : EvidenceKind.TEE);
        if (EvidenceKind.closes(batch.rule(), kinds)) return Status.Final;
        if (kinds & EvidenceKind.ZK != 0) return Status.Proven;
        if (kinds != 0) return Status.Attested;
        return Status.Committed;
    }

    /// @dev Both bounds are on the ladder, and so allowed.
    function requireStatus(BatchWord batch, Leaf leaf, bytes32 id, Status lowest, Status highest) internal view {
        Status status = statusOf(batch, leaf);
        if (status < lowest || status > highest) revert ISettlement.WrongStatus(id, status);
    }

    function requireDisputable(BatchWord batch, Leaf leaf, bytes32 id) internal view {
        requireStatus(batch, leaf, id, Status.Committed, Status.Attested);
    }

    function revertWrongStatus(BatchWord batch, Leaf leaf, bytes32 id) internal view {
        revert ISettlement.WrongStatus(id, statusOf(batch, leaf));
    }

    function requireBefore(uint40 deadline, bytes32 id) internal view {
        if (block.timestamp >= deadline) revert ISettlement.TooLate(id, deadline);
    }

    function requireAfter(uint40 deadline, bytes32 id) internal view {
        if (block.timestamp < deadline) revert ISettlement.TooEarly(id, deadline);
    }

    /// @dev A leaf is counted when it first may stand otherwise than its batch.
    function touched(BatchWord batch, Leaf leaf) internal pure returns (BatchWord) {
        return leaf.isPlain() ? batch.touch() : batch;
    }

    /// @dev The full window however late a dispute is opened, and more under load, up to a bound.
    function disputeDeadline(BatchWord batch, DisputeTerms terms) internal view returns (uint40) {
        // Counters have 20 bits, windows are bounded, and 40 bits of seconds last for 34,000 years.
        unchecked {
            uint40 loadSeconds = uint40(batch.disputed()) * Limits.LOAD_STEP_SECONDS;
            if (loadSeconds > Limits.MAX_LOAD_SECONDS) loadSeconds = Limits.MAX_LOAD_SECONDS;
            return uint40(block.timestamp) + terms.proveWindowSeconds() + loadSeconds;
        }
    }

    /// @dev When the clock makes a claim final to which nothing happens.
    function windowEnd(BatchWord batch, CommitTerms terms) internal pure returns (uint40) {
        return batch.committedAt() + terms.challengeWindowSeconds();
    }

    /// @dev A prove window is left to act on what was shown or taken back, and no less than the batch's own.
    function finalAtOnceShown(BatchWord batch, DisputeTerms terms) internal view returns (uint40) {
        return laterOf(uint40(block.timestamp) + terms.proveWindowSeconds(), batch.finalAt());
    }

    function laterOf(uint40 a, uint40 b) internal pure returns (uint40) {
        return a > b ? a : b;
    }

    function _clockFinalAt(BatchWord batch, Leaf leaf) private pure returns (uint40) {
        if (!leaf.isIn(LeafState.Revealed)) return batch.finalAt();
        return laterOf(leaf.deadline(), batch.finalAt());
    }
}
