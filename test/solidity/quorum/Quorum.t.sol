// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {RandomWalk, requireFloors, walkOn} from "../Walks.sol";
import {QuorumWalk} from "./QuorumWalk.sol";

/// @notice Long random walks through everything that a committee can come to, every invariant checked at every step. The
/// floors say that each act came about often enough over all walks of a run to have tested something.
contract QuorumTest {
    uint256 private constant WALKS = 6;

    /// @dev How often each act must have come about in `WALKS` walks of 500 steps, in the order of `QuorumWalk`.
    bytes private constant FLOORS = hex"41120d640405090403240e0f1025163b290a1501154024";

    /// I-50 I-51 I-52 I-53 I-54 I-55 I-56 I-57 On every walk, at every step; and at its end everybody leaves with what is
    /// theirs.
    function test_I_50_I_51_I_52_I_53_I_54_I_55_I_56_I_57_walks() external {
        uint256 steps = vm.envOr("MEANTIME_WALK_STEPS", 500);
        uint256 seed = vm.envOr("MEANTIME_WALK_SEED", 1);
        uint256[] memory successes;
        for (uint256 n = 0; n < WALKS; ++n) {
            QuorumWalk walk = new QuorumWalk();
            if (n == 0) successes = new uint256[](walk.ACTS());
            walkOn(RandomWalk(address(walk)), uint256(keccak256(abi.encode(seed, n))), steps);
            for (uint256 i = 0; i < successes.length; ++i) successes[i] += walk.successes(i);
        }
        requireFloors(successes, FLOORS, steps, "act ");
    }
}
