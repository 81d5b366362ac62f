// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// @notice Refuses to move to or from whomever its issuer has put on a list, as USDC does.
contract BlacklistingToken is MintableToken {
    mapping(address account => bool) public blacklisted;

    error Blacklisted(address account);

    constructor() MintableToken("Blacklisting", "BLACK") {}

    function setBlacklisted(address account, bool listed) external {
        blacklisted[account] = listed;
    }

    function _update(address from, address to, uint256 amountWei) internal override {
        if (blacklisted[from]) revert Blacklisted(from);
        if (blacklisted[to]) revert Blacklisted(to);
        super._update(from, to, amountWei);
    }
}
