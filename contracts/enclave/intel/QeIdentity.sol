// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// Templates of JSON are full of double quotes, and would be unreadable with each of them escaped.
// solhint-disable quotes

import {Json} from "./Json.sol";
import {TcbJson} from "./TcbJson.sol";
import {TcbStatus} from "./TcbStatus.sol";
import {wordAt} from "../Words.sol";

/// @notice The head of a QE identity, and what is kept of the rest.
struct QeIdentityHead {
    bool isTdx;
    uint256 issueDate; // Unix seconds
    uint256 nextUpdate;
    uint256 evaluationNumber;
    bytes packed; // as `QeIdentity` says
}

/// @title The identity of Intel's quoting enclaves, version 2
/// @notice Reads Intel's JSON as signed, keeps it in few octets, and compares an enclave's report with it.
/// @dev Packed, big endian: MRSIGNER 32, attributes 16, mask 16, MISCSELECT 4, mask 4, product 2, number of levels 1,
/// then each level as svn 2, status 1.
library QeIdentity {
    uint256 private constant MISC_AT = 64;
    uint256 private constant LEVELS_AT = 75;
    uint256 private constant SLACK_BYTES = 64;

    // Places in an enclave's report.
    uint256 private constant REPORT_MISC_AT = 16;
    uint256 private constant REPORT_ATTRIBUTES_AT = 48;
    uint256 private constant REPORT_SIGNER_AT = 128;
    uint256 private constant REPORT_PRODUCT_AT = 256;

    /// @notice The document has more levels than one octet counts.
    error QeIdentityTooManyLevels(uint256 count);
    /// @notice The quoting enclave was signed by another, is another product, or runs in another mode.
    error QeMismatch(bytes32 signer, uint256 attributes, uint256 miscSelect, uint256 product);
    /// @notice No level of the identity is as low as the quoting enclave.
    error QeLevelUnknown(uint256 svn);

    /// @param json The text that Intel signed, which is the value of `enclaveIdentity`.
    function read(bytes calldata json) internal pure returns (QeIdentityHead memory head) {
        unchecked {
            (uint256 ptr, uint256 end) = Json.load(json);
            head.isTdx = Json.matches(ptr, '{"id":"TD_QE"', 13);
            ptr = head.isTdx ? ptr + 13 : Json.expect(ptr, '{"id":"QE"', 10);
            ptr = Json.expect(ptr, ',"version":2,', 13);
            (head.issueDate, head.nextUpdate, ptr) = TcbJson.datesAt(ptr);
            ptr = Json.expect(ptr, ',"tcbEvaluationDataNumber":', 27);
            (head.evaluationNumber, ptr) = Json.numberAt(ptr, type(uint16).max);

            bytes memory packed = new bytes(json.length + SLACK_BYTES);
            uint256 out;
            assembly ("memory-safe") {
                out := add(packed, 0x20)
            }
            ptr = _readIdentity(ptr, out);
            (uint256 levels, uint256 next, uint256 outEnd) = TcbJson.isvLevelsAt(ptr, out + LEVELS_AT);
            next = Json.expect(next, "}", 1);
            if (next != end) revert Json.JsonUnexpected(bytes32("bytes behind the document"));
            if (levels > type(uint8).max) revert QeIdentityTooManyLevels(levels);
            assembly ("memory-safe") {
                mstore8(add(out, sub(LEVELS_AT, 1)), levels)
                mstore(packed, sub(outEnd, out))
            }
            head.packed = packed;
        }
    }

    /// @notice The status of a quoting enclave; reverts where it is not the one of the identity.
    /// @param identity Where the packed document lies.
    /// @param report Where the enclave's report lies, 384 octets.
    function statusOf(uint256 identity, uint256 report) internal pure returns (TcbStatus) {
        unchecked {
            bytes32 signer = bytes32(wordAt(report + REPORT_SIGNER_AT));
            uint256 attributes = wordAt(report + REPORT_ATTRIBUTES_AT) >> 128;
            uint256 miscSelect = wordAt(report + REPORT_MISC_AT) >> 224;
            uint256 ids = wordAt(report + REPORT_PRODUCT_AT) >> 224;
            uint256 product = _swap16(ids >> 16);

            uint256 wanted = wordAt(identity + 32);
            uint256 misc = wordAt(identity + MISC_AT) >> 176;
            bool isRight =
                signer == bytes32(wordAt(identity)) &&
                    attributes & (wanted & type(uint128).max) == wanted >> 128 &&
                    miscSelect & ((misc >> 16) & type(uint32).max) == misc >> 48 &&
                    product == misc & type(uint16).max;
            if (!isRight) revert QeMismatch(signer, attributes, miscSelect, product);

            return _levelOf(identity, _swap16(ids & type(uint16).max));
        }
    }

    /// @dev What is neither up to date nor revoked counts as out of date.
    function _levelOf(uint256 identity, uint256 svn) private pure returns (TcbStatus) {
        unchecked {
            uint256 count = wordAt(identity + LEVELS_AT - 1) >> 248;
            uint256 level = identity + LEVELS_AT;
            for (uint256 i = 0; i < count; ++i) {
                uint256 packed = wordAt(level) >> 232;
                if (packed >> 8 <= svn) {
                    TcbStatus status = TcbStatus(packed & 0xff);
                    bool isExtreme = status == TcbStatus.UpToDate || status == TcbStatus.Revoked;
                    return isExtreme ? status : TcbStatus.OutOfDate;
                }
                level += 3;
            }
            revert QeLevelUnknown(svn);
        }
    }

    function _readIdentity(uint256 ptr, uint256 out) private pure returns (uint256 next) {
        unchecked {
            ptr = Json.expect(ptr, ',"miscselect":"', 15);
            (uint256 misc, uint256 behind) = Json.hexAt(ptr, 8);
            ptr = Json.expect(behind, '","miscselectMask":"', 20);
            uint256 part;
            (part, ptr) = Json.hexAt(ptr, 8);
            misc = (misc << 32) | part;
            ptr = Json.expect(ptr, '","attributes":"', 16);
            uint256 attributes;
            (attributes, ptr) = Json.hexAt(ptr, 32);
            ptr = Json.expect(ptr, '","attributesMask":"', 20);
            (part, ptr) = Json.hexAt(ptr, 32);
            attributes = (attributes << 128) | part;
            ptr = Json.expect(ptr, '","mrsigner":"', 14);
            uint256 signer;
            (signer, ptr) = Json.hexAt(ptr, 32);
            (part, ptr) = Json.hexAt(ptr, 32);
            signer = (signer << 128) | part;
            ptr = Json.expect(ptr, '","isvprodid":', 14);
            (part, next) = Json.numberAt(ptr, type(uint16).max);
            misc = (misc << 16) | part;
            assembly ("memory-safe") {
                mstore(out, signer)
                mstore(add(out, 0x20), attributes)
                mstore(add(out, 0x40), shl(176, misc))
            }
        }
    }

    function _swap16(uint256 value) private pure returns (uint256) {
        return (value >> 8) | ((value & 0xff) << 8);
    }
}
