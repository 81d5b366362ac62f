// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicyRegistry} from "./IPolicyRegistry.sol";

/// @title The terms that claims are settled by
interface IPolicies {
    /// @notice No new work should be taken under the policy. Receipts given before can still be committed, for a day
    /// and an hour; open claims are untouched.
    event PolicyClosing(bytes32 indexed policyId, uint40 closedAt);

    /// @notice The policy was closed, and the time to commit what was served before is over.
    error PolicyClosed(bytes32 policyId, uint40 closedAt);

    /// @notice Where the policies come from.
    function POLICIES() external view returns (IPolicyRegistry);

    /// @notice When the guardian closed the policy. Zero: open.
    function closedAtOf(bytes32 policyId) external view returns (uint40);
}
