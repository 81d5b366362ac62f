// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Der} from "../der/Der.sol";

/// @notice What Intel writes into a PCK certificate about the platform.
struct PckPlatform {
    uint256 ppid; // 16 octets
    uint256 fmspc; // 6 octets
    uint256 pceId; // 2 octets as they stand, that is little endian
    uint256 sgxSvns; // 16 octets
    uint256 pceSvn;
}

/// @title The SGX extension of PCK certificates
/// @notice Reads 1.2.840.113741.1.13.1 (Intel SGX PCK certificate and revocation list profile, 1.3.5).
library PckExtension {
    uint256 internal constant OID = (9 << 248) | 0x2a864886f84d010d01;

    uint256 private constant FIELD_PREFIX = (10 << 248) | 0x2a864886f84d010d0100;
    uint256 private constant SVN_PREFIX = (11 << 248) | 0x2a864886f84d010d010200;
    uint256 private constant PPID = 1;
    uint256 private constant TCB = 2;
    uint256 private constant PCE_ID = 3;
    uint256 private constant FMSPC = 4;
    uint256 private constant COMPONENTS = 16;
    uint256 private constant PCE_SVN = 17;
    uint256 private constant CPU_SVN = 18;

    uint256 private constant NEEDED_FIELDS = (1 << PPID) | (1 << TCB) | (1 << PCE_ID) | (1 << FMSPC);
    /// @dev SEQUENCE of the identifier, its last octet free, and an INTEGER below 128, that octet free as well.
    uint256 private constant SMALL_SVN = 0x3010060b2a864886f84d010d0102_00_0201_00;
    uint256 private constant SMALL_SVN_MASK = 0xffffffffffffffffffffffffffff_00_ffff_80;
    uint256 private constant SMALL_SVN_BYTES = 18;

    /// @dev The sixteen components and the PCE's svn.
    uint256 private constant NEEDED_SVNS = (1 << (PCE_SVN + 1)) - 2;

    /// @notice The extension has a field that is none of its own, one twice, or one of another size.
    error PckFieldMalformed(uint256 oid);
    /// @notice The extension lacks fields. The bits tell those that it has.
    error PckFieldsMissing(uint256 needed, uint256 found);

    function read(uint256 ptr, uint256 end) internal pure returns (PckPlatform memory platform) {
        uint256 next;
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        uint256 found;
        while (ptr != end) {
            (uint256 field, uint256 value, uint256 valueEnd) = _field(ptr, end, FIELD_PREFIX);
            if ((found >> field) & 1 == 1) revert PckFieldMalformed(FIELD_PREFIX | field);
            found |= 1 << field;

            if (field == PPID) platform.ppid = _octets(value, valueEnd, 16);
            else if (field == TCB) _readTcb(platform, value, valueEnd);
            else if (field == PCE_ID) platform.pceId = _octets(value, valueEnd, 2);
            else if (field == FMSPC) platform.fmspc = _octets(value, valueEnd, 6);
            ptr = valueEnd;
        }
        if (found & NEEDED_FIELDS != NEEDED_FIELDS) revert PckFieldsMissing(NEEDED_FIELDS, found);
    }

    function _readTcb(PckPlatform memory platform, uint256 ptr, uint256 end) private pure {
        uint256 next;
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        uint256 found;
        while (ptr != end) {
            (uint256 field, uint256 svn, uint256 fieldEnd) = _svnAt(ptr, end);
            if ((found >> field) & 1 == 1) revert PckFieldMalformed(SVN_PREFIX | field);
            found |= 1 << field;

            if (field == 0 || field > CPU_SVN) revert PckFieldMalformed(SVN_PREFIX | field);
            if (field == PCE_SVN) platform.pceSvn = svn;
            else if (field <= COMPONENTS) platform.sgxSvns |= svn << (8 * (COMPONENTS - field));
            ptr = fieldEnd;
        }
        if (found & NEEDED_SVNS != NEEDED_SVNS) revert PckFieldsMissing(NEEDED_SVNS, found);
    }

    /// @dev Most svns are below 128, and their fields differ in two octets only: those are read at once.
    function _svnAt(uint256 ptr, uint256 end) private pure returns (uint256 field, uint256 svn, uint256 fieldEnd) {
        unchecked {
            uint256 word;
            assembly ("memory-safe") {
                word := shr(112, mload(ptr))
            }
            (field, svn, fieldEnd) = ((word >> 24) & 0xff, word & 0xff, ptr + SMALL_SVN_BYTES);
            if (word & SMALL_SVN_MASK == SMALL_SVN && fieldEnd <= end) return (field, svn, fieldEnd);
        }

        uint256 value;
        (field, value, fieldEnd) = _field(ptr, end, SVN_PREFIX);
        // What CPUSVN says as a whole, the components say one by one.
        if (field == CPU_SVN) return (field, 0, fieldEnd);
        (svn, value) = Der.uintAt(value, fieldEnd);
        Der.close(value, fieldEnd);
        uint256 max = field == PCE_SVN ? type(uint16).max : type(uint8).max;
        if (svn > max) revert PckFieldMalformed(SVN_PREFIX | field);
    }

    /// @dev A SEQUENCE of an identifier, of which only the last octet is free, and a value.
    function _field(
        uint256 ptr,
        uint256 end,
        uint256 prefix
    ) private pure returns (uint256 field, uint256 value, uint256 valueEnd) {
        (ptr, valueEnd) = Der.open(ptr, end, Der.SEQUENCE);
        uint256 oid;
        (oid, value) = Der.oidAt(ptr, valueEnd);
        field = oid ^ prefix;
        if (field > type(uint8).max) revert PckFieldMalformed(oid);
    }

    function _octets(uint256 ptr, uint256 end, uint256 size) private pure returns (uint256 octets) {
        unchecked {
            (uint256 content, uint256 next) = Der.open(ptr, end, Der.OCTET_STRING);
            Der.close(next, end);
            if (next - content != size) revert PckFieldMalformed(FIELD_PREFIX);
            assembly ("memory-safe") {
                octets := shr(sub(256, shl(3, size)), mload(content))
            }
        }
    }
}
