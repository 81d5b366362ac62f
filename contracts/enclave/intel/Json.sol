// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// Templates of JSON are full of double quotes, and would be unreadable with each of them escaped.
// solhint-disable quotes

import {Calendar} from "../der/Calendar.sol";
import {octetOf, wordAt} from "../Words.sol";

/// @title Reader of JSON that follows a template
/// @notice Reads text whose keys and their order are known: everything that is not a value is compared, so a key that
/// is missing, new, doubled or moved stops the reading, as does white space. A position is an address in memory.
/// @dev Behind the text stand 32 zero octets. No template and no value has one, so no reading runs over the end; that a
/// text was read whole is for its reader to check, by the position reached.
library Json {
    uint256 private constant EACH_OCTET = 0x0101010101010101010101010101010101010101010101010101010101010101;
    uint256 private constant LOW_BITS = EACH_OCTET * 0x7f;
    uint256 private constant QUOTES = EACH_OCTET * 0x22;
    uint256 private constant BACKSLASHES = EACH_OCTET * 0x5c;
    uint256 private constant NOT_CONTROL = EACH_OCTET * 0xe0;
    uint256 private constant QUOTE = 0x22;
    uint256 private constant COMMA = 0x2c;
    uint256 private constant MAX_HEX_DIGITS = 32;

    /// @notice The text goes on like this where the template has something else.
    error JsonUnexpected(bytes32 found);
    /// @notice The number is larger than its use allows.
    error JsonNumberTooLarge(uint256 value, uint256 max);

    /// @notice Brings a text into memory, zeros behind it.
    function load(bytes calldata json) internal pure returns (uint256 ptr, uint256 end) {
        assembly ("memory-safe") {
            ptr := mload(0x40)
            end := add(ptr, json.length)
            calldatacopy(ptr, json.offset, json.length)
            mstore(end, 0)
            mstore(0x40, and(add(end, 0x5f), not(0x1f)))
        }
    }

    /// @notice Whether the text goes on with the first `length` octets of `template`.
    function matches(uint256 ptr, bytes32 template, uint256 length) internal pure returns (bool is_) {
        assembly ("memory-safe") {
            is_ := iszero(shr(sub(256, shl(3, length)), xor(mload(ptr), template)))
        }
    }

    /// @notice The position behind `template`, which must stand here.
    function expect(uint256 ptr, bytes32 template, uint256 length) internal pure returns (uint256 next) {
        unchecked {
            if (!matches(ptr, template, length)) revert JsonUnexpected(bytes32(wordAt(ptr)));
            next = ptr + length;
        }
    }

    /// @notice Whether a comma stands here, and the position behind it if so.
    function comma(uint256 ptr) internal pure returns (bool found, uint256 next) {
        unchecked {
            found = wordAt(ptr) >> 248 == COMMA;
            next = found ? ptr + 1 : ptr;
        }
    }

    /// @notice A whole number without sign, fraction or leading zeros.
    function numberAt(uint256 ptr, uint256 max) internal pure returns (uint256 value, uint256 next) {
        unchecked {
            uint256 text = wordAt(ptr);
            value = (text >> 248) - 0x30;
            if (value > 9) revert JsonUnexpected(bytes32(text));
            next = ptr + 1;
            // What follows a zero is not a digit, or the template stops there.
            if (value == 0) return (value, next);
            // A word has 32 digits at most, so the value cannot overflow; a 33rd digit stops the template.
            for (text <<= 8; (text >> 248) - 0x30 <= 9; text <<= 8) {
                value = value * 10 + (text >> 248) - 0x30;
                ++next;
            }
            if (value > max) revert JsonNumberTooLarge(value, max);
        }
    }

    /// @notice The content of a string in quotes, without escapes or control characters.
    function stringAt(uint256 ptr) internal pure returns (uint256 first, uint256 last, uint256 next) {
        unchecked {
            first = expect(ptr, '"', 1);
            last = first;
            while (true) {
                uint256 text = wordAt(last);
                uint256 stops = _zeros(text ^ QUOTES) | _zeros(text ^ BACKSLASHES) | _zeros(text & NOT_CONTROL);
                if (stops == 0) {
                    last += 32;
                    continue;
                }
                assembly ("memory-safe") {
                    last := add(last, shr(3, clz(stops)))
                }
                if (wordAt(last) >> 248 != QUOTE) revert JsonUnexpected(bytes32(text));
                return (first, last, last + 1);
            }
        }
    }

    /// @notice Unix seconds of a string "YYYY-MM-DDTHH:MM:SSZ".
    function timeAt(uint256 ptr) internal pure returns (uint256 unixSeconds, uint256 next) {
        unchecked {
            ptr = expect(ptr, '"', 1);
            uint256 text = wordAt(ptr);
            next = ptr + 21;
            bool isShaped = octetOf(text, 4) == 0x2d && octetOf(text, 7) == 0x2d && octetOf(text, 10) == 0x54;
            isShaped = isShaped && octetOf(text, 13) == 0x3a && octetOf(text, 16) == 0x3a;
            isShaped = isShaped && octetOf(text, 19) == 0x5a && octetOf(text, 20) == QUOTE;
            if (!isShaped) revert JsonUnexpected(bytes32(text));
            unixSeconds = Calendar.toUnix(
                Calendar.twoDigits(text, 0) * 100 + Calendar.twoDigits(text, 2),
                Calendar.twoDigits(text, 5),
                Calendar.twoDigits(text, 8),
                Calendar.twoDigits(text, 11),
                Calendar.twoDigits(text, 14),
                Calendar.twoDigits(text, 17)
            );
        }
    }

    /// @notice The number that `digits` hexadecimal digits show, at most 32 of them, in either case.
    /// @dev All digits at once, one octet each: a digit's low half, and nine more where it is a letter. What the
    /// numbers would be written as has to be what stands there.
    function hexAt(uint256 ptr, uint256 digits) internal pure returns (uint256 value, uint256 next) {
        unchecked {
            uint256 text = wordAt(ptr);
            uint256 free = 8 * (MAX_HEX_DIGITS - digits);
            // Zeros in front.
            text = (text >> free) | ((EACH_OCTET * 0x30) << (256 - free));
            uint256 isLetter = (text >> 6) & EACH_OCTET;
            value = (text & (EACH_OCTET * 0x0f)) + isLetter * 9;
            uint256 written = value + EACH_OCTET * 0x30 + (((value + EACH_OCTET * 6) >> 4) & EACH_OCTET) * 7;
            if (value & (EACH_OCTET * 0xf0) != 0 || written != (text & ~(isLetter * 0x20))) {
                revert JsonUnexpected(bytes32(wordAt(ptr)));
            }
            // Halves into octets, octets into pairs, and so on.
            value = ((value >> 4) | value) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
            value = ((value >> 8) | value) & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
            value = ((value >> 16) | value) & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
            value = ((value >> 32) | value) & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
            value = ((value >> 64) | value) & type(uint128).max;
            next = ptr + digits;
        }
    }

    /// @dev The highest bit of each octet that is zero.
    function _zeros(uint256 word) private pure returns (uint256) {
        unchecked {
            return ~(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS);
        }
    }
}
