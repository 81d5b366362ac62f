// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CrlHead, RevocationList} from "../der/RevocationList.sol";
import {CodeBlob} from "./CodeBlob.sol";

/// @title Revoked serial numbers, kept compactly
/// @notice Keeps the low 64 bits of each serial number. Intel's are random and of 160 bits: that two have these bits in
/// common, and a certificate is refused that nobody revoked, has a chance of one in 2^64 for each entry; that a revoked
/// one is let through has none.
library Revocations {
    uint256 private constant TAG_BYTES = 8;

    function tagOf(uint256 serial) internal pure returns (uint64) {
        return uint64(serial);
    }

    function count(bytes memory tags) internal pure returns (uint256) {
        return tags.length / TAG_BYTES;
    }

    /// @notice The tags of all entries of a list.
    function tagsOf(CrlHead memory crl) internal pure returns (bytes memory tags) {
        uint256 ptr = crl.entriesAt;
        uint256 end = crl.entriesEnd;
        if (ptr == end) return tags;
        // An entry is longer than its tag.
        tags = new bytes(end - ptr);
        uint256 out;
        assembly ("memory-safe") {
            out := add(tags, 0x20)
        }
        uint256 start = out;
        while (ptr != end) {
            uint256 serial;
            (serial, ptr) = RevocationList.entryAt(ptr, end);
            assembly ("memory-safe") {
                mstore(out, shl(192, serial))
                out := add(out, TAG_BYTES)
            }
        }
        assembly ("memory-safe") {
            mstore(tags, sub(out, start))
        }
    }

    /// @notice Whether the tag is among those at `data`; nothing is at the zero address.
    function has(address data, uint64 tag) internal view returns (bool) {
        if (data == address(0)) return false;
        bytes memory tags = CodeBlob.read(data);
        uint256 ptr;
        uint256 end;
        assembly ("memory-safe") {
            ptr := add(tags, 0x20)
            end := add(ptr, mload(tags))
        }
        for (; ptr < end; ptr += TAG_BYTES) {
            uint256 found;
            assembly ("memory-safe") {
                found := shr(192, mload(ptr))
            }
            if (found == tag) return true;
        }
        return false;
    }
}
