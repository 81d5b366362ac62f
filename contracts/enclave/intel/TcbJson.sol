// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// Templates of JSON are full of double quotes, and would be unreadable with each of them escaped.
// solhint-disable quotes

import {Der} from "../der/Der.sol";
import {Json} from "./Json.sol";
import {TcbStatus} from "./TcbStatus.sol";

/// @title What TCB info and QE identity have in common
/// @notice Reads the parts that both of Intel's documents have (Intel PCS API, version 4).
library TcbJson {
    /// @notice The document names a status that is unknown here.
    error TcbStatusUnknown(bytes32 textHash);

    /// @notice `"issueDate":"...","nextUpdate":"..."`, both in Unix seconds.
    function datesAt(uint256 ptr) internal pure returns (uint256 issueDate, uint256 nextUpdate, uint256 next) {
        ptr = Json.expect(ptr, '"issueDate":', 12);
        (issueDate, ptr) = Json.timeAt(ptr);
        ptr = Json.expect(ptr, ',"nextUpdate":', 14);
        (nextUpdate, next) = Json.timeAt(ptr);
    }

    /// @notice `,"tcbLevels":[{"tcb":{"isvsvn":N},...},...]`, written as svn in two octets and status in one each.
    /// @param out Where to write; must have room.
    function isvLevelsAt(uint256 ptr, uint256 out) internal pure returns (uint256 count, uint256 next, uint256 outEnd) {
        unchecked {
            ptr = Json.expect(ptr, ',"tcbLevels":[', 14);
            bool more = true;
            while (more) {
                uint256 svn;
                TcbStatus status;
                ptr = Json.expect(ptr, '{"tcb":{"isvsvn":', 17);
                (svn, ptr) = Json.numberAt(ptr, type(uint16).max);
                (status, ptr) = levelEndAt(ptr);
                uint256 packed = (svn << 8) | uint8(status);
                assembly ("memory-safe") {
                    mstore(out, shl(232, packed))
                }
                out += 3;
                ++count;
                (more, ptr) = Json.comma(ptr);
            }
            (next, outEnd) = (Json.expect(ptr, "]", 1), out);
        }
    }

    /// @notice The end of a level: `},"tcbDate":"...","tcbStatus":"..."}`, advisories before the last brace or none.
    function levelEndAt(uint256 ptr) internal pure returns (TcbStatus status, uint256 next) {
        unchecked {
            ptr = Json.expect(ptr, '},"tcbDate":', 12);
            (, , ptr) = Json.stringAt(ptr);
            ptr = Json.expect(ptr, ',"tcbStatus":', 13);
            (uint256 first, uint256 last, uint256 behind) = Json.stringAt(ptr);
            status = _statusOf(Der.hash(first, last));
            ptr = behind;
            if (Json.matches(ptr, ',"advisoryIDs":[', 16)) {
                ptr += 16;
                bool more = true;
                while (more) {
                    (, , ptr) = Json.stringAt(ptr);
                    (more, ptr) = Json.comma(ptr);
                }
                ptr = Json.expect(ptr, "]", 1);
            }
            next = Json.expect(ptr, "}", 1);
        }
    }

    function _statusOf(bytes32 textHash) private pure returns (TcbStatus) {
        if (textHash == keccak256("UpToDate")) return TcbStatus.UpToDate;
        if (textHash == keccak256("OutOfDate")) return TcbStatus.OutOfDate;
        if (textHash == keccak256("SWHardeningNeeded")) return TcbStatus.SwHardeningNeeded;
        if (textHash == keccak256("ConfigurationNeeded")) return TcbStatus.ConfigurationNeeded;
        if (textHash == keccak256("ConfigurationAndSWHardeningNeeded")) {
            return TcbStatus.ConfigurationAndSwHardeningNeeded;
        }
        if (textHash == keccak256("OutOfDateConfigurationNeeded")) return TcbStatus.OutOfDateConfigurationNeeded;
        if (textHash == keccak256("Revoked")) return TcbStatus.Revoked;
        revert TcbStatusUnknown(textHash);
    }
}
