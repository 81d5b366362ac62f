// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// Templates of JSON are full of double quotes, and would be unreadable with each of them escaped.
// solhint-disable quotes

import {Json} from "./Json.sol";
import {TcbJson} from "./TcbJson.sol";
import {TcbStatus, TcbStatuses} from "./TcbStatus.sol";
import {wordAt} from "../Words.sol";

/// @notice The head of a TCB info, and what is kept of the rest.
struct TcbInfoHead {
    bool isTdx;
    uint256 issueDate; // Unix seconds
    uint256 nextUpdate;
    uint256 fmspc;
    uint256 pceId; // as written, that is little endian
    uint256 evaluationNumber;
    bytes packed; // as `TcbInfo` says
}

/// @notice What a quote and its PCK certificate say about a platform.
struct PlatformTcb {
    uint256 sgxSvns; // 16 octets
    uint256 pceSvn;
    bool isTdx;
    uint256 tdxSvns; // 16 octets
    bool hasRelaunchSvns; // TD 1.5 reports have them
    uint256 relaunchSvns;
    bytes32 moduleSigner; // keccak256 of MRSIGNERSEAM
    uint256 moduleAttributes; // 8 octets
}

/// @title TCB info, version 3
/// @notice Reads Intel's JSON as signed, keeps it in few octets, and finds a platform's level in it.
/// @dev Packed, big endian: levels' place 2, number of levels 1, number of modules 1, then for TDX the module of
/// version 0 as signer 48, attributes 8, then each module as version 1, the same 56, number of levels 1 and levels of
/// svn 2, status 1, then each level as SGX svns 16, TDX svns 16 (TDX only), PCE svn 2, status 1.
library TcbInfo {
    uint256 private constant HEAD_BYTES = 4;
    uint256 private constant SIGNER_BYTES = 48;
    uint256 private constant MODULE_BYTES = 56;
    uint256 private constant MODULE_LEVEL_BYTES = 3;
    uint256 private constant COMPONENTS = 16;
    uint256 private constant SLACK_BYTES = 64;

    /// @dev The lower octet of each pair, and one bit above it.
    uint256 private constant LANES = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
    uint256 private constant GUARDS = 0x0100010001000100010001000100010001000100010001000100010001000100;
    uint256 private constant FIRST_TWO_TDX = 0xffff << 112;

    /// @notice The document has more levels or modules than one octet counts.
    error TcbInfoTooManyLevels(uint256 count);
    /// @notice No level of the TCB info is as low as the platform.
    error TcbLevelUnknown(uint256 sgxSvns, uint256 tdxSvns, uint256 pceSvn);
    /// @notice The TCB info knows no TDX module of this version, or no level of it as low as this svn.
    error TdxModuleUnknown(uint256 version, uint256 svn);
    /// @notice The TDX module was signed by another or has attributes that it must not have.
    error TdxModuleMismatch(bytes32 signerHash, uint256 attributes);
    /// @notice A TDX module has a status that none can have.
    error TdxModuleStatus(TcbStatus status);

    /// @param json The text that Intel signed, which is the value of `tcbInfo`.
    function read(bytes calldata json) internal pure returns (TcbInfoHead memory head) {
        unchecked {
            (uint256 ptr, uint256 end) = Json.load(json);
            head.isTdx = Json.matches(ptr, '{"id":"TDX"', 11);
            ptr = head.isTdx ? ptr + 11 : Json.expect(ptr, '{"id":"SGX"', 11);
            ptr = Json.expect(ptr, ',"version":3,', 13);
            (head.issueDate, head.nextUpdate, ptr) = TcbJson.datesAt(ptr);
            ptr = Json.expect(ptr, ',"fmspc":"', 10);
            (head.fmspc, ptr) = Json.hexAt(ptr, 12);
            ptr = Json.expect(ptr, '","pceId":"', 11);
            (head.pceId, ptr) = Json.hexAt(ptr, 4);
            ptr = Json.expect(ptr, '","tcbType":0', 13);
            ptr = Json.expect(ptr, ',"tcbEvaluationDataNumber":', 27);
            (head.evaluationNumber, ptr) = Json.numberAt(ptr, type(uint16).max);

            // Less than the text, which writes each octet as two at least.
            bytes memory packed = new bytes(json.length + SLACK_BYTES);
            uint256 out;
            assembly ("memory-safe") {
                out := add(packed, 0x20)
            }
            (uint256 modules, uint256 next, uint256 outEnd) = head.isTdx
                ? _readModules(ptr, out + HEAD_BYTES)
                : (0, ptr, out + HEAD_BYTES);
            uint256 levelsAt = outEnd - out;
            uint256 levels;
            (levels, next, outEnd) = _readLevels(next, outEnd, head.isTdx);
            next = Json.expect(next, "}", 1);
            if (next != end) revert Json.JsonUnexpected(bytes32("bytes behind the document"));
            if (levels > type(uint8).max) revert TcbInfoTooManyLevels(levels);

            uint256 start = (levelsAt << 16) | (levels << 8) | modules;
            assembly ("memory-safe") {
                mstore(out, or(shl(224, start), shr(32, shl(32, mload(out)))))
                mstore(packed, sub(outEnd, out))
            }
            head.packed = packed;
        }
    }

    /// @notice The platform's status, without that of its quoting enclave.
    /// @param info Where the packed document lies.
    /// @param isQeUpToDate Only then can a relaunch of the trust domain be enough.
    function statusOf(
        uint256 info,
        PlatformTcb memory tcb,
        bool isQeUpToDate
    ) internal pure returns (TcbStatus status) {
        uint256 head = wordAt(info) >> 224;
        uint256 levels = info + (head >> 16);
        uint256 count = (head >> 8) & 0xff;
        TcbStatus sgxStatus;
        (sgxStatus, status) = _matchLevels(levels, count, tcb);
        if (!tcb.isTdx) return sgxStatus;

        TcbStatus moduleStatus = _moduleStatus(info, tcb);
        status = TcbStatuses.converge(status, moduleStatus);
        if (
            tcb.hasRelaunchSvns &&
            isQeUpToDate &&
            !TcbStatuses.isOutOfDate(sgxStatus) &&
            sgxStatus != TcbStatus.Revoked &&
            TcbStatuses.isOutOfDate(status) &&
            moduleStatus == TcbStatus.OutOfDate &&
            _isRelaunchEnough(info, levels, tcb.relaunchSvns)
        ) {
            return
                TcbStatuses.isConfigurationNeeded(sgxStatus) || TcbStatuses.isConfigurationNeeded(status)
                    ? TcbStatus.TdRelaunchAdvisedConfigurationNeeded
                    : TcbStatus.TdRelaunchAdvised;
        }
    }

    /// @notice Reverts unless the TDX module is one that the TCB info names.
    function requireModule(uint256 info, PlatformTcb memory tcb) internal pure {
        unchecked {
            uint256 version = (tcb.tdxSvns >> 112) & 0xff;
            uint256 module = info + HEAD_BYTES;
            if (version != 0) {
                module = _findModule(info, version);
                if (module == 0) revert TdxModuleUnknown(version, tcb.tdxSvns >> 120);
                ++module;
            }
            bytes32 signer;
            assembly ("memory-safe") {
                signer := keccak256(module, SIGNER_BYTES)
            }
            uint256 attributes = wordAt(module + SIGNER_BYTES) >> 192;
            // A module for production has no attributes, whatever the document's mask leaves out.
            bool isRight = signer == tcb.moduleSigner && tcb.moduleAttributes == 0 && attributes == 0;
            if (!isRight) revert TdxModuleMismatch(tcb.moduleSigner, tcb.moduleAttributes);
        }
    }

    function _readModules(uint256 ptr, uint256 out) private pure returns (uint256 count, uint256 next, uint256 outEnd) {
        unchecked {
            ptr = Json.expect(ptr, ',"tdxModule":{', 14);
            (ptr, out) = _readModule(ptr, out);
            ptr = Json.expect(ptr, "}", 1);
            if (!Json.matches(ptr, ',"tdxModuleIdentities":[', 24)) return (0, ptr, out);
            ptr += 24;
            bool more = true;
            while (more) {
                uint256 version;
                ptr = Json.expect(ptr, '{"id":"TDX_', 11);
                (version, ptr) = Json.hexAt(ptr, 2);
                ptr = Json.expect(ptr, '",', 2);
                assembly ("memory-safe") {
                    mstore8(out, version)
                }
                (ptr, out) = _readModule(ptr, out + 1);
                uint256 levels;
                uint256 levelsAt = out + 1;
                uint256 levelsEnd;
                (levels, ptr, levelsEnd) = TcbJson.isvLevelsAt(ptr, levelsAt);
                if (levels > type(uint8).max) revert TcbInfoTooManyLevels(levels);
                assembly ("memory-safe") {
                    mstore8(out, levels)
                }
                out = levelsEnd;
                ptr = Json.expect(ptr, "}", 1);
                ++count;
                (more, ptr) = Json.comma(ptr);
            }
            if (count > type(uint8).max) revert TcbInfoTooManyLevels(count);
            (next, outEnd) = (Json.expect(ptr, "]", 1), out);
        }
    }

    /// @dev `"mrsigner":"...","attributes":"...","attributesMask":"..."`
    function _readModule(uint256 ptr, uint256 out) private pure returns (uint256 next, uint256 outEnd) {
        unchecked {
            ptr = Json.expect(ptr, '"mrsigner":"', 12);
            for (uint256 i = 0; i < 3; ++i) {
                uint256 part;
                (part, ptr) = Json.hexAt(ptr, 32);
                assembly ("memory-safe") {
                    mstore(out, shl(128, part))
                }
                out += 16;
            }
            ptr = Json.expect(ptr, '","attributes":"', 16);
            (uint256 attributes, uint256 behind) = Json.hexAt(ptr, 16);
            ptr = Json.expect(behind, '","attributesMask":"', 20);
            (, ptr) = Json.hexAt(ptr, 16);
            assembly ("memory-safe") {
                mstore(out, shl(192, attributes))
            }
            (next, outEnd) = (Json.expect(ptr, '"', 1), out + 8);
        }
    }

    function _readLevels(
        uint256 ptr,
        uint256 out,
        bool isTdx
    ) private pure returns (uint256 count, uint256 next, uint256 outEnd) {
        unchecked {
            ptr = Json.expect(ptr, ',"tcbLevels":[', 14);
            bool more = true;
            while (more) {
                uint256 svns;
                uint256 pceSvn;
                TcbStatus status;
                ptr = Json.expect(ptr, '{"tcb":{"sgxtcbcomponents":', 27);
                (svns, ptr) = _componentsAt(ptr);
                out = _write16(out, svns);
                ptr = Json.expect(ptr, ',"pcesvn":', 10);
                (pceSvn, ptr) = Json.numberAt(ptr, type(uint16).max);
                if (isTdx) {
                    ptr = Json.expect(ptr, ',"tdxtcbcomponents":', 20);
                    (svns, ptr) = _componentsAt(ptr);
                    out = _write16(out, svns);
                }
                (status, ptr) = TcbJson.levelEndAt(ptr);
                uint256 packed = (pceSvn << 8) | uint8(status);
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

    /// @dev Sixteen of `{"svn":N}`, some with a category and a type.
    function _componentsAt(uint256 ptr) private pure returns (uint256 svns, uint256 next) {
        unchecked {
            ptr = Json.expect(ptr, "[", 1);
            for (uint256 i = 0; i < COMPONENTS; ++i) {
                uint256 svn;
                ptr = Json.expect(ptr, '{"svn":', 7);
                (svn, ptr) = Json.numberAt(ptr, type(uint8).max);
                svns = (svns << 8) | svn;
                if (Json.matches(ptr, ',"category":', 12)) (, , ptr) = Json.stringAt(ptr + 12);
                if (Json.matches(ptr, ',"type":', 8)) (, , ptr) = Json.stringAt(ptr + 8);
                ptr = Json.expect(ptr, i + 1 == COMPONENTS ? bytes32("}]") : bytes32("},"), 2);
            }
            next = ptr;
        }
    }

    /// @dev The first level that the platform reaches in everything, and the first that it reaches as far as SGX goes.
    /// The svns of TDX count from the third on where the module's version says that the module has levels of its own.
    function _matchLevels(
        uint256 level,
        uint256 count,
        PlatformTcb memory tcb
    ) private pure returns (TcbStatus sgxStatus, TcbStatus status) {
        unchecked {
            uint256 reached = (tcb.sgxSvns << 128) | type(uint128).max;
            uint256 reachedAll = (tcb.sgxSvns << 128) | tcb.tdxSvns;
            if ((tcb.tdxSvns >> 112) & 0xff != 0) reachedAll |= FIRST_TWO_TDX;
            uint256 svnBytes = tcb.isTdx ? 32 : 16;
            bool hasSgx = false;
            for (uint256 i = 0; i < count; ++i) {
                uint256 svns = wordAt(level);
                uint256 end = wordAt(level + svnBytes) >> 232;
                if (end >> 8 <= tcb.pceSvn && _isReached(reached, svns)) {
                    if (!hasSgx) (hasSgx, sgxStatus) = (true, TcbStatus(end & 0xff));
                    if (!tcb.isTdx) return (sgxStatus, sgxStatus);
                    if (_isReached(reachedAll, svns)) return (sgxStatus, TcbStatus(end & 0xff));
                }
                level += svnBytes + 3;
            }
            revert TcbLevelUnknown(tcb.sgxSvns, tcb.tdxSvns, tcb.pceSvn);
        }
    }

    /// @dev Whether each octet of `reached` is at least that of `level`: a subtraction borrows the bit above its lane
    /// where it is not.
    function _isReached(uint256 reached, uint256 level) private pure returns (bool) {
        unchecked {
            uint256 odd = ((reached & LANES) | GUARDS) - (level & LANES);
            uint256 even = (((reached >> 8) & LANES) | GUARDS) - ((level >> 8) & LANES);
            return odd & even & GUARDS == GUARDS;
        }
    }

    function _moduleStatus(uint256 info, PlatformTcb memory tcb) private pure returns (TcbStatus) {
        unchecked {
            uint256 version = (tcb.tdxSvns >> 112) & 0xff;
            uint256 svn = tcb.tdxSvns >> 120;
            if (version == 0) return TcbStatus.UpToDate;
            uint256 module = _findModule(info, version);
            if (module == 0) revert TdxModuleUnknown(version, svn);
            uint256 count = wordAt(module + 1 + MODULE_BYTES) >> 248;
            uint256 level = module + 2 + MODULE_BYTES;
            for (uint256 i = 0; i < count; ++i) {
                uint256 packed = wordAt(level) >> 232;
                if (packed >> 8 <= svn) {
                    TcbStatus status = TcbStatus(packed & 0xff);
                    bool isKnown =
                        status == TcbStatus.UpToDate || status == TcbStatus.OutOfDate || status == TcbStatus.Revoked;
                    if (!isKnown) revert TdxModuleStatus(status);
                    return status;
                }
                level += MODULE_LEVEL_BYTES;
            }
            revert TdxModuleUnknown(version, svn);
        }
    }

    /// @dev Whether the module that is loaded now, unlike the one the trust domain was launched under, is the newest.
    function _isRelaunchEnough(uint256 info, uint256 newest, uint256 svns) private pure returns (bool) {
        unchecked {
            uint256 version = (svns >> 112) & 0xff;
            uint256 newestTdx = wordAt(newest) & type(uint128).max;
            uint256 newestSvn = newestTdx >> 120;
            if (version != 0) {
                uint256 module = _findModule(info, version);
                if (module == 0) revert TdxModuleUnknown(version, svns >> 120);
                newestSvn = wordAt(module + 2 + MODULE_BYTES) >> 240;
            }
            return svns >> 120 >= newestSvn && (svns >> 104) & 0xff >= (newestTdx >> 104) & 0xff;
        }
    }

    /// @dev Where the module of this version begins; 0: nowhere.
    function _findModule(uint256 info, uint256 version) private pure returns (uint256) {
        unchecked {
            uint256 count = (wordAt(info) >> 224) & 0xff;
            uint256 module = info + HEAD_BYTES + MODULE_BYTES;
            for (uint256 i = 0; i < count; ++i) {
                if (wordAt(module) >> 248 == version) return module;
                uint256 levels = wordAt(module + 1 + MODULE_BYTES) >> 248;
                module += 2 + MODULE_BYTES + levels * MODULE_LEVEL_BYTES;
            }
            return 0;
        }
    }

    function _write16(uint256 out, uint256 svns) private pure returns (uint256) {
        assembly ("memory-safe") {
            mstore(out, shl(128, svns))
        }
        return out + 16;
    }
}
