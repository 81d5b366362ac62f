// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// @notice Says false where others revert, and, once told to, moves nothing at all.
contract FalseReturningToken is MintableToken {
    bool public stuck;

    constructor() MintableToken("False returning", "FALSE") {}

    function setStuck(bool stuck_) external {
        stuck = stuck_;
    }

    function transfer(address to, uint256 amountWei) public override returns (bool) {
        if (stuck || balanceOf(msg.sender) < amountWei) return false;
        return super.transfer(to, amountWei);
    }

    function transferFrom(address from, address to, uint256 amountWei) public override returns (bool) {
        bool covered = balanceOf(from) >= amountWei && allowance(from, msg.sender) >= amountWei;
        if (stuck || !covered) return false;
        return super.transferFrom(from, to, amountWei);
    }
}
