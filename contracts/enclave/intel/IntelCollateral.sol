// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIntelCollateral} from "../../interfaces/IIntelCollateral.sol";
import {CrlHead, RevocationList} from "../der/RevocationList.sol";
import {Certificate, X509} from "../der/X509.sol";
import {CodeBlob} from "./CodeBlob.sol";
import {P256} from "../crypto/P256.sol";
import {QeIdentity, QeIdentityHead} from "./QeIdentity.sol";
import {Revocations} from "./Revocations.sol";
import {Signed} from "./Signed.sol";
import {TcbInfo, TcbInfoHead} from "./TcbInfo.sol";

/// @title IntelCollateral
contract IntelCollateral is IIntelCollateral {
    bytes32 private constant ROOT_NAME = keccak256("Intel SGX Root CA");
    bytes32 private constant PLATFORM_CA_NAME = keccak256("Intel SGX PCK Platform CA");
    bytes32 private constant PROCESSOR_CA_NAME = keccak256("Intel SGX PCK Processor CA");
    bytes32 private constant TCB_SIGNING_NAME = keccak256("Intel SGX TCB Signing");

    /// @inheritdoc IIntelCollateral
    bytes32 public immutable ROOT_ID;
    uint256 private immutable _ROOT_X;
    uint256 private immutable _ROOT_Y;
    uint40 private immutable _ROOT_NOT_BEFORE;
    uint40 private immutable _ROOT_NOT_AFTER;

    mapping(bytes32 authorityId => Authority) private _authorities;
    mapping(bytes32 authorityId => Document) private _crls;
    mapping(bytes32 tcbInfoId => Document) private _tcbInfos;
    mapping(bool isTdx => Document) private _qeIdentities;

    /// @param root The certificate of the root, DER. Its own signature is checked, so a chain without the precompile
    /// for P-256 is noticed here.
    constructor(bytes memory root) {
        Certificate memory certificate = X509.read(root, 0);
        bytes32 id = Signed.issuerId(certificate.subject, certificate.subjectKeyId);
        bool isOwn = certificate.subject == certificate.issuer && certificate.subjectKeyId != 0;
        if (!isOwn || certificate.subjectKeyId != certificate.authorityKeyId) {
            revert IssuerUnknown(certificate.issuer, certificate.authorityKeyId);
        }
        _requireAlgorithms(certificate);
        // One authority stands between the root and a platform.
        if (certificate.subjectCommonName != ROOT_NAME || !_isCa(certificate) || certificate.maxIntermediates < 1) {
            revert CertificateRole(certificate.subjectCommonName, certificate.isCa, certificate.keyUsage);
        }
        X509.requireValidAt(certificate, block.timestamp);
        (uint256 x, uint256 y) = Signed.keyOf(certificate);
        if (!Signed.isCertificateBy(certificate, x, y)) revert SignatureWrong(id);

        ROOT_ID = id;
        (_ROOT_X, _ROOT_Y) = (x, y);
        (_ROOT_NOT_BEFORE, _ROOT_NOT_AFTER) = (uint40(certificate.notBefore), uint40(certificate.notAfter));
    }

    /// @inheritdoc IIntelCollateral
    function enterAuthority(bytes calldata certificate) external returns (bytes32 authorityId) {
        Certificate memory read = X509.read(certificate, 0);
        _requireAlgorithms(read);
        if (Signed.issuerId(read.issuer, read.authorityKeyId) != ROOT_ID) {
            revert IssuerUnknown(read.issuer, read.authorityKeyId);
        }
        Role role = _roleOf(read);
        X509.requireValidAt(read, block.timestamp);
        _requireRootValid();
        if (!Signed.isCertificateBy(read, _ROOT_X, _ROOT_Y)) revert SignatureWrong(ROOT_ID);

        authorityId = Signed.issuerId(read.subject, read.subjectKeyId);
        Authority storage entry = _authorities[authorityId];
        if (read.notBefore <= entry.notBefore) revert DocumentNotNewer(read.notBefore, 0);
        (uint256 x, uint256 y) = Signed.keyOf(read);
        _authorities[authorityId] = Authority(
            x,
            y,
            uint40(read.notBefore),
            uint40(read.notAfter),
            Revocations.tagOf(read.serial),
            role
        );
        emit AuthorityEntered(authorityId, role, uint40(read.notAfter));
    }

    /// @inheritdoc IIntelCollateral
    function enterCrl(bytes calldata crl) external {
        CrlHead memory head = RevocationList.read(crl);
        bytes32 id = Signed.issuerId(head.issuer, head.authorityKeyId);
        uint256 x = _ROOT_X;
        uint256 y = _ROOT_Y;
        if (id == ROOT_ID) {
            _requireRootValid();
        } else {
            Authority memory authority = _requireAuthority(id, Role.PckCertificates);
            (x, y) = (authority.x, authority.y);
        }
        if (!Signed.isCrlBy(head, x, y)) revert SignatureWrong(id);

        Document storage before = _crls[id];
        _requireCurrent(head.thisUpdate, head.nextUpdate);
        if (head.thisUpdate <= before.issuedAt) revert DocumentNotNewer(head.thisUpdate, 0);

        bytes memory tags = Revocations.tagsOf(head);
        address data = tags.length == 0 ? address(0) : CodeBlob.write(tags);
        _crls[id] = Document(data, uint40(head.thisUpdate), uint40(head.nextUpdate), 0);
        emit CrlEntered(id, Revocations.count(tags), uint40(head.thisUpdate), uint40(head.nextUpdate));
    }

    /// @inheritdoc IIntelCollateral
    function enterTcbInfo(bytes calldata json, bytes calldata signature, bytes32 authorityId) external {
        TcbInfoHead memory head = TcbInfo.read(json);
        bytes32 id = Signed.tcbInfoId(head.isTdx, head.fmspc, head.pceId);
        Document memory document = _documentOf(head.issueDate, head.nextUpdate, head.evaluationNumber);
        _enter(_tcbInfos[id], document, head.packed, _signerOf(json, signature, authorityId));
        emit TcbInfoEntered(id, document.evaluationNumber, document.issuedAt, document.nextUpdate);
    }

    /// @inheritdoc IIntelCollateral
    function enterQeIdentity(bytes calldata json, bytes calldata signature, bytes32 authorityId) external {
        QeIdentityHead memory head = QeIdentity.read(json);
        Document memory document = _documentOf(head.issueDate, head.nextUpdate, head.evaluationNumber);
        _enter(_qeIdentities[head.isTdx], document, head.packed, _signerOf(json, signature, authorityId));
        emit QeIdentityEntered(head.isTdx, document.evaluationNumber, document.issuedAt, document.nextUpdate);
    }

    /// @inheritdoc IIntelCollateral
    function collateralOf(
        bytes32 authorityId,
        bytes32 tcbInfoId,
        bool isTdx
    ) external view returns (Collateral memory collateral) {
        collateral.issuer = _authorities[authorityId];
        collateral.rootCrl = _crls[ROOT_ID];
        collateral.pckCrl = _crls[authorityId];
        collateral.tcbInfo = _tcbInfos[tcbInfoId];
        collateral.qeIdentity = _qeIdentities[isTdx];
        (collateral.rootNotBefore, collateral.rootNotAfter) = (_ROOT_NOT_BEFORE, _ROOT_NOT_AFTER);
    }

    /// @inheritdoc IIntelCollateral
    function authorityOf(bytes32 authorityId) external view returns (Authority memory) {
        return _authorities[authorityId];
    }

    /// @inheritdoc IIntelCollateral
    function crlOf(bytes32 authorityId) external view returns (Document memory) {
        return _crls[authorityId];
    }

    /// @inheritdoc IIntelCollateral
    function tcbInfoOf(bytes32 tcbInfoId) external view returns (Document memory) {
        return _tcbInfos[tcbInfoId];
    }

    /// @inheritdoc IIntelCollateral
    function qeIdentityOf(bool isTdx) external view returns (Document memory) {
        return _qeIdentities[isTdx];
    }

    function _enter(
        Document storage before,
        Document memory document,
        bytes memory packed,
        Authority memory signer
    ) private {
        bool isNewer = document.issuedAt > before.issuedAt && document.evaluationNumber >= before.evaluationNumber;
        // What a revoked signer wrote must not stand in the way, whatever date and number it bears.
        if (!isNewer && !_isSignerRevoked(before.data)) {
            revert DocumentNotNewer(document.issuedAt, document.evaluationNumber);
        }
        document.data = CodeBlob.write(bytes.concat(bytes8(signer.serialTag), bytes5(signer.notAfter), packed));
        (before.data, before.issuedAt) = (document.data, document.issuedAt);
        (before.nextUpdate, before.evaluationNumber) = (document.nextUpdate, document.evaluationNumber);
    }

    /// @dev The signer of a TCB info or a QE identity, once all is right with it and its signature.
    function _signerOf(
        bytes calldata json,
        bytes calldata signature,
        bytes32 authorityId
    ) private view returns (Authority memory signer) {
        signer = _requireAuthority(authorityId, Role.TcbDocuments);
        if (_crls[ROOT_ID].nextUpdate == 0) revert RootCrlMissing();
        if (Revocations.has(_crls[ROOT_ID].data, signer.serialTag)) revert AuthorityRevoked(authorityId);
        if (signature.length != 64) revert SignatureLength(signature.length);
        bool isRight = P256.isSignature(
            sha256(json),
            uint256(bytes32(signature)),
            uint256(bytes32(signature[32:])),
            signer.x,
            signer.y
        );
        if (!isRight) revert SignatureWrong(authorityId);
    }

    function _requireAuthority(bytes32 id, Role role) private view returns (Authority memory authority) {
        authority = _authorities[id];
        if (authority.role != role) revert AuthorityUnknown(id, role);
        _requireRootValid();
        if (block.timestamp < authority.notBefore || block.timestamp > authority.notAfter) {
            revert AuthorityNotValid(id, authority.notBefore, authority.notAfter);
        }
    }

    function _requireRootValid() private view {
        if (block.timestamp < _ROOT_NOT_BEFORE || block.timestamp > _ROOT_NOT_AFTER) {
            revert AuthorityNotValid(ROOT_ID, _ROOT_NOT_BEFORE, _ROOT_NOT_AFTER);
        }
    }

    function _documentOf(
        uint256 issuedAt,
        uint256 nextUpdate,
        uint256 evaluationNumber
    ) private view returns (Document memory) {
        _requireCurrent(issuedAt, nextUpdate);
        return Document(address(0), uint40(issuedAt), uint40(nextUpdate), uint16(evaluationNumber));
    }

    function _requireCurrent(uint256 issuedAt, uint256 nextUpdate) private view {
        if (block.timestamp < issuedAt || block.timestamp > nextUpdate) revert DocumentNotCurrent(issuedAt, nextUpdate);
    }

    function _isSignerRevoked(address data) private view returns (bool) {
        if (data == address(0)) return false;
        (uint64 tag, ) = Signed.signerOf(CodeBlob.read(data));
        return Revocations.has(_crls[ROOT_ID].data, tag);
    }

    function _roleOf(Certificate memory certificate) private pure returns (Role) {
        bytes32 name = certificate.subjectCommonName;
        bool isPckCa = (name == PLATFORM_CA_NAME || name == PROCESSOR_CA_NAME) && _isCa(certificate);
        bool isSigner =
            name == TCB_SIGNING_NAME && !certificate.isCa && certificate.keyUsage & X509.DIGITAL_SIGNATURE != 0;
        if (certificate.subjectKeyId == 0 || !(isPckCa || isSigner)) {
            revert CertificateRole(name, certificate.isCa, certificate.keyUsage);
        }
        return isPckCa ? Role.PckCertificates : Role.TcbDocuments;
    }

    function _isCa(Certificate memory certificate) private pure returns (bool) {
        uint256 needed = X509.KEY_CERT_SIGN | X509.CRL_SIGN;
        return certificate.isCa && certificate.keyUsage & needed == needed;
    }

    function _requireAlgorithms(Certificate memory certificate) private pure {
        if (!Signed.isP256(certificate)) revert CertificateAlgorithm(certificate.curve, certificate.signatureAlgorithm);
    }
}
