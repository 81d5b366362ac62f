// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Limits} from "../Limits.sol";

/// @notice An operator's stake in one token, in one word.
/// Layout from the lowest bit: `96 stakeWei | 96 lockedWei | 16 lockableBps | 8 suspended`. A `lockableBps` of zero
/// means the protocol's maximum.
/// @custom:invariant I-02 `lockedWei <= stakeWei`.
type Stake is uint256;

library StakeLib {
    uint256 private constant LOCKED_OFFSET = 96;
    uint256 private constant LOCKABLE_OFFSET = 192;
    uint256 private constant SUSPENDED_OFFSET = 208;
    uint256 private constant SUSPENDED = 1 << SUSPENDED_OFFSET;

    /// @notice More was taken than there is.
    error StakeUnderflow(uint256 amountWei);

    function stakeWei(Stake stake) internal pure returns (uint96) {
        return uint96(Stake.unwrap(stake));
    }

    function lockedWei(Stake stake) internal pure returns (uint96) {
        return uint96(Stake.unwrap(stake) >> LOCKED_OFFSET);
    }

    function freeWei(Stake stake) internal pure returns (uint96) {
        return stakeWei(stake) - lockedWei(stake);
    }

    function lockableBps(Stake stake) internal pure returns (uint16) {
        uint16 bps = uint16(Stake.unwrap(stake) >> LOCKABLE_OFFSET);
        return bps == 0 ? Limits.MAX_LOCKABLE_BPS : bps;
    }

    /// @notice What may still be locked: the lockable share, less what is locked already.
    function availableWei(Stake stake) internal pure returns (uint256) {
        uint256 lockableWei = (uint256(stakeWei(stake)) * lockableBps(stake)) / Limits.BPS;
        uint256 locked = lockedWei(stake);
        return lockableWei > locked ? lockableWei - locked : 0;
    }

    function suspended(Stake stake) internal pure returns (bool) {
        return Stake.unwrap(stake) & SUSPENDED != 0;
    }

    /// @dev The caller sees to it that the sum fits 96 bits.
    function add(Stake stake, uint256 amountWei) internal pure returns (Stake) {
        return Stake.wrap(Stake.unwrap(stake) + amountWei);
    }

    /// @notice Takes out what is not locked.
    function sub(Stake stake, uint256 amountWei) internal pure returns (Stake) {
        if (amountWei > freeWei(stake)) revert StakeUnderflow(amountWei);
        return Stake.wrap(Stake.unwrap(stake) - amountWei);
    }

    /// @dev The caller sees to it that the amount is available.
    function lock(Stake stake, uint256 amountWei) internal pure returns (Stake) {
        return Stake.wrap(Stake.unwrap(stake) + (amountWei << LOCKED_OFFSET));
    }

    function unlock(Stake stake, uint256 amountWei) internal pure returns (Stake) {
        if (amountWei > lockedWei(stake)) revert StakeUnderflow(amountWei);
        return Stake.wrap(Stake.unwrap(stake) - (amountWei << LOCKED_OFFSET));
    }

    /// @dev `bps` is not zero.
    function withLockable(Stake stake, uint16 bps) internal pure returns (Stake) {
        uint256 cleared = Stake.unwrap(stake) & ~(uint256(type(uint16).max) << LOCKABLE_OFFSET);
        return Stake.wrap(cleared | (uint256(bps) << LOCKABLE_OFFSET));
    }

    function suspend(Stake stake) internal pure returns (Stake) {
        return Stake.wrap(Stake.unwrap(stake) | SUSPENDED);
    }

    function resume(Stake stake) internal pure returns (Stake) {
        return Stake.wrap(Stake.unwrap(stake) & ~SUSPENDED);
    }
}

using StakeLib for Stake global;
