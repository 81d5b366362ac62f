// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title CBOR reader
/// @notice Reads RFC 8949 CBOR in memory, as strictly as documents allow: shortest heads only, no floats, no reserved
/// lengths, indefinite lengths for maps and arrays alone. A position is an address in memory and an item lies in
/// `ptr .. end`; the end of an item is the beginning of its neighbour.
library Cbor {
    uint256 internal constant UINT = 0;
    uint256 internal constant BYTES = 2;
    uint256 internal constant TEXT = 3;
    uint256 internal constant ARRAY = 4;
    uint256 internal constant MAP = 5;

    uint256 internal constant NULL = 0xf6;
    uint256 internal constant BREAK = 0xff;

    /// @dev The count of a map or an array that goes on to a break.
    uint256 internal constant INDEFINITE = type(uint256).max;

    /// @notice An item runs past the end of what encloses it.
    error CborTruncated();
    /// @notice Bytes follow where the document has to end.
    error CborTrailing(uint256 bytesLeft);
    /// @notice Another kind of item stands here; the major types are those of RFC 8949, 3.1.
    error CborType(uint256 expected, uint256 initialByte);
    /// @notice The length is not the shortest, is reserved, or is indefinite where it must not be.
    error CborLength(uint256 initialByte);

    /// @notice The head of an item of this major type: its value, or its length or count.
    function head(uint256 ptr, uint256 end, uint256 major) internal pure returns (uint256 value, uint256 next) {
        unchecked {
            uint256 initial = peek(ptr, end);
            if (initial >> 5 != major) revert CborType(major, initial);
            uint256 info = initial & 0x1f;
            if (info < 24) return (info, ptr + 1);
            if (info > 27) revert CborLength(initial);

            uint256 octets = 1 << (info - 24);
            next = ptr + 1 + octets;
            if (next > end) revert CborTruncated();
            assembly ("memory-safe") {
                value := shr(sub(256, shl(3, octets)), mload(add(ptr, 1)))
            }
            // Below what half the octets can say, or, of one octet, what the initial byte can.
            if (octets == 1 ? value < 24 : value >> (4 * octets) == 0) revert CborLength(initial);
        }
    }

    /// @notice The head of a map or an array, `INDEFINITE` where it goes on to a break.
    function open(uint256 ptr, uint256 end, uint256 major) internal pure returns (uint256 count, uint256 next) {
        if (peek(ptr, end) == ((major << 5) | 0x1f)) return (INDEFINITE, ptr + 1);
        return head(ptr, end, major);
    }

    /// @notice Whether a map or an array has an item after `index` others. Where it has not, `next` is behind it.
    function more(
        uint256 ptr,
        uint256 end,
        uint256 count,
        uint256 index
    ) internal pure returns (bool has, uint256 next) {
        if (count != INDEFINITE) return (index < count, ptr);
        if (peek(ptr, end) != BREAK) return (true, ptr);
        return (false, ptr + 1);
    }

    /// @notice Where the content of a byte string or a text lies.
    function stringAt(uint256 ptr, uint256 end, uint256 major) internal pure returns (uint256 content, uint256 next) {
        unchecked {
            uint256 length;
            (length, content) = head(ptr, end, major);
            // The length is below 2^64: the sum does not overflow.
            next = content + length;
            if (next > end) revert CborTruncated();
        }
    }

    /// @notice The initial byte of the item at `ptr`.
    function peek(uint256 ptr, uint256 end) internal pure returns (uint256 initial) {
        if (ptr >= end) revert CborTruncated();
        assembly ("memory-safe") {
            initial := byte(0, mload(ptr))
        }
    }

    /// @notice Nothing may follow.
    function close(uint256 ptr, uint256 end) internal pure {
        if (ptr != end) revert CborTrailing(end - ptr);
    }
}
