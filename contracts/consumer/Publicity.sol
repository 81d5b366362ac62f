// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEvidence} from "../interfaces/IEvidence.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {BatchHeader} from "../types/Batch.sol";
import {LeafState} from "../types/Leaf.sol";
import {Policy} from "../types/Policy.sol";
import {EvidenceKind} from "../types/Status.sol";

/// @title Whether the clock alone makes a claim final that nobody could challenge
/// @notice Committing says nothing about a claim but a hash. When its operator keeps the data back, nobody knows what
/// to challenge, and the claim becomes final all the same (`docs/SPEC.md`, A-12). So whoever relies on challengers
/// asks this too.
library Publicity {
    /// @notice Whether evidence that is still believed vouches for the leaf, or its claim was shown on chain, with its
    /// place, while it could be challenged. What is behind the claim's hashes need not have been shown.
    function isVouchedForOrShown(
        ISettlement settlement,
        BatchHeader calldata header,
        uint256 index
    ) internal view returns (bool) {
        bytes32 batchId = settlement.batchIdOf(header);
        (LeafState state, uint8 kinds, uint40 deadline, uint200 tag) = settlement.leafOf(batchId, index);
        if (state == LeafState.Revealed || kinds & ~EvidenceKind.TEE != 0) return true;
        if (kinds != 0) return _isBelieved(settlement, header.policyId, uint32(tag), deadline);
        (, uint40 attestedAt, , , uint32 source, , , , , ) = settlement.batchOf(batchId);
        return attestedAt != 0 && _isBelieved(settlement, header.policyId, source, attestedAt);
    }

    /// @dev Compromise that is found in time is taken back in `Settlement`; what was final by then stays final there.
    function _isBelieved(
        ISettlement settlement,
        bytes32 policyId,
        uint32 source,
        uint40 acceptedAt
    ) private view returns (bool) {
        (Policy memory policy, ) = settlement.POLICIES().policyOf(policyId);
        uint40 since = IEvidence(policy.teeEvidence).compromisedSince(source);
        return since == 0 || acceptedAt < since;
    }
}
