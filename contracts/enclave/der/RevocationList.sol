// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Der} from "./Der.sol";
import {X509} from "./X509.sol";

/// @notice A certificate revocation list that was read, not judged. Positions are addresses in memory, as in `Der`.
struct CrlHead {
    uint256 tbsAt; // what the issuer signed, its own head included
    uint256 tbsEnd;
    uint256 signatureAlgorithm; // an `X509.ECDSA_WITH_...`
    bytes32 issuer; // keccak256 of the name's DER
    uint256 thisUpdate; // Unix seconds
    uint256 nextUpdate;
    uint256 entriesAt; // equal to its end: nothing is revoked
    uint256 entriesEnd;
    bytes32 authorityKeyId; // keccak256; 0: none
    uint256 signatureAt; // the DER of the signature
    uint256 signatureEnd;
}

/// @title Certificate revocation lists
/// @notice Reads complete, direct version 2 lists (RFC 5280, 5). Delta and indirect ones carry critical extensions and
/// are refused by that.
library RevocationList {
    uint256 private constant CRL_NUMBER = (3 << 248) | 0x551d14;
    uint256 private constant EXPLICIT_0 = 0xa0;
    uint256 private constant VERSION_2 = 1;

    /// @dev The extension that says only why: 14 octets, of which the last is the reason.
    uint256 private constant REASON_BYTES = 14;
    uint256 private constant REASON_HEAD = 0x300c300a0603551d1504030a01;

    /// @notice Not a version 2 list.
    error CrlVersion(uint256 version);
    /// @notice The list names one signature algorithm inside and another outside.
    error CrlAlgorithmsDiffer(uint256 inside, uint256 outside);
    /// @notice The list or an entry has a critical extension that is unknown here.
    error CrlExtensionUnknown(uint256 oid);
    /// @notice The list has this extension twice.
    error CrlExtensionTwice(uint256 oid);

    /// @param der The list, nothing behind it.
    function read(bytes memory der) internal pure returns (CrlHead memory crl) {
        (uint256 ptr, uint256 end) = Der.range(der);
        (uint256 content, uint256 next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);

        crl.tbsAt = content;
        (ptr, next) = Der.open(content, end, Der.SEQUENCE);
        crl.tbsEnd = next;
        uint256 inside = _readTbs(crl, ptr, next);

        (crl.signatureAlgorithm, next) = X509.algorithmAt(next, end);
        if (crl.signatureAlgorithm != inside) revert CrlAlgorithmsDiffer(inside, crl.signatureAlgorithm);
        (crl.signatureAt, crl.signatureEnd) = Der.bitStringAt(next, end);
        Der.close(crl.signatureEnd, end);
    }

    /// @notice The serial number of the entry at `ptr`, between `entriesAt` and `entriesEnd`.
    function entryAt(uint256 ptr, uint256 end) internal pure returns (uint256 serial, uint256 next) {
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        (serial, ptr) = Der.uintAt(ptr, next);
        // When it was revoked does not matter: it is revoked from the list's date on.
        (, , ptr) = Der.element(ptr, next);
        if (ptr != next && !_isReason(ptr, next)) _refuseCritical(ptr, next);
    }

    function _readTbs(CrlHead memory crl, uint256 ptr, uint256 end) private pure returns (uint256 signatureAlgorithm) {
        uint256 version;
        (version, ptr) = Der.uintAt(ptr, end);
        if (version != VERSION_2) revert CrlVersion(version);
        (signatureAlgorithm, ptr) = X509.algorithmAt(ptr, end);
        uint256 next = Der.skip(ptr, end, Der.SEQUENCE);
        crl.issuer = Der.hash(ptr, next);
        (crl.thisUpdate, ptr) = Der.timeAt(next, end);
        (crl.nextUpdate, ptr) = Der.timeAt(ptr, end);

        if (Der.peek(ptr, end) == Der.SEQUENCE) {
            (crl.entriesAt, crl.entriesEnd) = Der.open(ptr, end, Der.SEQUENCE);
            ptr = crl.entriesEnd;
        }
        if (ptr != end) {
            (ptr, next) = Der.open(ptr, end, EXPLICIT_0);
            Der.close(next, end);
            _readExtensions(crl, ptr, end);
        }
    }

    function _readExtensions(CrlHead memory crl, uint256 ptr, uint256 end) private pure {
        uint256 next;
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        while (ptr != end) {
            (uint256 oid, bool isCritical, uint256 value, uint256 valueEnd) = X509.extensionAt(ptr, end);
            if (oid == X509.AUTHORITY_KEY_ID) {
                if (crl.authorityKeyId != 0) revert CrlExtensionTwice(oid);
                crl.authorityKeyId = X509.authorityKeyIdAt(value, valueEnd);
            } else if (isCritical && oid != CRL_NUMBER) {
                revert CrlExtensionUnknown(oid);
            }
            ptr = valueEnd;
        }
    }

    function _isReason(uint256 ptr, uint256 end) private pure returns (bool) {
        if (end - ptr != REASON_BYTES) return false;
        uint256 head;
        assembly ("memory-safe") {
            head := shr(152, mload(ptr))
        }
        return head == REASON_HEAD;
    }

    function _refuseCritical(uint256 ptr, uint256 end) private pure {
        uint256 next;
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        while (ptr != end) {
            uint256 oid;
            bool isCritical;
            (oid, isCritical, , ptr) = X509.extensionAt(ptr, end);
            if (isCritical) revert CrlExtensionUnknown(oid);
        }
    }
}
