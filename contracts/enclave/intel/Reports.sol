// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIntelQuoteVerifier} from "../../interfaces/IIntelQuoteVerifier.sol";
import {PckPlatform} from "./PckExtension.sol";
import {QuoteReport} from "./Quote.sol";
import {PlatformTcb} from "./TcbInfo.sol";
import {wordAt} from "../Words.sol";

/// @title Reports of enclaves and trust domains
/// @notice Reads what a report says of the software in it and of the platform under it, and refuses what is not for
/// production. Places are those of Intel's TDX DCAP quote generation library, appendix A.
library Reports {
    uint256 internal constant SGX_REPORT_DATA_AT = 320;

    uint256 private constant SGX_MISC_AT = 16;
    uint256 private constant SGX_ATTRIBUTES_AT = 48;
    uint256 private constant SGX_CONFIG_ID_AT = 192;
    uint256 private constant SGX_CONFIG_SVN_AT = 260;
    uint256 private constant SGX_DEBUG = 0x02 << 248;
    uint256 private constant SGX_MEASURED_BYTES = 118;

    uint256 private constant TD_MODULE_SIGNER_AT = 64;
    uint256 private constant TD_MODULE_ATTRIBUTES_AT = 112;
    uint256 private constant TD_ATTRIBUTES_AT = 120;
    uint256 private constant TD_REPORT_DATA_AT = 520;
    uint256 private constant TD_RELAUNCH_SVNS_AT = 584;
    uint256 private constant TD_SERVICE_AT = 600;
    uint256 private constant SHA384_BYTES = 48;
    /// @dev keccak256 of 48 zero octets.
    bytes32 private constant NO_SERVICE_TD = 0xc980e59163ce244bb4bb6211f48c7b46f88a4f40943e84eb99bdc41e129bd293;

    // Attributes of a trust domain, as the octets stand.
    uint256 private constant TD_DEBUG = 0x01 << 56;
    uint256 private constant TD_SEPT_VE_DISABLE = 0x10 << 32;
    /// @dev SEPT_VE_DISABLE, PKS and KL in octet 3, PERFMON in octet 7; the rest is reserved.
    uint256 private constant TD_KNOWN = (0xd0 << 32) | 0x80;

    /// @notice What the report and the PCK certificate say of the platform.
    function tcbOf(
        QuoteReport memory report,
        PckPlatform memory platform
    ) internal pure returns (PlatformTcb memory tcb) {
        tcb.sgxSvns = platform.sgxSvns;
        tcb.pceSvn = platform.pceSvn;
        if (!report.isTdx) return tcb;

        uint256 ptr = report.ptr;
        tcb.isTdx = true;
        tcb.tdxSvns = wordAt(ptr) >> 128;
        tcb.moduleSigner = _hash(ptr + TD_MODULE_SIGNER_AT, SHA384_BYTES);
        tcb.moduleAttributes = wordAt(ptr + TD_MODULE_ATTRIBUTES_AT) >> 192;
        tcb.hasRelaunchSvns = report.isTd15;
        if (report.isTd15) tcb.relaunchSvns = wordAt(ptr + TD_RELAUNCH_SVNS_AT) >> 128;
    }

    /// @notice Reverts on debug mode, on attributes that a trust domain must not have, and on a service TD that is
    /// neither none nor the one named.
    function requireProduction(QuoteReport memory report, bytes32 serviceTd) internal pure {
        uint256 ptr = report.ptr;
        if (!report.isTdx) {
            if (wordAt(ptr + SGX_ATTRIBUTES_AT) & SGX_DEBUG != 0) revert IIntelQuoteVerifier.DebugEnclave();
            return;
        }
        uint256 attributes = wordAt(ptr + TD_ATTRIBUTES_AT) >> 192;
        if (attributes & TD_DEBUG != 0) revert IIntelQuoteVerifier.DebugEnclave();
        if (attributes & TD_SEPT_VE_DISABLE == 0 || attributes & ~TD_KNOWN != 0) {
            revert IIntelQuoteVerifier.TdAttributes(attributes);
        }
        if (report.isTd15) {
            bytes32 service = _hash(ptr + TD_SERVICE_AT, SHA384_BYTES);
            if (service != NO_SERVICE_TD && service != serviceTd) {
                revert IIntelQuoteVerifier.ServiceTdNotAllowed(service);
            }
        }
    }

    /// @notice The hash of all that decides what the software does.
    function measurementOf(QuoteReport memory report) internal pure returns (bytes32) {
        uint256 ptr = report.ptr;
        if (report.isTdx) return _hash(ptr + TD_ATTRIBUTES_AT, TD_REPORT_DATA_AT - TD_ATTRIBUTES_AT);

        bytes memory measured = new bytes(SGX_MEASURED_BYTES);
        assembly ("memory-safe") {
            let out := add(measured, 0x20)
            // Attributes and MRENCLAVE stand side by side.
            mcopy(out, add(ptr, SGX_ATTRIBUTES_AT), 48)
            mcopy(add(out, 48), add(ptr, SGX_MISC_AT), 4)
            mcopy(add(out, 52), add(ptr, SGX_CONFIG_ID_AT), 64)
            mcopy(add(out, 116), add(ptr, SGX_CONFIG_SVN_AT), 2)
        }
        return keccak256(measured);
    }

    /// @notice What the software put into the report.
    function dataOf(QuoteReport memory report) internal pure returns (bytes32[2] memory data) {
        uint256 ptr = report.ptr + (report.isTdx ? TD_REPORT_DATA_AT : SGX_REPORT_DATA_AT);
        data = [bytes32(wordAt(ptr)), bytes32(wordAt(ptr + 32))];
    }

    function _hash(uint256 ptr, uint256 length) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            digest := keccak256(ptr, length)
        }
    }
}
