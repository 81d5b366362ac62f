// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// @notice Keeps a part of every transfer. Its owner can change the fee at any time, as an upgrade could.
contract FeeToken is MintableToken {
    uint256 public feeBps;

    constructor() MintableToken("Fee on transfer", "FEE") {}

    function setFee(uint256 feeBps_) external {
        feeBps = feeBps_;
    }

    function _update(address from, address to, uint256 amountWei) internal override {
        if (from == address(0) || to == address(0)) {
            super._update(from, to, amountWei);
            return;
        }
        uint256 feeWei = (amountWei * feeBps) / 10_000;
        super._update(from, to, amountWei - feeWei);
        if (feeWei != 0) super._update(from, address(0), feeWei);
    }
}
