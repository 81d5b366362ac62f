// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Limits} from "../../contracts/Limits.sol";
import {requireEqual, requireTrue} from "./Vm.sol";

contract LimitsTest {
    /// I-07 R-17 Unbonding outlasts a claim: its horizon, the longest windows, their load and their lengthening.
    function test_I_07_R_17_unbondingOutlastsAClaim() external pure {
        uint256 longest =
            Limits.HORIZON_SECONDS +
                Limits.COMMIT_GRACE_SECONDS +
                Limits.MAX_CHALLENGE_WINDOW_SECONDS +
                Limits.MAX_PROVE_WINDOW_SECONDS +
                Limits.MAX_LOAD_SECONDS +
                Limits.MAX_LENGTHENING_SECONDS;
        requireTrue(Limits.UNBONDING_SECONDS > longest, "unbonding ends before a claim may");
    }

    /// R-17 Unbonding outlasts a receipt: served now, promised for a day, its commit paused, reported at the last
    /// moment, answered at the last moment.
    function test_R_17_unbondingOutlastsAReceipt() external pure {
        uint256 longest =
            Limits.HORIZON_SECONDS +
                Limits.COMMIT_GRACE_SECONDS +
                Limits.MAX_PAUSE_SECONDS +
                Limits.COMMIT_GRACE_SECONDS +
                Limits.REPORT_WINDOW_SECONDS +
                Limits.OMISSION_ANSWER_SECONDS;
        requireTrue(Limits.UNBONDING_SECONDS > longest, "unbonding ends before a receipt may be upheld");
    }

    /// R-52 The pause that excuses a commit is still the one on record when its omission can last be reported.
    function test_R_52_aSecondPauseComesAfterTheReports() external pure {
        requireTrue(
            Limits.PAUSE_COOLDOWN_SECONDS >= Limits.REPORT_WINDOW_SECONDS + Limits.COMMIT_GRACE_SECONDS,
            "a second pause hides the first"
        );
    }

    /// R-07 The sum of every bound on top of a time in this century stays far below 40 bits.
    function test_R_07_timesFitFortyBits() external pure {
        uint256 latest = 4_102_444_800 + 2 * uint256(Limits.MAX_CHALLENGE_WINDOW_SECONDS) + 365 days;
        requireTrue(latest < type(uint40).max / 2, "times overflow");
    }

    /// R-12 R-20 What is paid out of a slashed bond leaves the minimum burn, and a batch has at least a reserve.
    function test_R_12_sharesAreBounded() external pure {
        requireEqual(Limits.BPS, 10_000, "basis points");
        requireTrue(Limits.MIN_BURN_BPS >= 2_000, "burn too small to deter a self-challenge");
        requireTrue(Limits.MAX_LOCKABLE_BPS < Limits.BPS, "no reserve for receipts");
        requireTrue(uint256(Limits.MIN_BOND_WEI) * 1 >= Limits.BPS, "shares of the least bond round to nothing");
    }

    /// R-35 The counters of a batch word hold 20 bits: more than the leaves of a batch. All bonds of a batch may exceed
    /// a stake, but never the word they are computed in.
    function test_R_35_countersHoldABatch() external pure {
        requireTrue(Limits.MAX_BATCH_COUNT < 1 << 20, "counters overflow");
        requireTrue(uint256(type(uint88).max) * Limits.MAX_BATCH_COUNT < type(uint256).max, "bonds overflow");
    }

    /// R-15 Windows leave room for censorship: at least 25 blocks.
    function test_R_15_windowsLeaveRoom() external pure {
        requireTrue(Limits.MIN_WINDOW_SECONDS >= 25 * 12, "window too short");
    }
}
