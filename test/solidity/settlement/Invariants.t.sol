// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Walk} from "./Walk.sol";

/// @dev The part of a walk that the runner draws calls to.
struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

/// @dev What the runner calls: it only finds contracts whose code it can tell by its artifact, so without immutables.
contract Stepper {
    Walk private _walk;

    constructor(Walk walk) {
        _walk = walk;
    }

    function step(uint256 seed) external {
        _walk.step(seed);
    }
}

/// @notice The same acts drawn by the runner's own invariant mode, which shortens a sequence that breaks something.
/// hardhat-config: invariant.runs = 3
/// hardhat-config: invariant.depth = 150
contract InvariantsTest {
    Walk private walk;
    Stepper private stepper;

    function setUp() external {
        walk = new Walk();
        stepper = new Stepper(walk);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(stepper);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(stepper), new bytes4[](1));
        targets[0].selectors[0] = stepper.step.selector;
    }

    /// @dev After every run all claims come to an end, everybody leaves, and what was burnt remains.
    /// I-07 I-11
    function afterInvariant() external {
        walk.finish();
    }

    /// I-01 R-10 For every token and both contracts the balance is what is staked, unbonding, disputed, credited, burnt
    /// or given.
    function invariant_I_01_moneyIsConserved() external view {
        walk.checkMoney();
    }

    /// I-02 I-03 R-17 What is locked is within the stake, and is the sum of the bonds of open claims.
    function invariant_I_02_I_03_locksAreTheSumOfOpenBonds() external view {
        walk.checkLocks();
    }

    /// I-05 R-13 Every open dispute is one leaf's, and a leaf has one at a time. That claims are challenged once, and
    /// that their statuses only climb (I-04), every step checks itself.
    function invariant_I_04_I_05_disputesAreCounted() external view {
        walk.checkDisputes();
    }

    /// I-06 R-19 Everybody is credited exactly what the bond table says.
    function invariant_I_06_creditsAreWhatTheTableSays() external view {
        walk.checkCredits();
    }

    /// I-08 Honest operators lose nothing; that settings reach no open claim (I-09), every step checks itself.
    function invariant_I_08_I_09_honestOperatorsLoseNothing() external view {
        walk.checkHonest();
    }

    /// I-10 I-12 R-34 Leaves are rejected once at most, and released batches are over.
    function invariant_I_10_I_12_batchesEndOnce() external view {
        walk.checkBatches();
    }
}
