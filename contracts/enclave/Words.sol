// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev The 32 octets of memory from `ptr` on.
function wordAt(uint256 ptr) pure returns (uint256 word) {
    assembly ("memory-safe") {
        word := mload(ptr)
    }
}

/// @dev One octet of a word, counted from the left.
function octetOf(uint256 word, uint256 place) pure returns (uint256 octet) {
    assembly ("memory-safe") {
        octet := byte(place, word)
    }
}
