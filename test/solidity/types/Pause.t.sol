// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Limits} from "../../../contracts/Limits.sol";
import {Pause, PauseLib} from "../../../contracts/types/Pause.sol";
import {requireAtMost, requireEqual, requireTrue, within} from "../Vm.sol";

contract PauseTest {
    function testFuzz_R_52_createKeepsBothEnds(uint40 from, uint40 until) external pure {
        Pause pause = PauseLib.create(from, until);
        requireEqual(pause.from(), from, "from");
        requireEqual(pause.until(), until, "until");
    }

    /// R-52 A deadline is put off, never brought nearer; by a pause that began before it, and by an hour after it.
    function testFuzz_R_52_excuseOnlyPutsOff(uint40 from, uint40 lengthSeed, uint64 deadline) external pure {
        uint40 until = uint40(uint256(from) + within(lengthSeed, 0, type(uint40).max - from));
        uint256 excused = PauseLib.create(from, until).excuse(deadline);
        requireAtMost(deadline, excused, "deadline brought nearer");
        bool isPutOff = from <= deadline && uint256(until) + 1 hours > deadline;
        requireEqual(excused, isPutOff ? uint256(until) + 1 hours : deadline, "excused deadline");
    }

    /// R-52 Whoever could not commit at its deadline has a whole hour after the pause.
    function testFuzz_R_52_pausedAtTheDeadlineIsExcused(uint40 from, uint24 lengthSeed, uint24 intoSeed) external pure {
        uint256 length = within(lengthSeed, 1, Limits.MAX_PAUSE_SECONDS);
        uint40 until = uint40(within(from, 1, type(uint40).max - length) + length);
        uint256 deadline = until - within(intoSeed, 0, length);
        uint256 excused = PauseLib.create(uint40(until - length), until).excuse(deadline);
        requireTrue(excused >= uint256(until) + Limits.COMMIT_GRACE_SECONDS, "less than an hour after the pause");
    }

    /// R-52 No pause, no excuse.
    function testFuzz_R_52_withoutAPauseNothingChanges(uint64 deadlineSeed) external pure {
        uint256 deadline = within(deadlineSeed, Limits.COMMIT_GRACE_SECONDS, type(uint64).max);
        requireEqual(Pause.wrap(0).excuse(deadline), deadline, "excused deadline");
    }
}
