// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {BatchHeader} from "../types/Batch.sol";
import {LeafState} from "../types/Leaf.sol";

/// @title Whether the clock alone makes a claim final that nobody could look at
/// @notice Committing says nothing about a claim but a hash. When its operator keeps the data back, nobody knows what
/// to challenge, and the claim becomes final all the same (`docs/SPEC.md`, A-12). So whoever relies on challengers
/// asks this too.
library Publicity {
    /// @notice Whether evidence vouches for the leaf, or its claim was shown on chain while it could be challenged.
    function isVouchedForOrShown(
        ISettlement settlement,
        BatchHeader calldata header,
        uint256 index
    ) internal view returns (bool) {
        bytes32 batchId = settlement.batchIdOf(header);
        (LeafState state, uint8 kinds, , ) = settlement.leafOf(batchId, index);
        if (kinds != 0 || state == LeafState.Revealed) return true;
        (, uint40 attestedAt, , , , , , , , ) = settlement.batchOf(batchId);
        return attestedAt != 0;
    }
}
