// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Limits} from "../../../contracts/Limits.sol";
import {Stake, StakeLib} from "../../../contracts/types/Stake.sol";
import {requireAtMost, requireEqual, requireTrue, within} from "../Vm.sol";

contract StakeTest {
    /// @dev A word taken apart: what a setter must leave alone.
    struct Fields {
        uint256 stakeWei;
        uint256 lockedWei;
        uint256 lockableBps;
        bool suspended;
    }

    function sub(Stake stake, uint256 amountWei) external pure returns (Stake) {
        return stake.sub(amountWei);
    }

    function unlock(Stake stake, uint256 amountWei) external pure returns (Stake) {
        return stake.unlock(amountWei);
    }

    /// I-02 R-17 Whatever is added, taken, locked and freed within its bounds changes its own field alone.
    function testFuzz_I_02_R_17_amountsChangeTheirFieldAlone(
        uint96 a,
        uint96 b,
        uint16 bps,
        bool suspended,
        uint96 amount
    ) external pure {
        Fields memory fields = _fieldsOf(a, b, bps, suspended);
        Stake stake = _pack(fields);
        uint256 free = fields.stakeWei - fields.lockedWei;
        requireEqual(stake.freeWei(), free, "free");

        uint256 added = within(amount, 0, type(uint96).max - fields.stakeWei);
        _requireSame(stake.add(added), Fields(fields.stakeWei + added, fields.lockedWei, bps, suspended));
        uint256 taken = within(amount, 0, free);
        _requireSame(stake.sub(taken), Fields(fields.stakeWei - taken, fields.lockedWei, bps, suspended));
        _requireSame(stake.lock(taken), Fields(fields.stakeWei, fields.lockedWei + taken, bps, suspended));
        uint256 freed = within(amount, 0, fields.lockedWei);
        _requireSame(stake.unlock(freed), Fields(fields.stakeWei, fields.lockedWei - freed, bps, suspended));
    }

    /// I-02 R-17 Nobody takes what is locked, and nobody frees what is not.
    function testFuzz_I_02_R_17_boundsAreKept(uint96 a, uint96 b, uint256 amount) external view {
        Fields memory fields = _fieldsOf(a, b, 0, false);
        Stake stake = _pack(fields);
        uint256 free = fields.stakeWei - fields.lockedWei;
        uint256 tooMuch = within(amount, free + 1, type(uint256).max - 1);
        _requireUnderflow(abi.encodeCall(this.sub, (stake, tooMuch)));
        tooMuch = within(amount, fields.lockedWei + 1, type(uint256).max - 1);
        _requireUnderflow(abi.encodeCall(this.unlock, (stake, tooMuch)));
    }

    function testFuzz_R_53_flagsChangeThemselvesAlone(
        uint96 a,
        uint96 b,
        uint16 bps,
        bool suspended,
        uint16 other
    ) external pure {
        Fields memory fields = _fieldsOf(a, b, bps, suspended);
        Stake stake = _pack(fields);
        _requireSame(stake.withLockable(other), Fields(fields.stakeWei, fields.lockedWei, other, suspended));
        _requireSame(stake.suspend(), Fields(fields.stakeWei, fields.lockedWei, bps, true));
        _requireSame(stake.resume(), Fields(fields.stakeWei, fields.lockedWei, bps, false));
        requireTrue(stake.suspended() == suspended, "suspended");
    }

    /// R-17 What may be locked leaves the reserve that the operator set, or a tenth.
    function testFuzz_R_17_availableLeavesAReserve(uint96 a, uint96 b, uint16 bpsSeed) external pure {
        uint16 bps = uint16(within(bpsSeed, 0, Limits.MAX_LOCKABLE_BPS));
        Fields memory fields = _fieldsOf(a, b, bps, false);
        Stake stake = _pack(fields);
        uint256 share = bps == 0 ? 9_000 : bps;
        requireEqual(stake.lockableBps(), share, "lockable");
        uint256 available = stake.availableWei();
        uint256 lockable = (fields.stakeWei * share) / 10_000;
        requireEqual(available, lockable > fields.lockedWei ? lockable - fields.lockedWei : 0, "available");
        requireAtMost(fields.lockedWei + available, fields.stakeWei, "I-02 locked beyond the stake");
    }

    function _fieldsOf(uint96 a, uint96 b, uint16 bps, bool suspended) private pure returns (Fields memory) {
        return a > b ? Fields(a, b, bps, suspended) : Fields(b, a, bps, suspended);
    }

    /// @dev The documented layout, written a second time.
    function _pack(Fields memory f) private pure returns (Stake) {
        uint256 flags = (f.lockableBps << 192) | (uint256(f.suspended ? 1 : 0) << 208);
        return Stake.wrap(f.stakeWei | (f.lockedWei << 96) | flags);
    }

    function _requireSame(Stake stake, Fields memory expected) private pure {
        requireEqual(Stake.unwrap(stake), Stake.unwrap(_pack(expected)), "stake word");
        requireEqual(stake.stakeWei(), expected.stakeWei, "stake");
        requireEqual(stake.lockedWei(), expected.lockedWei, "locked");
    }

    function _requireUnderflow(bytes memory call) private view {
        (bool done, bytes memory reason) = address(this).staticcall(call);
        requireTrue(!done && bytes4(reason) == StakeLib.StakeUnderflow.selector, "taken beyond the bound");
    }
}
