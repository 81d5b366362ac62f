// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ECDSA over P-256 by the precompile of EIP-7951
/// @dev The precompile accepts both s and n - s, as it has to here: Intel's signatures are not low-S. It returns
/// nothing for a wrong signature and, where it does not exist, for a right one too: whoever relies on it has a right
/// signature checked once when it is deployed.
library P256 {
    address private constant PRECOMPILE = address(0x100);
    address private constant SHA256_PRECOMPILE = address(2);
    uint256 private constant INPUT_BYTES = 160;

    /// @notice Whether r and s sign the digest under the key (x, y).
    function isSignature(bytes32 digest, uint256 r, uint256 s, uint256 x, uint256 y) internal view returns (bool is_) {
        address precompile = PRECOMPILE;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, digest)
            mstore(add(input, 0x20), r)
            mstore(add(input, 0x40), s)
            mstore(add(input, 0x60), x)
            mstore(add(input, 0x80), y)
            mstore(0, 0)
            let done := staticcall(gas(), precompile, input, INPUT_BYTES, 0, 0x20)
            is_ := and(done, and(eq(returndatasize(), 0x20), eq(mload(0), 1)))
        }
    }

    /// @notice SHA-256 of a range of memory.
    /// @dev Fails only for want of gas, and then gives zero: a digest that nobody has signed.
    function sha256Of(uint256 ptr, uint256 end) internal view returns (bytes32 digest) {
        address precompile = SHA256_PRECOMPILE;
        assembly ("memory-safe") {
            mstore(0, 0)
            let done := staticcall(gas(), precompile, ptr, sub(end, ptr), 0, 0x20)
            digest := mul(mload(0), and(done, eq(returndatasize(), 0x20)))
        }
    }
}
