// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// @notice Whoever is told about a transfer, in the manner of ERC-777.
interface ITransferHook {
    /// @notice Called before the token moves, on who sends and, after it moved, on who receives.
    function onTransfer(bool sending) external;
}

/// @notice Calls sender and receiver in the middle of a transfer, where they asked for it.
contract HookedToken is MintableToken {
    mapping(address account => bool) public hooked;

    constructor() MintableToken("Hooked", "HOOK") {}

    function setHooked(bool hooked_) external {
        hooked[msg.sender] = hooked_;
    }

    function _update(address from, address to, uint256 amountWei) internal override {
        if (hooked[from]) ITransferHook(from).onTransfer(true);
        super._update(from, to, amountWei);
        if (hooked[to]) ITransferHook(to).onTransfer(false);
    }
}
