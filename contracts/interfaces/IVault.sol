// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What a contract owes to whom
/// @notice Payments are credits that their owner pulls, in ether (token zero) or a token. Nobody's refusal to be paid
/// can hold up anybody else. Amounts are in the token's smallest unit.
interface IVault {
    /// @notice A credit was paid out.
    event Withdrawn(address indexed account, address indexed token, address indexed to, uint256 amountWei);

    /// @notice Nothing is credited to the account.
    error NothingToWithdraw(address account);
    /// @notice The recipient refused the payment.
    error PaymentFailed(address to, uint256 amountWei);
    /// @notice The call must carry exactly `requiredWei` of ether.
    error WrongPayment(uint256 paidWei, uint256 requiredWei);
    /// @notice The token moved another amount than it was told to: it takes a fee, rebases, or lies.
    error InexactTransfer(address token, uint256 expectedWei, uint256 movedWei);
    /// @notice A token called back into a function that moves tokens.
    error TokenReentered();
    /// @notice Zero is not an amount or an address here.
    error ZeroArgument();

    /// @notice Pays everything credited to the caller in one token to `to`.
    /// @param token The token; zero for ether.
    /// @return amountWei What was paid.
    function withdraw(address token, address to) external returns (uint256 amountWei);

    /// @notice What `account` can withdraw.
    /// @param token The token; zero for ether.
    function creditOf(address account, address token) external view returns (uint256 amountWei);
}
