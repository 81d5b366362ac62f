// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IVault} from "./interfaces/IVault.sol";

/// @title Vault
/// @notice Credits, and the only ways for money to come in and to leave.
abstract contract Vault is IVault {
    using SafeERC20 for IERC20;

    mapping(address account => mapping(address token => uint256)) private _credits;

    /// @dev Set while a token moves. A token with hooks could otherwise deposit twice for one change of the balance.
    bool private transient _moving;

    /// @inheritdoc IVault
    function withdraw(address token, address to) external returns (uint256 amountWei) {
        amountWei = _credits[msg.sender][token];
        if (amountWei == 0) revert NothingToWithdraw(msg.sender);

        _credits[msg.sender][token] = 0;
        emit Withdrawn(msg.sender, token, to, amountWei);
        _pay(token, to, amountWei);
    }

    /// @inheritdoc IVault
    function creditOf(address account, address token) external view returns (uint256 amountWei) {
        return _credits[account][token];
    }

    function _credit(address account, address token, uint256 amountWei) internal {
        _credits[account][token] += amountWei;
    }

    /// @dev Last in a function: everything else is written by then. Tokens must move the exact amount, both ways.
    function _collect(address token, uint256 amountWei) internal {
        uint256 requiredWei = token == address(0) ? amountWei : 0;
        if (msg.value != requiredWei) revert WrongPayment(msg.value, requiredWei);
        if (token == address(0)) return;

        uint256 beforeWei = _beginMove(token);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amountWei);
        _endMove(token, amountWei, beforeWei, _balanceOf(token));
    }

    /// @dev Last in a function: everything else is written by then.
    function _pay(address token, address to, uint256 amountWei) internal {
        if (to == address(0)) revert ZeroArgument();
        if (token == address(0)) {
            // The return data is not copied: a recipient cannot make its payer pay for it.
            bool paid;
            assembly ("memory-safe") {
                paid := call(gas(), to, amountWei, 0x00, 0x00, 0x00, 0x00)
            }
            if (!paid) revert PaymentFailed(to, amountWei);
            return;
        }
        uint256 beforeWei = _beginMove(token);
        IERC20(token).safeTransfer(to, amountWei);
        _endMove(token, amountWei, _balanceOf(token), beforeWei);
    }

    function _beginMove(address token) private returns (uint256 balanceWei) {
        if (_moving) revert TokenReentered();
        _moving = true;
        return _balanceOf(token);
    }

    function _endMove(address token, uint256 amountWei, uint256 lowWei, uint256 highWei) private {
        uint256 movedWei = highWei > lowWei ? highWei - lowWei : 0;
        if (movedWei != amountWei) revert InexactTransfer(token, amountWei, movedWei);
        _moving = false;
    }

    function _balanceOf(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }
}
