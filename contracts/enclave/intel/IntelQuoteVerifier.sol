// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIntelCollateral} from "../../interfaces/IIntelCollateral.sol";
import {IIntelQuoteVerifier} from "../../interfaces/IIntelQuoteVerifier.sol";
import {Certificate, X509} from "../der/X509.sol";
import {CodeBlob} from "./CodeBlob.sol";
import {P256} from "../crypto/P256.sol";
import {PckExtension, PckPlatform} from "./PckExtension.sol";
import {QeIdentity} from "./QeIdentity.sol";
import {Quote, QuoteReport} from "./Quote.sol";
import {Reports} from "./Reports.sol";
import {Revocations} from "./Revocations.sol";
import {Signed} from "./Signed.sol";
import {PlatformTcb, TcbInfo} from "./TcbInfo.sol";
import {TcbStatus, TcbStatuses} from "./TcbStatus.sol";
import {wordAt} from "../Words.sol";

/// @title IntelQuoteVerifier
contract IntelQuoteVerifier is IIntelQuoteVerifier {
    bytes32 private constant PCK_NAME = keccak256("Intel SGX PCK Certificate");

    // Places in the authentication.
    uint256 private constant ATTESTATION_KEY_AT = 64;
    uint256 private constant QE_REPORT_AT = 128;
    uint256 private constant QE_SIGNATURE_AT = 512;
    uint256 private constant QE_DATA_AT = 576;

    /// @inheritdoc IIntelQuoteVerifier
    IIntelCollateral public immutable COLLATERAL;

    /// @dev What is carried from one check to the next.
    struct Case {
        Certificate pck;
        PckPlatform platform;
        QuoteReport report;
        IIntelCollateral.Collateral collateral;
        bytes32 issuerId;
        bytes32 tcbInfoId;
        uint256 asOf;
        uint256 expiresAt;
    }

    constructor(IIntelCollateral collateral) {
        COLLATERAL = collateral;
    }

    /// @inheritdoc IIntelQuoteVerifier
    /// @dev In the order of Intel's library (4.1.2.4 in its source), the policy last.
    function verifyQuote(
        QuoteParts calldata parts,
        QuotePolicy calldata policy,
        uint256 asOf
    ) external view returns (VerifiedQuote memory verified) {
        bytes memory signed = parts.signed;
        Case memory c = _open(signed, parts.pckCertificate, asOf);
        _requirePck(c);

        uint256 info = _openDocument(c, DocumentKind.TcbInfo, c.collateral.tcbInfo, c.tcbInfoId, policy);
        PlatformTcb memory tcb = Reports.tcbOf(c.report, c.platform);
        if (tcb.isTdx) TcbInfo.requireModule(info, tcb);

        uint256 identity = _openDocument(
            c,
            DocumentKind.QeIdentity,
            c.collateral.qeIdentity,
            bytes32(uint256(tcb.isTdx ? 1 : 0)),
            policy
        );
        bytes memory authentication = parts.authentication;
        TcbStatus qeStatus = _requireQuotingEnclave(c.pck, authentication, identity);
        verified.quoteHash = _requireQuoteSignature(signed, authentication);

        TcbStatus status = TcbInfo.statusOf(info, tcb, qeStatus == TcbStatus.UpToDate);
        verified.status = TcbStatuses.converge(status, qeStatus);
        Reports.requireProduction(c.report, policy.serviceTd);
        if (verified.status == TcbStatus.Revoked || (policy.statuses >> uint8(verified.status)) & 1 == 0) {
            revert TcbStatusNotAllowed(verified.status);
        }
        _describe(verified, c);
    }

    /// @inheritdoc IIntelQuoteVerifier
    function isPlatformRevoked(bytes32 authorityId, uint64 serialTag) external view returns (bool) {
        address pckCrl = COLLATERAL.crlOf(authorityId).data;
        if (Revocations.has(pckCrl, serialTag)) return true;
        address rootCrl = COLLATERAL.crlOf(COLLATERAL.ROOT_ID()).data;
        return Revocations.has(rootCrl, COLLATERAL.authorityOf(authorityId).serialTag);
    }

    function _open(
        bytes memory signed,
        bytes memory pckCertificate,
        uint256 asOf
    ) private view returns (Case memory c) {
        c.asOf = asOf;
        c.report = Quote.read(signed);
        c.pck = X509.read(pckCertificate, PckExtension.OID);
        bool isPck =
            c.pck.subjectCommonName == PCK_NAME &&
                Signed.isP256(c.pck) &&
                !c.pck.isCa &&
                c.pck.keyUsage & X509.DIGITAL_SIGNATURE != 0 &&
                c.pck.vendorAt != 0;
        if (!isPck) revert NotPckCertificate(c.pck.subjectCommonName);

        c.platform = PckExtension.read(c.pck.vendorAt, c.pck.vendorEnd);
        c.issuerId = Signed.issuerId(c.pck.issuer, c.pck.authorityKeyId);
        c.tcbInfoId = Signed.tcbInfoId(c.report.isTdx, c.platform.fmspc, c.platform.pceId);
        c.collateral = COLLATERAL.collateralOf(c.issuerId, c.tcbInfoId, c.report.isTdx);
    }

    /// @dev The chain up to the root, which signed the issuer's entry, and both revocation lists.
    function _requirePck(Case memory c) private view {
        IIntelCollateral.Collateral memory collateral = c.collateral;
        IIntelCollateral.Authority memory issuer = collateral.issuer;
        if (issuer.role != IIntelCollateral.Role.PckCertificates) revert PckIssuerUnknown(c.issuerId);

        X509.requireValidAt(c.pck, c.asOf);
        uint256 notBefore = issuer.notBefore > collateral.rootNotBefore ? issuer.notBefore : collateral.rootNotBefore;
        c.expiresAt = _earlier(issuer.notAfter, collateral.rootNotAfter);
        if (c.asOf < notBefore || c.asOf > c.expiresAt) revert PckIssuerNotValid(notBefore, c.expiresAt, c.asOf);
        if (!Signed.isCertificateBy(c.pck, issuer.x, issuer.y)) revert PckSignatureWrong(c.issuerId);

        _requireCurrent(c, DocumentKind.RootCrl, collateral.rootCrl, 0);
        _requireCurrent(c, DocumentKind.PckCrl, collateral.pckCrl, c.issuerId);
        if (Revocations.has(collateral.rootCrl.data, issuer.serialTag)) revert PckIssuerRevoked(c.issuerId);
        if (Revocations.has(collateral.pckCrl.data, Revocations.tagOf(c.pck.serial))) revert PckRevoked(c.pck.serial);
        c.expiresAt = _earlier(c.expiresAt, c.pck.notAfter);
    }

    /// @dev Where the packed document lies, once it and its signer are right.
    function _openDocument(
        Case memory c,
        DocumentKind kind,
        IIntelCollateral.Document memory document,
        bytes32 id,
        QuotePolicy calldata policy
    ) private view returns (uint256 ptr) {
        _requireCurrent(c, kind, document, id);
        if (document.evaluationNumber < policy.minEvaluationNumber) {
            revert QuoteDocumentTooOld(kind, document.evaluationNumber, policy.minEvaluationNumber);
        }
        bytes memory data = CodeBlob.read(document.data);
        (uint64 signerTag, uint256 signerNotAfter) = Signed.signerOf(data);
        c.expiresAt = _earlier(c.expiresAt, signerNotAfter);
        if (c.asOf > signerNotAfter || Revocations.has(c.collateral.rootCrl.data, signerTag)) {
            revert QuoteDocumentSignerNotValid(kind, signerNotAfter);
        }
        ptr = Signed.contentOf(data);
    }

    function _requireCurrent(
        Case memory c,
        DocumentKind kind,
        IIntelCollateral.Document memory document,
        bytes32 id
    ) private pure {
        if (document.nextUpdate == 0) revert QuoteDocumentMissing(kind, id);
        if (c.asOf < document.issuedAt || c.asOf > document.nextUpdate) {
            revert QuoteDocumentNotCurrent(kind, document.issuedAt, document.nextUpdate, c.asOf);
        }
        c.expiresAt = _earlier(c.expiresAt, document.nextUpdate);
    }

    /// @dev The platform's key signed the quoting enclave's report, that names the attestation key, and the enclave is
    /// the one of the identity.
    function _requireQuotingEnclave(
        Certificate memory pck,
        bytes memory authentication,
        uint256 identity
    ) private view returns (TcbStatus) {
        if (authentication.length < QE_DATA_AT) revert AuthenticationLength(authentication.length);
        uint256 start = _start(authentication);
        uint256 report = start + QE_REPORT_AT;
        uint256 signature = start + QE_SIGNATURE_AT;
        (uint256 x, uint256 y) = Signed.keyOf(pck);
        bytes32 digest = P256.sha256Of(report, report + Quote.SGX_BYTES);
        if (!P256.isSignature(digest, wordAt(signature), wordAt(signature + 32), x, y)) revert QeReportSignatureWrong();

        bytes memory bound = new bytes(64 + authentication.length - QE_DATA_AT);
        assembly ("memory-safe") {
            mcopy(add(bound, 0x20), add(start, ATTESTATION_KEY_AT), 64)
            mcopy(add(bound, 0x60), add(start, QE_DATA_AT), sub(mload(authentication), QE_DATA_AT))
        }
        bytes32 expected = P256.sha256Of(_start(bound), _start(bound) + bound.length);
        uint256 reportData = report + Reports.SGX_REPORT_DATA_AT;
        if (bytes32(wordAt(reportData)) != expected || wordAt(reportData + 32) != 0) revert QeReportDataWrong(expected);

        return QeIdentity.statusOf(identity, report);
    }

    function _requireQuoteSignature(
        bytes memory signed,
        bytes memory authentication
    ) private view returns (bytes32 digest) {
        uint256 start = _start(authentication);
        uint256 key = start + ATTESTATION_KEY_AT;
        digest = P256.sha256Of(_start(signed), _start(signed) + signed.length);
        if (!P256.isSignature(digest, wordAt(start), wordAt(start + 32), wordAt(key), wordAt(key + 32))) {
            revert QuoteSignatureWrong();
        }
    }

    function _describe(VerifiedQuote memory verified, Case memory c) private pure {
        verified.isTdx = c.report.isTdx;
        verified.measurement = Reports.measurementOf(c.report);
        verified.reportData = Reports.dataOf(c.report);
        verified.platformId = bytes32((c.platform.ppid << 128) | (c.platform.fmspc << 80) | (c.platform.pceId << 64));
        verified.evaluationNumber = uint16(
            _earlier(c.collateral.tcbInfo.evaluationNumber, c.collateral.qeIdentity.evaluationNumber)
        );
        verified.expiresAt = uint40(c.expiresAt);
        verified.authorityId = c.issuerId;
        verified.serialTag = Revocations.tagOf(c.pck.serial);
    }

    function _earlier(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _start(bytes memory content) private pure returns (uint256 ptr) {
        assembly ("memory-safe") {
            ptr := add(content, 0x20)
        }
    }
}
