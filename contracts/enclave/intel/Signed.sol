// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CrlHead} from "../der/RevocationList.sol";
import {Certificate, X509} from "../der/X509.sol";
import {P256} from "../crypto/P256.sol";

/// @title What Intel's authorities sign
/// @notice Signatures on certificates and revocation lists, and the ids by which documents are found.
library Signed {
    /// @dev In front of a stored document: its signer's serial tag, 8 octets, and when the signer runs out, 5.
    uint256 private constant SIGNER_BYTES = 13;
    uint256 private constant KEY_BYTES = 64;

    /// @notice The id of an authority: by name and key, as certificates below it name it. Key identifiers are never
    /// empty, so the missing one, which is zero, is nobody's.
    function issuerId(bytes32 name, bytes32 keyId) internal pure returns (bytes32) {
        return keccak256(abi.encode(name, keyId));
    }

    function tcbInfoId(bool isTdx, uint256 fmspc, uint256 pceId) internal pure returns (bytes32) {
        uint256 kind = isTdx ? 1 : 0;
        return bytes32((kind << 64) | (fmspc << 16) | pceId);
    }

    /// @notice The serial tag of a stored document's signer, and when the signer runs out.
    function signerOf(bytes memory data) internal pure returns (uint64 serialTag, uint256 notAfter) {
        uint256 head = uint256(bytes32(data));
        return (uint64(head >> 192), (head >> 152) & type(uint40).max);
    }

    /// @notice Where the packed document lies.
    function contentOf(bytes memory data) internal pure returns (uint256 ptr) {
        assembly ("memory-safe") {
            ptr := add(add(data, 0x20), SIGNER_BYTES)
        }
    }

    function isP256(Certificate memory certificate) internal pure returns (bool) {
        return
            certificate.curve == X509.CURVE_P256 &&
            certificate.signatureAlgorithm == X509.ECDSA_WITH_SHA256 &&
            certificate.keyEnd - certificate.keyAt == KEY_BYTES;
    }

    function keyOf(Certificate memory certificate) internal pure returns (uint256 x, uint256 y) {
        uint256 ptr = certificate.keyAt;
        assembly ("memory-safe") {
            x := mload(ptr)
            y := mload(add(ptr, 0x20))
        }
    }

    function isCertificateBy(Certificate memory certificate, uint256 x, uint256 y) internal view returns (bool) {
        return
            _isSigned(
                P256.sha256Of(certificate.tbsAt, certificate.tbsEnd),
                certificate.signatureAt,
                certificate.signatureEnd,
                x,
                y
            );
    }

    function isCrlBy(CrlHead memory crl, uint256 x, uint256 y) internal view returns (bool) {
        return
            crl.signatureAlgorithm == X509.ECDSA_WITH_SHA256 &&
            _isSigned(P256.sha256Of(crl.tbsAt, crl.tbsEnd), crl.signatureAt, crl.signatureEnd, x, y);
    }

    function _isSigned(bytes32 digest, uint256 ptr, uint256 end, uint256 x, uint256 y) private view returns (bool) {
        (uint256 rHigh, uint256 r, uint256 sHigh, uint256 s) = X509.signatureLimbs(ptr, end);
        return rHigh == 0 && sHigh == 0 && P256.isSignature(digest, r, s, x, y);
    }
}
