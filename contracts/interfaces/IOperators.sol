// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVault} from "./IVault.sol";

/// @title Operators: their stakes and who acts for them
/// @notice An operator is named by the address of its owner key, which holds the stakes and is meant to stay cold. It
/// delegates sending transactions to senders, each for the policies it names. It has one account per bond token, in
/// that token's smallest unit; token zero is ether.
interface IOperators is IVault {
    /// @notice An operator's account in one token.
    struct Account {
        uint96 stakeWei; // answers for claims and receipts
        uint96 lockedWei; // the part of it that open claims lock
        uint16 lockableBps; // the share of it that may be locked, in 1/10,000
        bool suspended; // lost a bond: senders may not commit until the owner resumes
        uint96 unbondingWei; // on its way out; still answers for receipts, not for new claims
        uint40 unbondableAt; // when it can be taken out
    }

    /// @notice Stake was added to an operator.
    event Staked(address indexed operator, address indexed token, address indexed from, uint256 amountWei);
    /// @notice Free stake began to leave, until `unbondableAt`, when all that is unbonding can be taken out.
    event UnbondingStarted(address indexed operator, address indexed token, uint256 amountWei, uint40 unbondableAt);
    /// @notice Unbonded stake was paid out.
    event UnbondingCompleted(address indexed operator, address indexed token, address indexed to, uint256 amountWei);
    /// @notice A sender may, or may no longer, commit under a policy in the operator's name.
    event SenderSet(address indexed operator, address indexed sender, bytes32 indexed policyId, bool allowed);
    /// @notice At most this share of the operator's stake may be locked.
    event LockableSet(address indexed operator, address indexed token, uint16 lockableBps);
    /// @notice The owner has seen that a bond was lost, and lets its senders go on.
    event Resumed(address indexed operator, address indexed token);

    /// @notice The operator has `availableWei` of stake that may be locked or leave, less than `requiredWei`.
    error InsufficientStake(address operator, uint256 availableWei, uint256 requiredWei);
    /// @notice The stake can be taken out at `unbondableAt`, not now.
    error StillUnbonding(address operator, uint40 unbondableAt);
    /// @notice Only the operator or a sender it has allowed for this policy may do this.
    error NotSenderOf(address operator, address caller);
    /// @notice The operator lost a bond; its owner has to resume first.
    error OperatorSuspended(address operator);
    /// @notice The operator is not suspended in this token.
    error NotSuspended(address operator);
    /// @notice The share is zero or beyond `maxBps`.
    error BadLockable(uint16 lockableBps, uint16 maxBps);
    /// @notice The stake of one operator does not fit 96 bits.
    error StakeTooLarge(uint256 stakeWei);
    /// @notice The token is not on the governed list of bond tokens.
    error TokenNotAllowed(address token);

    /// @notice Adds `msg.value` to the stake of `operator`. Anybody may.
    function stake(address operator) external payable;

    /// @notice Adds `amountWei` of a token, taken from the caller, to the stake of `operator`. Anybody may.
    /// @dev Reverts with `InexactTransfer` when anything but exactly that amount arrives.
    function stakeToken(address operator, address token, uint96 amountWei) external;

    /// @notice Starts taking `amountWei` of the caller's free stake out, and revokes all its receipt keys. The whole
    /// unbonding amount becomes available `UNBONDING_SECONDS` from now: longer than every window and horizon together.
    function unbond(address token, uint96 amountWei) external;

    /// @notice Pays the caller's unbonded stake to `to`.
    function completeUnbonding(address token, address to) external;

    /// @notice Allows or forbids a sender to commit under these policies in the caller's name.
    /// @dev A sender can bring rejections about, and so move stake to a challenger of its choice: at most what
    /// `setLockable` lets it lock in one go, since the first loss suspends the operator. Allow it only policies whose
    /// bonds the operator can afford to lose.
    function setSender(address sender, bytes32[] calldata policyIds, bool allowed) external;

    /// @notice Bounds the share of the caller's stake that may be locked, from 1 to `MAX_LOCKABLE_BPS`, which is the
    /// default. Claims already committed stay locked.
    function setLockable(address token, uint16 lockableBps) external;

    /// @notice Lets the caller's senders commit again after it lost a bond.
    function resume(address token) external;

    /// @notice An operator's account in one token.
    function operatorOf(address operator, address token) external view returns (Account memory);

    /// @notice Whether `sender` may commit for `operator` under the policy. The operator itself always may.
    function isSender(address operator, address sender, bytes32 policyId) external view returns (bool);

    /// @notice How often the operator has asked to unbond: the epoch that receipt keys added now belong to.
    function keyEpochOf(address operator) external view returns (uint32);

    /// @notice When an epoch of receipt keys ended: the keys added in it are revoked since. Zero: it has not.
    function epochEndedAt(address operator, uint32 epoch) external view returns (uint40);
}
