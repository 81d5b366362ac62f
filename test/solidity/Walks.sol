// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {requireAtMost} from "./Vm.sol";

/// @notice A random walk: acts that are drawn, invariants, and an end at which everything is over.
interface RandomWalk {
    function step(uint256 seed) external;
    function checkAll() external view;
    function finish() external;
}

/// @dev For how many steps of each walk the floors are written.
uint256 constant FLOOR_STEPS = 500;

/// @notice Takes a walk of so many steps, from a seed, to its end; every invariant is checked at every step.
function walkOn(RandomWalk walk, uint256 seed, uint256 steps) {
    for (uint256 i = 0; i < steps; ++i) {
        walk.step(uint256(keccak256(abi.encode(seed, i))));
        walk.checkAll();
    }
    walk.finish();
    walk.checkAll();
}

/// @notice Each thing that is counted came about as often as its floor says, or as its share of it in shorter walks.
function requireFloors(uint256[] memory counts, bytes memory floors, uint256 steps, string memory what) pure {
    for (uint256 i = 0; i < counts.length; ++i) {
        requireAtMost((uint8(floors[i]) * steps) / FLOOR_STEPS, counts[i], string.concat(what, decimal(i)));
    }
}

/// @notice Two digits of a number below 100.
function decimal(uint256 number) pure returns (string memory) {
    return string(abi.encodePacked(bytes1(uint8(48 + number / 10)), bytes1(uint8(48 + (number % 10)))));
}
