// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {RandomWalk, requireFloors, walkOn} from "../Walks.sol";
import {Walk} from "./Walk.sol";

/// @notice Long random walks through everything that can be called, every invariant checked at every step. The floors
/// say that each act came about often enough over all walks of a run to have tested something.
contract WalkTest {
    uint256 private constant WALKS = 20;

    /// @dev How often each act must have come about in `WALKS` walks of 500 steps, in the order of `Walk`.
    bytes private constant FLOORS =
        hex"93823b741c160e01084b14140c6c3403081a0c0c222232053b06130504120e2339c8351012060820221f1e0e20160f120f";

    /// R-10 I-01 I-02 I-03 I-04 I-05 I-06 I-07 I-08 I-09 I-10 I-11 I-12 On every walk, at every step; and at its end
    /// everything is settled, everybody leaves, and what was burnt remains.
    function test_R_10_R_13_I_01_I_12_walks() external {
        uint256 steps = vm.envOr("MEANTIME_WALK_STEPS", 500);
        uint256 seed = vm.envOr("MEANTIME_WALK_SEED", 1);
        uint256[] memory successes;
        for (uint256 n = 0; n < WALKS; ++n) {
            Walk walk = new Walk();
            if (n == 0) successes = new uint256[](walk.ACTS());
            walkOn(RandomWalk(address(walk)), uint256(keccak256(abi.encode(seed, n))), steps);
            for (uint256 i = 0; i < successes.length; ++i) successes[i] += walk.successes(i);
        }
        requireFloors(successes, FLOORS, steps, "act ");
    }
}
