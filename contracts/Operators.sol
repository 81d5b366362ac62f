// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOperators} from "./interfaces/IOperators.sol";
import {Limits} from "./Limits.sol";
import {Vault} from "./Vault.sol";
import {Stake} from "./types/Stake.sol";

/// @title The operators' ledger
/// @notice Stakes, bonds and senders.
/// @custom:invariant I-01 For every token the balance is never less than the sum of stakes, unbonding stakes, open
/// dispute bonds and credits. The difference is what was burnt, and what was sent here unasked.
abstract contract Operators is IOperators, Vault {
    struct Unbonding {
        uint96 amountWei;
        uint40 unbondableAt;
    }

    mapping(address operator => mapping(address token => Stake)) private _stakes;
    mapping(address operator => mapping(address token => Unbonding)) private _unbondings;
    mapping(address operator => mapping(address sender => mapping(bytes32 policyId => bool))) private _senders;
    mapping(address operator => uint32) private _keyEpochs;
    mapping(address operator => mapping(uint32 epoch => uint40)) private _epochEnds;

    /// @inheritdoc IOperators
    function stake(address operator) external payable {
        _addStake(operator, address(0), msg.value);
    }

    /// @inheritdoc IOperators
    function stakeToken(address operator, address token, uint96 amountWei) external {
        if (token == address(0) || !_isBondToken(token)) revert TokenNotAllowed(token);
        _addStake(operator, token, amountWei);
        _collect(token, amountWei);
    }

    /// @inheritdoc IOperators
    function unbond(address token, uint96 amountWei) external {
        if (amountWei == 0) revert ZeroArgument();
        Stake stake_ = _stakeOf(msg.sender, token);
        if (amountWei > stake_.freeWei()) revert InsufficientStake(msg.sender, stake_.freeWei(), amountWei);

        uint40 now_ = uint40(block.timestamp);
        uint40 unbondableAt = now_ + Limits.UNBONDING_SECONDS;
        Unbonding storage unbonding = _unbondings[msg.sender][token];
        _setStake(msg.sender, token, stake_.sub(amountWei));
        unbonding.amountWei += amountWei;
        unbonding.unbondableAt = unbondableAt;
        _epochEnds[msg.sender][_keyEpochs[msg.sender]++] = now_;
        emit UnbondingStarted(msg.sender, token, amountWei, unbondableAt);
    }

    /// @inheritdoc IOperators
    function completeUnbonding(address token, address to) external {
        Unbonding storage unbonding = _unbondings[msg.sender][token];
        uint256 amountWei = unbonding.amountWei;
        if (amountWei == 0) revert NothingToWithdraw(msg.sender);
        if (block.timestamp < unbonding.unbondableAt) revert StillUnbonding(msg.sender, unbonding.unbondableAt);

        delete _unbondings[msg.sender][token];
        emit UnbondingCompleted(msg.sender, token, to, amountWei);
        _pay(token, to, amountWei);
    }

    /// @inheritdoc IOperators
    function setSender(address sender, bytes32[] calldata policyIds, bool allowed) external {
        if (sender == address(0)) revert ZeroArgument();
        for (uint256 i = 0; i < policyIds.length; ++i) {
            _senders[msg.sender][sender][policyIds[i]] = allowed;
            emit SenderSet(msg.sender, sender, policyIds[i], allowed);
        }
    }

    /// @inheritdoc IOperators
    function setLockable(address token, uint16 lockableBps) external {
        if (lockableBps == 0 || lockableBps > Limits.MAX_LOCKABLE_BPS) {
            revert BadLockable(lockableBps, Limits.MAX_LOCKABLE_BPS);
        }
        _setStake(msg.sender, token, _stakeOf(msg.sender, token).withLockable(lockableBps));
        emit LockableSet(msg.sender, token, lockableBps);
    }

    /// @inheritdoc IOperators
    function resume(address token) external {
        Stake stake_ = _stakeOf(msg.sender, token);
        if (!stake_.suspended()) revert NotSuspended(msg.sender);
        _setStake(msg.sender, token, stake_.resume());
        emit Resumed(msg.sender, token);
    }

    /// @inheritdoc IOperators
    function operatorOf(address operator, address token) external view returns (Account memory) {
        Stake stake_ = _stakeOf(operator, token);
        Unbonding storage unbonding = _unbondings[operator][token];
        return
            Account(
                stake_.stakeWei(),
                stake_.lockedWei(),
                stake_.lockableBps(),
                stake_.suspended(),
                unbonding.amountWei,
                unbonding.unbondableAt
            );
    }

    /// @inheritdoc IOperators
    function isSender(address operator, address sender, bytes32 policyId) public view returns (bool) {
        return operator == sender || _senders[operator][sender][policyId];
    }

    /// @inheritdoc IOperators
    function keyEpochOf(address operator) external view returns (uint32) {
        return _keyEpochs[operator];
    }

    /// @inheritdoc IOperators
    function epochEndedAt(address operator, uint32 epoch) external view returns (uint40) {
        return _epochEnds[operator][epoch];
    }

    function _requireSender(address operator, bytes32 policyId) internal view {
        if (!isSender(operator, msg.sender, policyId)) revert NotSenderOf(operator, msg.sender);
    }

    /// @dev The exposure cap: every open claim is covered by stake of its own, and a reserve stays for receipts.
    function _lock(address operator, address token, uint256 amountWei) internal {
        Stake stake_ = _stakeOf(operator, token);
        if (stake_.suspended() && msg.sender != operator) revert OperatorSuspended(operator);
        uint256 availableWei = stake_.availableWei();
        if (amountWei > availableWei) revert InsufficientStake(operator, availableWei, amountWei);
        _setStake(operator, token, stake_.lock(amountWei));
    }

    /// @dev `amountWei` was locked before: the check in `unlock` is the invariant's last line of defence.
    function _unlock(address operator, address token, uint256 amountWei) internal {
        _setStake(operator, token, _stakeOf(operator, token).unlock(amountWei));
    }

    /// @dev Takes a locked bond out of the stake. The caller credits or burns it.
    function _slash(address operator, address token, uint256 amountWei) internal {
        _setStake(operator, token, _stakeOf(operator, token).unlock(amountWei).sub(amountWei).suspend());
    }

    /// @dev Takes up to `wantedWei` out of what no claim locks: free stake first, then what is unbonding. The caller
    /// credits or burns it.
    function _seize(address operator, address token, uint96 wantedWei) internal returns (uint256 seizedWei) {
        Stake stake_ = _stakeOf(operator, token);
        uint96 fromStakeWei = _lesser(wantedWei, stake_.freeWei());
        _setStake(operator, token, stake_.sub(fromStakeWei).suspend());

        Unbonding storage unbonding = _unbondings[operator][token];
        uint96 fromUnbondingWei = _lesser(wantedWei - fromStakeWei, unbonding.amountWei);
        unbonding.amountWei -= fromUnbondingWei;
        return uint256(fromStakeWei) + fromUnbondingWei;
    }

    /// @dev Whether the governed list of bond tokens has, or had, the token.
    function _isBondToken(address token) internal view virtual returns (bool);

    function _addStake(address operator, address token, uint256 amountWei) private {
        if (operator == address(0) || amountWei == 0) revert ZeroArgument();
        Stake stake_ = _stakeOf(operator, token);
        // Together with what is unbonding, so that neither sum can overflow.
        uint256 totalWei = amountWei + stake_.stakeWei() + _unbondings[operator][token].amountWei;
        if (totalWei > type(uint96).max) revert StakeTooLarge(totalWei);
        _setStake(operator, token, stake_.add(amountWei));
        emit Staked(operator, token, msg.sender, amountWei);
    }

    function _stakeOf(address operator, address token) private view returns (Stake) {
        return _stakes[operator][token];
    }

    function _setStake(address operator, address token, Stake stake_) private {
        _stakes[operator][token] = stake_;
    }

    function _lesser(uint96 a, uint96 b) private pure returns (uint96) {
        return a < b ? a : b;
    }
}
