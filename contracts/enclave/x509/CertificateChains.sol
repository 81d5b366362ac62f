// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ICertificateChains} from "../../interfaces/ICertificateChains.sol";
import {IP384} from "../../interfaces/IP384.sol";
import {Der} from "../der/Der.sol";
import {Certificate, X509} from "../der/X509.sol";

/// @title CertificateChains
/// @dev A chain's id is keccak256(id of the issuer's chain, hash of what the issuer signed), the root's the hash of its
/// own. So an id stands for every certificate above it, and the signature's bytes, of which there are two valid forms,
/// have no part in it: nobody can take a chain's place by sending it in another form.
abstract contract CertificateChains is ICertificateChains, AccessManaged {
    /// @inheritdoc ICertificateChains
    bytes32 public immutable ROOT_ID;
    /// @inheritdoc ICertificateChains
    IP384 public immutable P384;
    /// @inheritdoc ICertificateChains
    address public immutable SHA384;

    uint256 private immutable _ROOT_NOT_BEFORE;
    uint256 private immutable _ROOT_NOT_AFTER;

    // What a chain's id stands for, in bits: 0 authority, 1 may sign certificates, 2 may sign other things, 8 the most
    // intermediates below, 16 not after, 56 not before, 96 the tag by which it is revoked.
    mapping(bytes32 chainId => uint256 record) private _records;
    mapping(bytes32 chainId => bytes32 issuerChain) private _issuerOf;
    mapping(uint160 tag => bool) private _revoked;

    uint256 private constant IS_AUTHORITY = 1;
    uint256 private constant SIGNS_CERTIFICATES = 2;
    uint256 private constant SIGNS_DOCUMENTS = 4;
    uint256 private constant NO_LIMIT = 255;
    uint256 private constant KEY_BYTES = 96;
    /// @dev As documents may have them.
    uint256 private constant MAX_CERTIFICATE_BYTES = 1024;
    bytes32 private constant EMPTY_HASH_HIGH = 0x38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da;
    bytes16 private constant EMPTY_HASH_LOW = 0x274edebfe76f65fbd51ad2f14898b95b;

    constructor(address authority, bytes memory root, IP384 p384, address sha384) AccessManaged(authority) {
        P384 = p384;
        SHA384 = sha384;
        if (address(p384).code.length == 0) revert BadCryptography(address(p384));
        (bytes32 high, bytes16 low) = _hash(sha384, 0, 0);
        if (high != EMPTY_HASH_HIGH || low != EMPTY_HASH_LOW) revert BadCryptography(sha384);

        Certificate memory certificate = X509.read(root, 0);
        ROOT_ID = Der.hash(certificate.tbsAt, certificate.tbsEnd);
        _ROOT_NOT_BEFORE = certificate.notBefore;
        _ROOT_NOT_AFTER = certificate.notAfter;
        uint256 record = _recordOf(certificate);
        if (record & (IS_AUTHORITY | SIGNS_CERTIFICATES) != (IS_AUTHORITY | SIGNS_CERTIFICATES)) {
            revert ChainNotAuthority(0);
        }
        if (!_isP384(certificate)) revert ChainAlgorithm(0);
    }

    /// @inheritdoc ICertificateChains
    function verifyChain(bytes[] calldata certificates, bytes[] calldata hints) external returns (bytes32 chainId) {
        // A long one would cost millions before its signature fails.
        for (uint256 place = 0; place < certificates.length; ++place) {
            uint256 length = certificates[place].length;
            if (length > MAX_CERTIFICATE_BYTES) revert ChainCertificateTooLong(place, length);
        }
        bytes[] memory chain = certificates;
        uint256 used;
        (chainId, , used) = _walk(chain, hints);
        if (used != hints.length) revert HintsLeft(hints.length, used);
    }

    /// @inheritdoc ICertificateChains
    function revoke(bytes32 issuer, uint256 serial) external restricted {
        _revoked[_tagOf(issuer, serial)] = true;
        emit CertificateRevoked(issuer, serial);
    }

    /// @inheritdoc ICertificateChains
    function isVerified(bytes32 chainId) external view returns (bool) {
        return _records[chainId] != 0;
    }

    /// @inheritdoc ICertificateChains
    function isRevoked(bytes32 issuer, uint256 serial) external view returns (bool) {
        return _revoked[_tagOf(issuer, serial)];
    }

    /// @inheritdoc ICertificateChains
    function isChainRevoked(bytes32 chainId) external view returns (bool) {
        // The root, which no record stands for, ends every chain.
        for (bytes32 id = chainId; _records[id] != 0; id = _issuerOf[id]) {
            if (_revoked[uint160(_records[id] >> 96)]) return true;
        }
        return false;
    }

    /// @dev Every certificate, the root first: verified once, judged each time. The last one may be of any kind.
    function _walk(
        bytes[] memory chain,
        bytes[] calldata hints
    ) internal returns (bytes32 chainId, uint256 notAfter, uint256 used) {
        chainId = chain.length == 0 ? bytes32(0) : _tbsHash(chain[0]);
        if (chainId != ROOT_ID) revert NotTheRoot(chainId);
        notAfter = _ROOT_NOT_AFTER;
        if (block.timestamp < _ROOT_NOT_BEFORE || block.timestamp > notAfter) {
            revert ChainNotValid(0, _ROOT_NOT_BEFORE, notAfter);
        }
        for (uint256 place = 1; place < chain.length; place++) {
            bytes32 issuerChain = chainId;
            chainId = keccak256(abi.encode(issuerChain, _tbsHash(chain[place])));
            uint256 record = _records[chainId];
            if (record == 0) {
                record = _verified(chain, place, chainId, _hintAt(hints, used++));
                _records[chainId] = record;
                _issuerOf[chainId] = issuerChain;
            }
            uint256 expiry = _judge(record, place, chain.length - 1);
            if (expiry < notAfter) notAfter = expiry;
        }
    }

    /// @dev The certificate that signs documents, which the walk has found to be verified.
    function _endEntity(bytes[] memory chain, bytes32 chainId) internal view returns (Certificate memory certificate) {
        uint256 record = _records[chainId];
        if (record & IS_AUTHORITY != 0 || record & SIGNS_DOCUMENTS == 0) revert ChainNotEndEntity(chain.length - 1);
        certificate = X509.read(chain[chain.length - 1], 0);
    }

    /// @dev Reverts unless `signature`, r and s, is the certificate's over the 48 bytes of a digest.
    function _requireSigned(
        bytes32 high,
        bytes16 low,
        bytes memory signature,
        Certificate memory signer,
        bytes calldata hints
    ) internal view {
        P384.verify(abi.encodePacked(high, low, signature, _bytesAt(signer.keyAt, signer.keyEnd)), hints);
    }

    function _hintAt(bytes[] calldata hints, uint256 index) internal pure returns (bytes calldata) {
        if (index >= hints.length) revert HintsMissing(hints.length);
        return hints[index];
    }

    function _sha384(uint256 ptr, uint256 end) internal view returns (bytes32 high, bytes16 low) {
        return _hash(SHA384, ptr, end);
    }

    function _bytesAt(uint256 ptr, uint256 end) internal pure returns (bytes memory copy) {
        copy = new bytes(end - ptr);
        assembly ("memory-safe") {
            mcopy(add(copy, 0x20), ptr, sub(end, ptr))
        }
    }

    /// @dev Verifies that the certificate at `place` was issued by the one before it.
    function _verified(
        bytes[] memory chain,
        uint256 place,
        bytes32 chainId,
        bytes calldata hints
    ) private returns (uint256 record) {
        Certificate memory issuer = X509.read(chain[place - 1], 0);
        Certificate memory certificate = X509.read(chain[place], 0);
        if (certificate.issuer != issuer.subject || !_namesKeyOf(certificate, issuer)) revert ChainNotIssuedBy(place);
        if (certificate.signatureAlgorithm != X509.ECDSA_WITH_SHA384 || !_isP384(certificate)) {
            revert ChainAlgorithm(place);
        }
        (bytes32 high, bytes16 low) = _sha384(certificate.tbsAt, certificate.tbsEnd);
        _requireSigned(high, low, _rawSignature(certificate, place), issuer, hints);
        record = _recordOf(certificate);
        emit CertificateVerified(chainId, certificate.issuer, certificate.serial, uint40(certificate.notAfter));
    }

    /// @dev What can change: the time, revocations, and a certificate's place in a chain.
    function _judge(uint256 record, uint256 place, uint256 last) private view returns (uint256 notAfter) {
        notAfter = uint40(record >> 16);
        uint256 notBefore = uint40(record >> 56);
        if (block.timestamp < notBefore || block.timestamp > notAfter) revert ChainNotValid(place, notBefore, notAfter);
        if (_revoked[uint160(record >> 96)]) revert ChainRevoked(place);
        if (place == last) return notAfter;

        uint256 limit = uint8(record >> 8);
        bool mayIssue = record & IS_AUTHORITY != 0 && record & SIGNS_CERTIFICATES != 0;
        if (!mayIssue || (limit != NO_LIMIT && last - 1 - place > limit)) revert ChainNotAuthority(place);
    }

    /// @dev Where both certificates have a key identifier, they agree.
    function _namesKeyOf(Certificate memory certificate, Certificate memory issuer) private pure returns (bool) {
        if (certificate.authorityKeyId == 0 || issuer.subjectKeyId == 0) return true;
        return certificate.authorityKeyId == issuer.subjectKeyId;
    }

    function _isP384(Certificate memory certificate) private pure returns (bool) {
        return certificate.curve == X509.CURVE_P384 && certificate.keyEnd - certificate.keyAt == KEY_BYTES;
    }

    function _rawSignature(Certificate memory certificate, uint256 place) private pure returns (bytes memory) {
        (uint256 rHigh, uint256 rLow, uint256 sHigh, uint256 sLow) = X509.signatureLimbs(
            certificate.signatureAt,
            certificate.signatureEnd
        );
        // Longer than the order: no signature over this curve.
        if ((rHigh | sHigh) >> 128 != 0) revert ChainAlgorithm(place);
        return abi.encodePacked(uint128(rHigh), rLow, uint128(sHigh), sLow);
    }

    function _recordOf(Certificate memory certificate) private pure returns (uint256 record) {
        uint256 limit = certificate.maxIntermediates < NO_LIMIT ? certificate.maxIntermediates : NO_LIMIT;
        record = uint256(_tagOf(certificate.issuer, certificate.serial)) << 96;
        record |= uint256(uint40(certificate.notBefore)) << 56;
        record |= uint256(uint40(certificate.notAfter)) << 16;
        record |= limit << 8;
        if (certificate.isCa) record |= IS_AUTHORITY;
        if (certificate.keyUsage & X509.KEY_CERT_SIGN != 0) record |= SIGNS_CERTIFICATES;
        if (certificate.keyUsage & X509.DIGITAL_SIGNATURE != 0) record |= SIGNS_DOCUMENTS;
    }

    function _tagOf(bytes32 issuer, uint256 serial) private pure returns (uint160) {
        return uint160(uint256(keccak256(abi.encode(issuer, serial))));
    }

    function _tbsHash(bytes memory certificate) private pure returns (bytes32) {
        (uint256 ptr, uint256 end) = Der.range(certificate);
        uint256 next;
        (ptr, next) = Der.open(ptr, end, Der.SEQUENCE);
        Der.close(next, end);
        return Der.hash(ptr, Der.skip(ptr, end, Der.SEQUENCE));
    }

    function _hash(address sha384, uint256 ptr, uint256 end) private view returns (bytes32 high, bytes16 low) {
        bool done;
        assembly ("memory-safe") {
            let out := mload(0x40)
            done := staticcall(gas(), sha384, ptr, sub(end, ptr), out, 48)
            done := and(done, eq(returndatasize(), 48))
            high := mload(out)
            low := and(mload(add(out, 32)), not(0xffffffffffffffffffffffffffffffff))
        }
        if (!done) revert BadCryptography(sha384);
    }
}
