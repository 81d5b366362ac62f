// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Der} from "./Der.sol";

/// @notice A certificate that was read, not judged. Positions are addresses in memory, as in `Der`.
struct Certificate {
    uint256 tbsAt; // what the issuer signed, its own head included
    uint256 tbsEnd;
    uint256 serial;
    uint256 signatureAlgorithm; // an `X509.ECDSA_WITH_...`
    bytes32 issuer; // keccak256 of the name's DER
    bytes32 subject;
    bytes32 subjectCommonName; // keccak256 of the text; 0: none
    uint256 notBefore; // Unix seconds
    uint256 notAfter;
    uint256 curve; // an `X509.CURVE_...`
    uint256 keyAt; // x and y of the uncompressed point
    uint256 keyEnd;
    bool isCa;
    uint256 maxIntermediates; // pathLen; the highest number: no limit
    uint256 keyUsage; // the first octet's bits; 0: no such extension
    bytes32 authorityKeyId; // keccak256; 0: none
    bytes32 subjectKeyId;
    uint256 vendorAt; // content of the extension that was asked for; 0: none
    uint256 vendorEnd;
    uint256 signatureAt; // the DER of the signature
    uint256 signatureEnd;
}

/// @title X.509 certificates with keys on elliptic curves
/// @notice Reads version 3 certificates (RFC 5280) strictly: nothing unread, nothing twice, and no critical extension
/// that it does not know.
library X509 {
    // Object identifiers as `Der.oidAt` gives them.
    uint256 internal constant ECDSA_WITH_SHA256 = (8 << 248) | 0x2a8648ce3d040302;
    uint256 internal constant ECDSA_WITH_SHA384 = (8 << 248) | 0x2a8648ce3d040303;
    uint256 internal constant CURVE_P256 = (8 << 248) | 0x2a8648ce3d030107;
    uint256 internal constant CURVE_P384 = (5 << 248) | 0x2b81040022;

    uint256 internal constant DIGITAL_SIGNATURE = 0x80;
    uint256 internal constant KEY_CERT_SIGN = 0x04;
    uint256 internal constant CRL_SIGN = 0x02;

    uint256 internal constant AUTHORITY_KEY_ID = (3 << 248) | 0x551d23;

    uint256 private constant EC_PUBLIC_KEY = (7 << 248) | 0x2a8648ce3d0201;
    uint256 private constant COMMON_NAME = (3 << 248) | 0x550403;
    uint256 private constant SUBJECT_KEY_ID = (3 << 248) | 0x551d0e;
    uint256 private constant KEY_USAGE = (3 << 248) | 0x551d0f;
    uint256 private constant BASIC_CONSTRAINTS = (3 << 248) | 0x551d13;

    uint256 private constant EXPLICIT_0 = 0xa0;
    uint256 private constant EXPLICIT_3 = 0xa3;
    uint256 private constant IMPLICIT_0 = 0x80;
    uint256 private constant VERSION_3 = 2;
    uint256 private constant MAX_PATH_LENGTH = 255;

    /// @notice Not a version 3 certificate.
    error CertificateVersion(uint256 version);
    /// @notice The certificate names one signature algorithm inside and another outside.
    error CertificateAlgorithmsDiffer(uint256 inside, uint256 outside);
    /// @notice The key is not an uncompressed point of a named curve.
    error CertificateKey(uint256 algorithm);
    /// @notice The certificate has this extension twice.
    error CertificateExtensionTwice(uint256 oid);
    /// @notice The certificate has a critical extension that is unknown here.
    error CertificateExtensionUnknown(uint256 oid);
    /// @notice An extension holds something that it must not.
    error CertificateExtensionMalformed(uint256 oid);
    /// @notice The certificate is not valid at this moment.
    error CertificateNotValid(uint256 notBefore, uint256 notAfter, uint256 asOf);

    /// @param der The certificate, nothing behind it.
    /// @param vendorOid An extension whose content the caller will read; 0: none.
    function read(bytes memory der, uint256 vendorOid) internal pure returns (Certificate memory certificate) {
        (uint256 ptr, uint256 end) = Der.range(der);
        (uint256 content, uint256 next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        end = next;

        certificate.tbsAt = content;
        (ptr, next) = Der.open(content, end, Der.SEQUENCE);
        certificate.tbsEnd = next;
        uint256 inside = _readTbs(certificate, ptr, next, vendorOid);

        (certificate.signatureAlgorithm, next) = algorithmAt(next, end);
        if (certificate.signatureAlgorithm != inside) {
            revert CertificateAlgorithmsDiffer(inside, certificate.signatureAlgorithm);
        }
        (certificate.signatureAt, certificate.signatureEnd) = Der.bitStringAt(next, end);
        Der.close(certificate.signatureEnd, end);
    }

    /// @notice Reverts unless `asOf` is in the certificate's time.
    function requireValidAt(Certificate memory certificate, uint256 asOf) internal pure {
        if (asOf < certificate.notBefore || asOf > certificate.notAfter) {
            revert CertificateNotValid(certificate.notBefore, certificate.notAfter, asOf);
        }
    }

    /// @notice An AlgorithmIdentifier without parameters, which is what ECDSA has (RFC 5758, 3.2).
    function algorithmAt(uint256 ptr, uint256 end) internal pure returns (uint256 oid, uint256 next) {
        uint256 content;
        (content, next) = Der.open(ptr, end, Der.SEQUENCE);
        (oid, content) = Der.oidAt(content, next);
        Der.close(content, next);
    }

    /// @notice r and s of an ECDSA signature, each at most 512 bits (RFC 3279, 2.2.3).
    function signatureLimbs(
        uint256 ptr,
        uint256 end
    ) internal pure returns (uint256 rHigh, uint256 rLow, uint256 sHigh, uint256 sLow) {
        uint256 next;
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        (rHigh, rLow, ptr) = Der.limbsAt(ptr, end);
        (sHigh, sLow, ptr) = Der.limbsAt(ptr, end);
        Der.close(ptr, end);
    }

    /// @notice One extension: the range is its value's content; `next` its neighbour.
    function extensionAt(
        uint256 ptr,
        uint256 end
    ) internal pure returns (uint256 oid, bool isCritical, uint256 value, uint256 next) {
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        (oid, ptr) = Der.oidAt(ptr, next);
        if (Der.peek(ptr, next) == Der.BOOLEAN) (isCritical, ptr) = Der.boolAt(ptr, next);
        uint256 valueEnd;
        (value, valueEnd) = Der.open(ptr, next, Der.OCTET_STRING);
        Der.close(valueEnd, next);
    }

    /// @notice The hash of the key identifier in an authority key identifier; the issuer and serial in it are skipped.
    function authorityKeyIdAt(uint256 ptr, uint256 end) internal pure returns (bytes32) {
        uint256 next;
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        (ptr, next) = Der.open(ptr, end, IMPLICIT_0);
        return _keyIdHash(ptr, next, AUTHORITY_KEY_ID);
    }

    function _readTbs(
        Certificate memory certificate,
        uint256 ptr,
        uint256 end,
        uint256 vendorOid
    ) private pure returns (uint256 signatureAlgorithm) {
        uint256 next;
        (ptr, next) = Der.open(ptr, end, EXPLICIT_0);
        uint256 version;
        (version, ptr) = Der.uintAt(ptr, next);
        Der.close(ptr, next);
        if (version != VERSION_3) revert CertificateVersion(version);

        (certificate.serial, ptr) = Der.uintAt(ptr, end);
        (signatureAlgorithm, ptr) = algorithmAt(ptr, end);

        next = Der.skip(ptr, end, Der.SEQUENCE);
        certificate.issuer = Der.hash(ptr, next);
        ptr = _readValidity(certificate, next, end);

        next = Der.skip(ptr, end, Der.SEQUENCE);
        certificate.subject = Der.hash(ptr, next);
        certificate.subjectCommonName = _commonNameAt(ptr, next);

        ptr = _readKey(certificate, next, end);
        (ptr, next) = Der.open(ptr, end, EXPLICIT_3);
        Der.close(next, end);
        _readExtensions(certificate, ptr, end, vendorOid);
    }

    function _readValidity(
        Certificate memory certificate,
        uint256 ptr,
        uint256 end
    ) private pure returns (uint256 next) {
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        (certificate.notBefore, ptr) = Der.timeAt(ptr, next);
        (certificate.notAfter, ptr) = Der.timeAt(ptr, next);
        Der.close(ptr, next);
    }

    /// @dev The first one; in names with several, none but the first counts.
    function _commonNameAt(uint256 ptr, uint256 end) private pure returns (bytes32) {
        (ptr, end) = Der.open(ptr, end, Der.SEQUENCE);
        while (ptr != end) {
            (uint256 pair, uint256 next) = Der.open(ptr, end, Der.SET);
            uint256 pairEnd;
            (pair, pairEnd) = Der.open(pair, next, Der.SEQUENCE);
            uint256 oid;
            (oid, pair) = Der.oidAt(pair, pairEnd);
            if (oid == COMMON_NAME) {
                uint256 text;
                (, text, pair) = Der.element(pair, pairEnd);
                Der.close(pair, pairEnd);
                return Der.hash(text, pairEnd);
            }
            ptr = next;
        }
        return 0;
    }

    function _readKey(Certificate memory certificate, uint256 ptr, uint256 end) private pure returns (uint256 next) {
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        (uint256 algorithm, uint256 algorithmEnd) = Der.open(ptr, next, Der.SEQUENCE);
        uint256 oid;
        (oid, algorithm) = Der.oidAt(algorithm, algorithmEnd);
        if (oid != EC_PUBLIC_KEY) revert CertificateKey(oid);
        (certificate.curve, algorithm) = Der.oidAt(algorithm, algorithmEnd);
        Der.close(algorithm, algorithmEnd);

        (uint256 point, uint256 pointEnd) = Der.bitStringAt(algorithmEnd, next);
        Der.close(pointEnd, next);
        if (Der.peek(point, pointEnd) != 0x04) revert CertificateKey(certificate.curve);
        certificate.keyAt = point + 1;
        certificate.keyEnd = pointEnd;
    }

    function _readExtensions(Certificate memory certificate, uint256 ptr, uint256 end, uint256 vendorOid) private pure {
        uint256 next;
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        certificate.maxIntermediates = type(uint256).max;
        uint256 seen;
        while (ptr != end) {
            (uint256 oid, bool isCritical, uint256 value, uint256 valueEnd) = extensionAt(ptr, end);
            uint256 mark = 0;
            if (oid == BASIC_CONSTRAINTS) {
                mark = 1;
                _readBasicConstraints(certificate, value, valueEnd);
            } else if (oid == KEY_USAGE) {
                mark = 2;
                (certificate.keyUsage, value) = Der.flagsAt(value, valueEnd);
                Der.close(value, valueEnd);
            } else if (oid == AUTHORITY_KEY_ID) {
                mark = 4;
                certificate.authorityKeyId = authorityKeyIdAt(value, valueEnd);
            } else if (oid == SUBJECT_KEY_ID) {
                mark = 8;
                uint256 keyIdEnd;
                (value, keyIdEnd) = Der.open(value, valueEnd, Der.OCTET_STRING);
                Der.close(keyIdEnd, valueEnd);
                certificate.subjectKeyId = _keyIdHash(value, valueEnd, SUBJECT_KEY_ID);
            } else if (oid == vendorOid) {
                mark = 16;
                certificate.vendorAt = value;
                certificate.vendorEnd = valueEnd;
            } else if (isCritical) {
                revert CertificateExtensionUnknown(oid);
            }
            if (seen & mark != 0) revert CertificateExtensionTwice(oid);
            seen |= mark;
            ptr = valueEnd;
        }
    }

    function _readBasicConstraints(Certificate memory certificate, uint256 ptr, uint256 end) private pure {
        uint256 next;
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        if (Der.peek(ptr, end) == Der.BOOLEAN) (certificate.isCa, ptr) = Der.boolAt(ptr, end);
        if (ptr != end) {
            (certificate.maxIntermediates, ptr) = Der.uintAt(ptr, end);
            Der.close(ptr, end);
            // A path length means something for an authority only (RFC 5280, 4.2.1.9).
            if (!certificate.isCa || certificate.maxIntermediates > MAX_PATH_LENGTH) {
                revert CertificateExtensionMalformed(BASIC_CONSTRAINTS);
            }
        }
    }

    /// @dev An empty identifier would equal any other empty one.
    function _keyIdHash(uint256 ptr, uint256 end, uint256 oid) private pure returns (bytes32) {
        if (ptr == end) revert CertificateExtensionMalformed(oid);
        return Der.hash(ptr, end);
    }
}
