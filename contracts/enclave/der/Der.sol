// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Calendar} from "./Calendar.sol";
import {octetOf, wordAt} from "../Words.sol";

/// @title DER reader
/// @notice Reads ITU-T X.690 DER in memory, one element at a time. A position is an address in memory. An element lies
/// in `ptr .. end`, where `end` is the end of what encloses it, and everything is checked against that end. The end of
/// an element is the beginning of its neighbour.
/// @dev Every function takes the end, so no read depends on what lies behind a document: a word that is loaded over the
/// end is only used up to it.
library Der {
    uint256 internal constant BOOLEAN = 0x01;
    uint256 internal constant INTEGER = 0x02;
    uint256 internal constant BIT_STRING = 0x03;
    uint256 internal constant OCTET_STRING = 0x04;
    uint256 internal constant OBJECT_IDENTIFIER = 0x06;
    uint256 internal constant ENUMERATED = 0x0a;
    uint256 internal constant UTC_TIME = 0x17;
    uint256 internal constant GENERALIZED_TIME = 0x18;
    uint256 internal constant SEQUENCE = 0x30;
    uint256 internal constant SET = 0x31;

    uint256 private constant UTC_TIME_BYTES = 13;
    uint256 private constant GENERALIZED_TIME_BYTES = 15;
    uint256 private constant OID_LENGTH_SHIFT = 248;

    /// @notice An element runs past the end of what encloses it.
    error DerTruncated();
    /// @notice Bytes follow where an element has to end.
    error DerTrailing(uint256 bytesLeft);
    /// @notice Another kind of element stands here. 0 as found: none does.
    error DerTag(uint256 expected, uint256 found);
    /// @notice The length is indefinite, not the shortest, or above 65,535.
    error DerLength(uint256 firstOctet);
    /// @notice The integer is negative, not the shortest, or larger than its use allows.
    error DerInteger();
    /// @notice The boolean is neither 0x00 nor 0xff.
    error DerBoolean(uint256 value);
    /// @notice The bit string is empty, or has unused bits that it must not have.
    error DerBitString();
    /// @notice The time is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ.
    error DerTime();

    /// @notice Where the bytes lie.
    function range(bytes memory der) internal pure returns (uint256 ptr, uint256 end) {
        assembly ("memory-safe") {
            ptr := add(der, 0x20)
            end := add(ptr, mload(der))
        }
    }

    /// @notice The element at `ptr`, whatever it is. Tags of more than one octet are refused.
    function element(
        uint256 ptr,
        uint256 end
    ) internal pure returns (uint256 tag, uint256 content, uint256 contentEnd) {
        unchecked {
            if (ptr + 2 > end) revert DerTruncated();
            uint256 head;
            assembly ("memory-safe") {
                head := mload(ptr)
            }
            tag = head >> 248;
            if (tag & 0x1f == 0x1f) revert DerTag(0, tag);

            uint256 length = (head >> 240) & 0xff;
            if (length < 0x80) {
                content = ptr + 2;
            } else if (length == 0x81) {
                content = ptr + 3;
                if (content > end) revert DerTruncated();
                length = (head >> 232) & 0xff;
                if (length < 0x80) revert DerLength(0x81);
            } else if (length == 0x82) {
                content = ptr + 4;
                if (content > end) revert DerTruncated();
                length = (head >> 224) & 0xffff;
                if (length < 0x100) revert DerLength(0x82);
            } else {
                revert DerLength(length);
            }
            contentEnd = content + length;
            if (contentEnd > end) revert DerTruncated();
        }
    }

    /// @notice The content of the element at `ptr`, which must have this tag.
    function open(uint256 ptr, uint256 end, uint256 tag) internal pure returns (uint256 content, uint256 contentEnd) {
        unchecked {
            // Most elements have the tag and a length below 128: seen at once.
            uint256 head = wordAt(ptr) >> 240;
            if (head >> 7 == tag << 1) {
                content = ptr + 2;
                contentEnd = content + (head & 0x7f);
                if (contentEnd > end) revert DerTruncated();
                return (content, contentEnd);
            }
        }
        uint256 found;
        (found, content, contentEnd) = element(ptr, end);
        if (found != tag) revert DerTag(tag, found);
    }

    /// @notice The end of the element at `ptr`, which must have this tag.
    function skip(uint256 ptr, uint256 end, uint256 tag) internal pure returns (uint256 next) {
        (, next) = open(ptr, end, tag);
    }

    /// @notice The tag at `ptr`; 0 where nothing follows.
    function peek(uint256 ptr, uint256 end) internal pure returns (uint256 tag) {
        if (ptr >= end) return 0;
        assembly ("memory-safe") {
            tag := byte(0, mload(ptr))
        }
    }

    /// @notice Nothing may follow.
    function close(uint256 ptr, uint256 end) internal pure {
        if (ptr != end) revert DerTrailing(end - ptr);
    }

    /// @notice Where the magnitude of a positive INTEGER lies: no sign octet, and no octet at all for zero.
    function magnitude(uint256 ptr, uint256 end) internal pure returns (uint256 first, uint256 next) {
        unchecked {
            (first, next) = open(ptr, end, INTEGER);
            if (first == next) revert DerInteger();
            uint256 head = wordAt(first);
            if (head >> 255 == 1) revert DerInteger();
            if (head >> 248 == 0) {
                ++first;
                // A zero octet in front is a sign octet, and only a high bit needs one.
                if (first != next && (head >> 247) & 1 == 0) revert DerInteger();
            }
        }
    }

    /// @notice A positive INTEGER of at most 256 bits.
    function uintAt(uint256 ptr, uint256 end) internal pure returns (uint256 value, uint256 next) {
        uint256 first;
        (first, next) = magnitude(ptr, end);
        value = _number(first, next);
    }

    /// @notice A positive INTEGER of at most 512 bits.
    function limbsAt(uint256 ptr, uint256 end) internal pure returns (uint256 high, uint256 low, uint256 next) {
        unchecked {
            uint256 first;
            (first, next) = magnitude(ptr, end);
            uint256 split = next - first > 32 ? next - 32 : first;
            high = _number(first, split);
            low = _number(split, next);
        }
    }

    /// @notice A BOOLEAN.
    function boolAt(uint256 ptr, uint256 end) internal pure returns (bool value, uint256 next) {
        uint256 content;
        (content, next) = open(ptr, end, BOOLEAN);
        uint256 octet = _number(content, next);
        if (next - content != 1 || (octet != 0 && octet != 0xff)) revert DerBoolean(octet);
        value = octet != 0;
    }

    /// @notice An OBJECT IDENTIFIER as one word: its content, and its length in the highest octet. Longer ones than 31
    /// octets all read as the highest word, which stands for none.
    function oidAt(uint256 ptr, uint256 end) internal pure returns (uint256 oid, uint256 next) {
        unchecked {
            uint256 content;
            (content, next) = open(ptr, end, OBJECT_IDENTIFIER);
            uint256 length = next - content;
            oid = length > 31 ? type(uint256).max : (length << OID_LENGTH_SHIFT) | _number(content, next);
        }
    }

    /// @notice The content of a BIT STRING of whole octets.
    function bitStringAt(uint256 ptr, uint256 end) internal pure returns (uint256 content, uint256 next) {
        unchecked {
            (content, next) = open(ptr, end, BIT_STRING);
            if (content == next || wordAt(content) >> 248 != 0) revert DerBitString();
            ++content;
        }
    }

    /// @notice The first eight named bits of a BIT STRING, the first one highest.
    function flagsAt(uint256 ptr, uint256 end) internal pure returns (uint256 flags, uint256 next) {
        unchecked {
            uint256 content;
            (content, next) = open(ptr, end, BIT_STRING);
            if (next - content < 2) revert DerBitString();
            uint256 unused = wordAt(content) >> 248;
            uint256 last = wordAt(next - 1) >> 248;
            if (unused > 7 || last & ((1 << unused) - 1) != 0) revert DerBitString();
            flags = wordAt(content + 1) >> 248;
        }
    }

    /// @notice A UTCTime or a GeneralizedTime, to the second and in UTC, as Unix seconds. Two-digit years are 1950 to
    /// 2049 (RFC 5280, 4.1.2.5.1).
    function timeAt(uint256 ptr, uint256 end) internal pure returns (uint256 unixSeconds, uint256 next) {
        unchecked {
            uint256 tag;
            uint256 content;
            (tag, content, next) = element(ptr, end);
            uint256 text = wordAt(content);
            uint256 year;
            if (tag == UTC_TIME) {
                if (next - content != UTC_TIME_BYTES) revert DerTime();
                year = Calendar.twoDigits(text, 0);
                year += year < 50 ? 2000 : 1900;
            } else if (tag == GENERALIZED_TIME) {
                if (next - content != GENERALIZED_TIME_BYTES) revert DerTime();
                year = Calendar.twoDigits(text, 0) * 100 + Calendar.twoDigits(text, 2);
                text <<= 16;
            } else {
                revert DerTag(UTC_TIME, tag);
            }
            if (octetOf(text, 12) != 0x5a) revert DerTime();
            unixSeconds = Calendar.toUnix(
                year,
                Calendar.twoDigits(text, 2),
                Calendar.twoDigits(text, 4),
                Calendar.twoDigits(text, 6),
                Calendar.twoDigits(text, 8),
                Calendar.twoDigits(text, 10)
            );
        }
    }

    /// @notice The hash of a range of memory.
    function hash(uint256 ptr, uint256 end) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            digest := keccak256(ptr, sub(end, ptr))
        }
    }

    /// @dev At most 32 octets, big endian.
    function _number(uint256 ptr, uint256 end) private pure returns (uint256) {
        unchecked {
            uint256 length = end - ptr;
            if (length > 32) revert DerInteger();
            // A shift by 256, for no octets, gives zero.
            return wordAt(ptr) >> (256 - 8 * length);
        }
    }
}
