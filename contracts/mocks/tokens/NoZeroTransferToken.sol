// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// @notice Refuses to move nothing.
contract NoZeroTransferToken is MintableToken {
    error ZeroTransfer();

    constructor() MintableToken("No zero transfers", "NOZERO") {}

    function _update(address from, address to, uint256 amountWei) internal override {
        if (amountWei == 0) revert ZeroTransfer();
        super._update(from, to, amountWei);
    }
}
