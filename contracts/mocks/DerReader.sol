// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Der} from "../enclave/der/Der.sol";
import {Certificate, X509} from "../enclave/der/X509.sol";
import {CrlHead, RevocationList} from "../enclave/der/RevocationList.sol";

/// @notice Calls the DER reader on one element each, for tests.
contract DerReader {
    function readElement(bytes memory der) external pure returns (uint256 tag, bytes memory content) {
        (uint256 ptr, uint256 end) = Der.range(der);
        uint256 next;
        (tag, ptr, next) = Der.element(ptr, end);
        Der.close(next, end);
        content = _copy(ptr, next);
    }

    function readUint(bytes memory der) external pure returns (uint256 value) {
        (uint256 ptr, uint256 end) = Der.range(der);
        (value, ptr) = Der.uintAt(ptr, end);
        Der.close(ptr, end);
    }

    function readLimbs(bytes memory der) external pure returns (uint256 high, uint256 low) {
        (uint256 ptr, uint256 end) = Der.range(der);
        (high, low, ptr) = Der.limbsAt(ptr, end);
        Der.close(ptr, end);
    }

    function readBool(bytes memory der) external pure returns (bool value) {
        (uint256 ptr, uint256 end) = Der.range(der);
        (value, ptr) = Der.boolAt(ptr, end);
        Der.close(ptr, end);
    }

    function readTime(bytes memory der) external pure returns (uint256 unixSeconds) {
        (uint256 ptr, uint256 end) = Der.range(der);
        (unixSeconds, ptr) = Der.timeAt(ptr, end);
        Der.close(ptr, end);
    }

    function readFlags(bytes memory der) external pure returns (uint256 flags) {
        (uint256 ptr, uint256 end) = Der.range(der);
        (flags, ptr) = Der.flagsAt(ptr, end);
        Der.close(ptr, end);
    }

    function readBits(bytes memory der) external pure returns (bytes memory bits) {
        (uint256 ptr, uint256 end) = Der.range(der);
        (uint256 content, uint256 next) = Der.bitStringAt(ptr, end);
        Der.close(next, end);
        bits = _copy(content, next);
    }

    function readOid(bytes memory der) external pure returns (uint256 oid) {
        (uint256 ptr, uint256 end) = Der.range(der);
        (oid, ptr) = Der.oidAt(ptr, end);
        Der.close(ptr, end);
    }

    /// @return certificate As read; its positions are addresses of this call's memory.
    function readCertificate(
        bytes memory der,
        uint256 vendorOid
    )
        external
        pure
        returns (
            Certificate memory certificate,
            bytes32 tbsHash,
            bytes memory key,
            bytes memory vendor,
            uint256[4] memory rs
        )
    {
        certificate = X509.read(der, vendorOid);
        tbsHash = Der.hash(certificate.tbsAt, certificate.tbsEnd);
        key = _copy(certificate.keyAt, certificate.keyEnd);
        vendor = _copy(certificate.vendorAt, certificate.vendorEnd);
        (rs[0], rs[1], rs[2], rs[3]) = X509.signatureLimbs(certificate.signatureAt, certificate.signatureEnd);
    }

    function readCrl(bytes memory der) external pure returns (CrlHead memory crl, uint256[] memory serials) {
        crl = RevocationList.read(der);
        serials = new uint256[]((crl.entriesEnd - crl.entriesAt) / 8);
        uint256 count;
        uint256 ptr = crl.entriesAt;
        while (ptr != crl.entriesEnd) (serials[count++], ptr) = RevocationList.entryAt(ptr, crl.entriesEnd);
        assembly ("memory-safe") {
            mstore(serials, count)
        }
    }

    function _copy(uint256 ptr, uint256 end) private pure returns (bytes memory content) {
        content = new bytes(end - ptr);
        assembly ("memory-safe") {
            mcopy(add(content, 0x20), ptr, sub(end, ptr))
        }
    }
}
