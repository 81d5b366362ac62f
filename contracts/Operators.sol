// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOperators} from "./interfaces/IOperators.sol";
import {Limits} from "./Limits.sol";

/// @title The operators' ledger
/// @notice Stakes, bonds, keys and credits. Money leaves only through `withdraw` and `completeUnbonding`, both pulled
/// by their owner: nobody's refusal to be paid can hold up anybody else.
/// @custom:invariant The balance is never less than the sum of stakes, unbonding stakes, open challenge bonds and
/// credits. The difference is what was burnt, and ether forced in.
/// @custom:invariant For every operator `lockedWei <= stakeWei`.
abstract contract Operators is IOperators {
    struct Account {
        uint96 stakeWei;
        uint96 lockedWei;
        // Second slot: only unbonding touches it.
        uint96 unbondingWei;
        uint40 unbondableAt;
    }

    struct KeyValidity {
        uint40 validFrom;
        uint40 validUntil;
    }

    mapping(address operator => Account) private _accounts;
    mapping(address operator => mapping(address sender => bool)) private _senders;
    mapping(address operator => mapping(address key => KeyValidity)) private _receiptKeys;
    mapping(address account => uint256) private _credits;

    /// @inheritdoc IOperators
    function stake(address operator) external payable {
        if (operator == address(0) || msg.value == 0) revert ZeroArgument();
        Account storage account = _accounts[operator];
        uint256 stakeWei = account.stakeWei + msg.value;
        if (stakeWei > type(uint96).max) revert StakeTooLarge(stakeWei);
        account.stakeWei = uint96(stakeWei);
        emit Staked(operator, msg.sender, msg.value);
    }

    /// @inheritdoc IOperators
    function unbond(uint96 amountWei) external {
        if (amountWei == 0) revert ZeroArgument();
        Account storage account = _accounts[msg.sender];
        uint96 freeWei = account.stakeWei - account.lockedWei;
        if (amountWei > freeWei) revert InsufficientStake(msg.sender, freeWei, amountWei);

        uint40 unbondableAt = uint40(block.timestamp) + Limits.UNBONDING_SECONDS;
        account.stakeWei -= amountWei;
        account.unbondingWei += amountWei;
        account.unbondableAt = unbondableAt;
        emit UnbondingStarted(msg.sender, amountWei, unbondableAt);
    }

    /// @inheritdoc IOperators
    function completeUnbonding(address to) external {
        Account storage account = _accounts[msg.sender];
        uint256 amountWei = account.unbondingWei;
        if (amountWei == 0) revert NothingToWithdraw(msg.sender);
        if (block.timestamp < account.unbondableAt) revert StillUnbonding(msg.sender, account.unbondableAt);

        account.unbondingWei = 0;
        account.unbondableAt = 0;
        emit UnbondingCompleted(msg.sender, to, amountWei);
        _pay(to, amountWei);
    }

    /// @inheritdoc IOperators
    function setSender(address sender, bool allowed) external {
        if (sender == address(0)) revert ZeroArgument();
        _senders[msg.sender][sender] = allowed;
        emit SenderSet(msg.sender, sender, allowed);
    }

    /// @inheritdoc IOperators
    function addReceiptKey(address key) external {
        if (key == address(0)) revert ZeroArgument();
        KeyValidity storage validity = _receiptKeys[msg.sender][key];
        if (validity.validFrom != 0) revert ReceiptKeyKnown(msg.sender, key);

        uint40 validFrom = uint40(block.timestamp);
        validity.validFrom = validFrom;
        validity.validUntil = type(uint40).max;
        emit ReceiptKeyAdded(msg.sender, key, validFrom);
    }

    /// @inheritdoc IOperators
    function revokeReceiptKey(address key) external {
        KeyValidity storage validity = _receiptKeys[msg.sender][key];
        if (validity.validUntil != type(uint40).max) revert ReceiptKeyNotActive(msg.sender, key);

        uint40 validUntil = uint40(block.timestamp);
        validity.validUntil = validUntil;
        emit ReceiptKeyRevoked(msg.sender, key, validUntil);
    }

    /// @inheritdoc IOperators
    function announce(address operator, string calldata endpoint) external {
        _requireSender(operator);
        emit EndpointAnnounced(operator, endpoint);
    }

    /// @inheritdoc IOperators
    function withdraw(address to) external returns (uint256 amountWei) {
        amountWei = _credits[msg.sender];
        if (amountWei == 0) revert NothingToWithdraw(msg.sender);

        _credits[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amountWei);
        _pay(to, amountWei);
    }

    /// @inheritdoc IOperators
    function operatorOf(
        address operator
    ) external view returns (uint96 stakeWei, uint96 lockedWei, uint96 unbondingWei, uint40 unbondableAt) {
        Account storage account = _accounts[operator];
        return (account.stakeWei, account.lockedWei, account.unbondingWei, account.unbondableAt);
    }

    /// @inheritdoc IOperators
    function creditOf(address account) external view returns (uint256 amountWei) {
        return _credits[account];
    }

    /// @inheritdoc IOperators
    function isSender(address operator, address sender) public view returns (bool) {
        return operator == sender || _senders[operator][sender];
    }

    /// @inheritdoc IOperators
    function receiptKeyOf(address operator, address key) external view returns (uint40 validFrom, uint40 validUntil) {
        KeyValidity storage validity = _receiptKeys[operator][key];
        return (validity.validFrom, validity.validUntil);
    }

    function _requireSender(address operator) internal view {
        if (!isSender(operator, msg.sender)) revert NotSenderOf(operator, msg.sender);
    }

    /// @dev The exposure cap: every open claim is covered by stake of its own.
    function _lock(address operator, uint256 amountWei) internal {
        Account storage account = _accounts[operator];
        uint96 lockedWei = account.lockedWei;
        uint256 freeWei = account.stakeWei - lockedWei;
        if (amountWei > freeWei) revert InsufficientStake(operator, freeWei, amountWei);
        // amountWei <= freeWei <= 2^96 - 1, and the sum is at most the stake.
        account.lockedWei = lockedWei + uint96(amountWei);
    }

    /// @dev `amountWei` was locked before: the checked subtraction is the invariant's last line of defence.
    function _unlock(address operator, uint256 amountWei) internal {
        _accounts[operator].lockedWei -= uint96(amountWei);
    }

    /// @dev Takes a locked bond out of the stake. The caller credits or burns it.
    function _slash(address operator, uint256 amountWei) internal {
        Account storage account = _accounts[operator];
        account.lockedWei -= uint96(amountWei);
        account.stakeWei -= uint96(amountWei);
    }

    function _credit(address account, uint256 amountWei) internal {
        _credits[account] += amountWei;
    }

    function _pay(address to, uint256 amountWei) private {
        if (to == address(0)) revert ZeroArgument();
        (bool paid, ) = to.call{value: amountWei}("");
        if (!paid) revert PaymentFailed(to, amountWei);
    }
}
