// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Bounds that hold for every policy and every batch
/// @dev Why these values: `docs/SPEC.md`, section "Limits".
library Limits {
    /// @dev Bounds the depth of a Merkle proof at 16.
    uint256 internal constant MAX_BATCH_COUNT = 65_536;

    /// @dev 25 blocks of 12 seconds: room to be included although some proposers censor.
    uint32 internal constant MIN_WINDOW_SECONDS = 5 minutes;
    uint32 internal constant MAX_CHALLENGE_WINDOW_SECONDS = 14 days;
    uint32 internal constant MAX_PROVE_WINDOW_SECONDS = 7 days;

    /// @dev Longer than the longest challenge and prove window and a receipt's horizon of one day together.
    uint40 internal constant UNBONDING_SECONDS = 23 days;

    /// @dev Above rounding: every share of a split is at least one wei.
    uint96 internal constant MIN_BOND_WEI = 1 gwei;

    /// @dev An operator that challenges itself, alone or with its requester, always loses this share.
    uint16 internal constant MIN_BURN_BPS = 2_000;
    uint16 internal constant BPS = 10_000;
}
