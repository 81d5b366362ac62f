// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INitroVerifier, NitroAttestation} from "../../interfaces/INitroVerifier.sol";
import {IP384} from "../../interfaces/IP384.sol";
import {Certificate} from "../der/X509.sol";
import {CertificateChains} from "../x509/CertificateChains.sol";
import {NitroDocument, NitroDocuments} from "./NitroDocument.sol";

/// @title NitroVerifier
contract NitroVerifier is INitroVerifier, CertificateChains {
    // Sig_structure of COSE (RFC 9052, 4.4) up to the payload: ["Signature1", {1: -35}, h'', payload].
    uint256 private constant SIGNED_HEAD = 0x846a5369676e61747572653144a101382240;
    uint256 private constant SIGNED_HEAD_BYTES = 18;
    uint256 private constant SIGNATURE_BYTES = 96;

    /// @dev The enclave's clock is the instance's, a block's at most a few minutes off.
    uint256 private constant MAX_AHEAD_SECONDS = 300;

    uint256 private constant IMAGE_PCRS = 3;
    bytes32 private constant ZERO_PCR_HASH = 0xc980e59163ce244bb4bb6211f48c7b46f88a4f40943e84eb99bdc41e129bd293;
    uint32 private constant ENCLAVE_MARK = 0x2d656e63; // -enc

    /// @param root The certificate that every chain begins with, DER.
    constructor(
        address authority,
        bytes memory root,
        IP384 p384,
        address sha384
    ) CertificateChains(authority, root, p384, sha384) {}

    /// @inheritdoc INitroVerifier
    function verify(
        bytes calldata document,
        bytes[] calldata hints,
        uint256 maxAgeSeconds
    ) external returns (NitroAttestation memory attestation) {
        NitroDocument memory parts = NitroDocuments.read(document);
        bytes[] memory chain = _chainOf(parts);
        uint256 notAfter;
        uint256 used;
        (attestation.chainId, notAfter, used) = _walk(chain, hints);
        _requireDocumentSigned(parts, _endEntity(chain, attestation.chainId), _hintAt(hints, used));
        if (++used != hints.length) revert HintsLeft(hints.length, used);
        _requireAge(parts.timestampMs, maxAgeSeconds);
        _readMeasurements(attestation, parts);

        attestation.notAfter = uint40(notAfter);
        attestation.timestampMs = uint64(parts.timestampMs);
        attestation.platform = _instanceOf(parts);
        if (parts.publicKeyAt != 0) attestation.publicKey = _bytesAt(parts.publicKeyAt, parts.publicKeyEnd);
        if (parts.userDataAt != 0) attestation.userData = _bytesAt(parts.userDataAt, parts.userDataEnd);
        if (parts.nonceAt != 0) attestation.nonce = _bytesAt(parts.nonceAt, parts.nonceEnd);
    }

    function _requireAge(uint256 timestampMs, uint256 maxAgeSeconds) private view {
        // Compared in milliseconds: seconds rounded down would let the next second's documents pass.
        uint256 nowMs = block.timestamp * 1000;
        uint256 ageMs = timestampMs < nowMs ? nowMs - timestampMs : 0;
        if (timestampMs > nowMs + MAX_AHEAD_SECONDS * 1000 || ageMs / 1000 >= maxAgeSeconds) {
            revert DocumentAge(timestampMs, maxAgeSeconds);
        }
    }

    function _readMeasurements(NitroAttestation memory attestation, NitroDocument memory parts) private pure {
        for (uint256 i = 0; i < parts.pcrAt.length; i++) {
            uint256 place = parts.pcrAt[i];
            bytes32 digest;
            if (place != 0) {
                assembly ("memory-safe") {
                    digest := keccak256(place, 48)
                }
            }
            if (i < IMAGE_PCRS && (digest == 0 || digest == ZERO_PCR_HASH)) revert DebugEnclave(i);
            attestation.pcrs[i] = digest;
        }
        attestation.measurement = keccak256(
            abi.encodePacked(
                _bytesAt(parts.pcrAt[0], parts.pcrAt[0] + NitroDocuments.PCR_BYTES),
                _bytesAt(parts.pcrAt[1], parts.pcrAt[1] + NitroDocuments.PCR_BYTES),
                _bytesAt(parts.pcrAt[2], parts.pcrAt[2] + NitroDocuments.PCR_BYTES)
            )
        );
    }

    function _chainOf(NitroDocument memory parts) private pure returns (bytes[] memory chain) {
        uint256 authorities = parts.authorityAt.length;
        chain = new bytes[](authorities + 1);
        for (uint256 i = 0; i < authorities; i++) chain[i] = _bytesAt(parts.authorityAt[i], parts.authorityEnd[i]);
        chain[authorities] = _bytesAt(parts.certificateAt, parts.certificateEnd);
    }

    function _requireDocumentSigned(
        NitroDocument memory parts,
        Certificate memory signer,
        bytes calldata hints
    ) private view {
        (uint256 ptr, uint256 end) = (parts.signedAt, parts.signedEnd);
        uint256 message;
        assembly ("memory-safe") {
            message := mload(0x40)
            mstore(message, shl(112, SIGNED_HEAD))
            mcopy(add(message, SIGNED_HEAD_BYTES), ptr, sub(end, ptr))
            end := add(add(message, SIGNED_HEAD_BYTES), sub(end, ptr))
            mstore(0x40, and(add(end, 0x3f), not(0x1f)))
        }
        (bytes32 high, bytes16 low) = _sha384(message, end);
        bytes memory signature = _bytesAt(parts.signatureAt, parts.signatureAt + SIGNATURE_BYTES);
        _requireSigned(high, low, signature, signer, hints);
    }

    /// @dev The module's id is "<instance>-enc<number>". One without that mark is taken whole.
    function _instanceOf(NitroDocument memory parts) private pure returns (bytes32 instance) {
        uint256 end = parts.moduleIdAt;
        for (; end + 4 <= parts.moduleIdEnd; end++) {
            uint256 place = end;
            uint256 mark;
            assembly ("memory-safe") {
                mark := shr(224, mload(place))
            }
            if (mark == ENCLAVE_MARK) break;
        }
        if (end + 4 > parts.moduleIdEnd) end = parts.moduleIdEnd;
        uint256 start = parts.moduleIdAt;
        assembly ("memory-safe") {
            instance := keccak256(start, sub(end, start))
        }
    }
}
