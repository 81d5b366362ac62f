// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The cheatcodes of Hardhat's test runner that these tests use.
interface Vm {
    function warp(uint256 timestamp) external;
    function prank(address sender) external;
    function deal(address account, uint256 balanceWei) external;
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 privateKey) external pure returns (address);
    function assume(bool condition) external pure;
    function chainId(uint256 id) external;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function envOr(string calldata name, uint256 defaultValue) external view returns (uint256);
}

/// @dev Where the runner listens for cheatcodes.
Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

/// @notice An assertion did not hold.
error Broken(string what, uint256 actual, uint256 expected);

function requireEqual(uint256 actual, uint256 expected, string memory what) pure {
    if (actual != expected) revert Broken(what, actual, expected);
}

function requireAtMost(uint256 actual, uint256 most, string memory what) pure {
    if (actual > most) revert Broken(what, actual, most);
}

function requireTrue(bool holds, string memory what) pure {
    if (!holds) revert Broken(what, 0, 1);
}

/// @notice Maps any word into [low, high].
function within(uint256 word, uint256 low, uint256 high) pure returns (uint256) {
    return low + (word % (high - low + 1));
}
