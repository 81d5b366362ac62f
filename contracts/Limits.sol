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

    /// @dev Each open dispute of a batch lengthens the next one's window by a step, so that load cannot make an honest
    /// operator miss it.
    uint40 internal constant LOAD_STEP_SECONDS = 1 minutes;
    uint40 internal constant MAX_LOAD_SECONDS = 1 days;

    /// @dev By how much the guardian can lengthen a window in an outage, in all.
    uint40 internal constant MAX_LENGTHENING_SECONDS = 3 days;

    /// @dev The most a receipt may promise: `commitBy - servedAt`.
    uint40 internal constant HORIZON_SECONDS = 1 days;
    /// @dev How much later than `commitBy` a claim may be committed before it counts as omitted.
    uint40 internal constant COMMIT_GRACE_SECONDS = 1 hours;
    /// @dev How long after `commitBy` an operator answers for a receipt. It bounds what a key that leaks long after it
    /// was revoked can be used for.
    uint40 internal constant REPORT_WINDOW_SECONDS = 7 days;
    /// @dev How long an operator has to show that a reported claim was committed.
    uint40 internal constant OMISSION_ANSWER_SECONDS = 1 days;

    /// @dev A pause of commits is at most this long, and another begins no sooner than a report window after it: so the
    /// pause that excuses a late commit is always the one on record when the omission is reported.
    uint40 internal constant MAX_PAUSE_SECONDS = 7 days;
    uint40 internal constant PAUSE_COOLDOWN_SECONDS = REPORT_WINDOW_SECONDS + COMMIT_GRACE_SECONDS;

    /// @dev Longer than the longest challenge and prove window, their lengthening and a receipt's horizon together, and
    /// than anything that can still cost unlocked stake (horizon, pause, report and answer).
    uint40 internal constant UNBONDING_SECONDS = 30 days;

    /// @dev Senders may lock at most this share of the stake: the rest answers for receipts that are not kept.
    uint16 internal constant MAX_LOCKABLE_BPS = 9_000;

    /// @dev Above rounding: every share of a split is at least one wei.
    uint88 internal constant MIN_BOND_WEI = 1 gwei;

    /// @dev An operator that challenges itself, alone or with its requester, always loses this share.
    uint16 internal constant MIN_BURN_BPS = 2_000;
    /// @dev Whoever finds a lie has to get something for it.
    uint16 internal constant MIN_CHALLENGER_BPS = 1_000;

    /// @dev A policy's split is of this share of a penalty; the rest is burnt. Receipts are signed by a hot key, under
    /// any policy that anybody registers: what its thief, or an operator that reports itself, can take stays small.
    uint16 internal constant PENALTY_PAID_BPS = 2_500;
    uint16 internal constant BPS = 10_000;

    /// @dev What an operator may be made to post of one claim's input and output together.
    uint256 internal constant MAX_OPENING_BYTES = 8_192;
}
