// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";
import {Status} from "../types/Status.sol";
import {ISettlement} from "./ISettlement.sol";

/// @title Views for pages and indexers
/// @notice Derived from the views of `ISettlement`; nothing here is needed to settle.
interface IMeantimeLens {
    /// @notice The trust gap of one claim, in unix seconds. Zero: not yet, or never.
    struct TrustGap {
        Status status;
        uint64 servedAt; // the operator's word, no later than the commit
        uint40 committedAt;
        uint40 evidenceAt; // when evidence was last accepted
        uint40 finalAt; // when it became final, or will by the clock alone; zero while disputed, and without an end
        uint64 openSeconds; // from `servedAt` to `finalAt`, or to now where that lies ahead; zero once it has no end
    }

    /// @notice Where claims settle.
    function SETTLEMENT() external view returns (ISettlement);

    /// @notice The trust gap of a claim. All zero: it is in no such batch.
    function trustGapOf(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (TrustGap memory);

    /// @notice Whether a dispute of the leaf is open, about this claim (zero for a demand) and by this opener.
    function isDisputedBy(bytes32 batchId, uint256 index, bytes32 claimId, address opener) external view returns (bool);
}
