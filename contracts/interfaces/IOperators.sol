// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Operators: their stake, their keys and everybody's credits
/// @notice An operator is named by the address of its owner key, which holds the stake and is meant to stay cold. It
/// delegates sending transactions to senders and signing receipts to receipt keys.
interface IOperators {
    /// @notice Stake was added to an operator.
    event Staked(address indexed operator, address indexed from, uint256 amountWei);
    /// @notice Free stake began to leave and counts for nothing until `unbondableAt`, when all of it can be taken out.
    event UnbondingStarted(address indexed operator, uint256 amountWei, uint40 unbondableAt);
    /// @notice Unbonded stake was paid out.
    event UnbondingCompleted(address indexed operator, address indexed to, uint256 amountWei);
    /// @notice A sender may, or may no longer, commit in the operator's name.
    event SenderSet(address indexed operator, address indexed sender, bool allowed);
    /// @notice Receipts signed by the key bind the operator from `validFrom` on.
    event ReceiptKeyAdded(address indexed operator, address indexed key, uint40 validFrom);
    /// @notice Receipts served at `validUntil` or later do not bind the operator; earlier ones still do.
    event ReceiptKeyRevoked(address indexed operator, address indexed key, uint40 validUntil);
    /// @notice Where the operator serves its batch data and receipts.
    event EndpointAnnounced(address indexed operator, string endpoint);
    /// @notice A credit was paid out.
    event Withdrawn(address indexed account, address indexed to, uint256 amountWei);

    /// @notice The operator has `availableWei` of stake that no claim locks, less than `requiredWei`.
    error InsufficientStake(address operator, uint256 availableWei, uint256 requiredWei);
    /// @notice Nothing is unbonding for the operator, or nothing is credited to the account.
    error NothingToWithdraw(address account);
    /// @notice The stake can be taken out at `unbondableAt`, not now.
    error StillUnbonding(address operator, uint40 unbondableAt);
    /// @notice The key was already added by this operator; a revoked key never becomes valid again.
    error ReceiptKeyKnown(address operator, address key);
    /// @notice The key is not a valid receipt key of this operator.
    error ReceiptKeyNotActive(address operator, address key);
    /// @notice Only the operator or a sender it has allowed may do this.
    error NotSenderOf(address operator, address caller);
    /// @notice The recipient refused the payment.
    error PaymentFailed(address to, uint256 amountWei);
    /// @notice Zero is not an amount or an address here.
    error ZeroArgument();
    /// @notice The stake of one operator does not fit 96 bits.
    error StakeTooLarge(uint256 stakeWei);

    /// @notice Adds `msg.value` to the stake of `operator`. Anybody may.
    function stake(address operator) external payable;

    /// @notice Starts taking `amountWei` of the caller's free stake out. The whole unbonding amount becomes available
    /// `UNBONDING_SECONDS` from now: longer than every window a policy can have.
    function unbond(uint96 amountWei) external;

    /// @notice Pays the caller's unbonded stake to `to`.
    function completeUnbonding(address to) external;

    /// @notice Allows or forbids a sender to commit in the caller's name.
    function setSender(address sender, bool allowed) external;

    /// @notice Makes `key` sign receipts for the caller from now on.
    function addReceiptKey(address key) external;

    /// @notice Ends the validity of a receipt key now. What it signed before stays binding.
    function revokeReceiptKey(address key) external;

    /// @notice Announces where `operator` serves its batch data. For the operator and its senders: the daemon that
    /// serves the data holds a sender's key, not the owner's.
    function announce(address operator, string calldata endpoint) external;

    /// @notice Pays everything credited to the caller to `to`.
    /// @return amountWei What was paid.
    function withdraw(address to) external returns (uint256 amountWei);

    /// @notice An operator's accounts: the stake, the part of it that open claims lock, and what is unbonding.
    function operatorOf(
        address operator
    ) external view returns (uint96 stakeWei, uint96 lockedWei, uint96 unbondingWei, uint40 unbondableAt);

    /// @notice What `account` can withdraw.
    function creditOf(address account) external view returns (uint256 amountWei);

    /// @notice Whether `sender` may commit for `operator`. The operator itself always may.
    function isSender(address operator, address sender) external view returns (bool);

    /// @notice From when (inclusive) until when (exclusive) receipts signed by `key` bind `operator`. `validUntil` is
    /// the largest value while the key is active; both are zero for a key never added.
    function receiptKeyOf(address operator, address key) external view returns (uint40 validFrom, uint40 validUntil);
}
