// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Several calls in one transaction, as an attacker's contract would make them.
contract Multicall {
    struct Call {
        address to;
        bytes data;
    }

    function run(Call[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool done, bytes memory reason) = calls[i].to.call(calls[i].data);
            if (done) continue;
            assembly ("memory-safe") {
                revert(add(reason, 0x20), mload(reason))
            }
        }
    }
}
