// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TcbStatus} from "../enclave/intel/TcbStatus.sol";
import {IIntelCollateral} from "./IIntelCollateral.sol";

/// @title Quotes of Intel SGX enclaves and TDX trust domains
/// @notice Judges a quote in the way of Intel's quote verification library, by collateral that is on this chain.
interface IIntelQuoteVerifier {
    /// @notice A quote, without the certificates around it that are known here.
    struct QuoteParts {
        bytes signed; // header, in version 5 the report's description, and report
        bytes authentication; // signature 64, attestation key 64, QE report 384, its signature 64, authentication data
        bytes pckCertificate; // DER
    }

    /// @notice What is accepted. Debug mode never is, nor is a revoked platform.
    struct QuotePolicy {
        uint16 statuses; // bit n: the `TcbStatus` n
        uint16 minEvaluationNumber; // of the TCB info and of the QE identity
        bytes32 serviceTd; // keccak256 of an accepted MRSERVICETD beside the zero one; 0: none
    }

    /// @notice What a quote proves.
    /// @dev `measurement` of a trust domain: keccak256 of attributes, XFAM, MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG
    /// and RTMR0 to RTMR3, as they follow each other in the report; of an enclave: keccak256 of attributes, MRENCLAVE,
    /// MISCSELECT, CONFIGID and CONFIGSVN. The signer of an enclave is in neither: it is no measurement.
    struct VerifiedQuote {
        bool isTdx;
        bytes32 measurement;
        bytes32[2] reportData;
        bytes32 platformId; // PPID 16 octets, FMSPC 6, PCE id 2, zeros
        TcbStatus status;
        uint16 evaluationNumber; // the lower one of the TCB info and the QE identity
        uint40 expiresAt; // when the first certificate or document behind it runs out
        bytes32 quoteHash; // SHA-256 of what was signed
        bytes32 authorityId; // who issued the platform's certificate
        uint64 serialTag; // the low 64 bits of that certificate's serial number
    }

    /// @notice What a `QuoteDocument...` error is about.
    enum DocumentKind {
        RootCrl,
        PckCrl,
        TcbInfo,
        QeIdentity
    }

    /// @notice The authentication is shorter than its fixed parts.
    error AuthenticationLength(uint256 lengthBytes);
    /// @notice The certificate is not one of a platform, by its name, constraints, key usage, or algorithms.
    error NotPckCertificate(bytes32 commonNameHash);
    /// @notice No authority here issued the PCK certificate.
    error PckIssuerUnknown(bytes32 authorityId);
    /// @notice The authority above the PCK certificate, or the root, is not valid at this moment.
    error PckIssuerNotValid(uint256 notBefore, uint256 notAfter, uint256 asOf);
    /// @notice The PCK certificate's signature is not its issuer's.
    error PckSignatureWrong(bytes32 authorityId);
    /// @notice The root has revoked the issuer of the PCK certificate.
    error PckIssuerRevoked(bytes32 authorityId);
    /// @notice The platform's certificate is revoked.
    error PckRevoked(uint256 serial);
    /// @notice The document is not on this chain: somebody has to enter it.
    error QuoteDocumentMissing(DocumentKind kind, bytes32 id);
    /// @notice The document was issued after this moment or has run out by it.
    error QuoteDocumentNotCurrent(DocumentKind kind, uint256 issuedAt, uint256 nextUpdate, uint256 asOf);
    /// @notice The document is of an evaluation before the one asked for.
    error QuoteDocumentTooOld(DocumentKind kind, uint256 evaluationNumber, uint256 minEvaluationNumber);
    /// @notice The authority that signed the document has been revoked or has run out.
    error QuoteDocumentSignerNotValid(DocumentKind kind, uint256 notAfter);
    /// @notice The quoting enclave's report is not signed by the platform's key.
    error QeReportSignatureWrong();
    /// @notice The quoting enclave's report is not about this attestation key.
    error QeReportDataWrong(bytes32 expected);
    /// @notice The quote is not signed by the attestation key.
    error QuoteSignatureWrong();
    /// @notice The enclave or the trust domain runs in debug mode.
    error DebugEnclave();
    /// @notice The trust domain has attributes that it must not have, or lacks SEPT_VE_DISABLE. Octets as they stand.
    error TdAttributes(uint256 attributes);
    /// @notice The trust domain is bound to a service that the policy does not name.
    error ServiceTdNotAllowed(bytes32 serviceTdHash);
    /// @notice The platform has a status that the policy does not name, or is revoked.
    error TcbStatusNotAllowed(TcbStatus status);

    /// @notice Where Intel's documents are.
    function COLLATERAL() external view returns (IIntelCollateral);

    /// @notice Whether a platform's certificate, or that of its issuer, is on the newest revocation list here. False
    /// where there is no list.
    /// @param authorityId As in `VerifiedQuote`, like `serialTag`.
    function isPlatformRevoked(bytes32 authorityId, uint64 serialTag) external view returns (bool);

    /// @notice Judges a quote as of a moment: reverts with the first thing that is wrong, by the errors above and those
    /// of `Der`, `X509`, `PckExtension`, `Quote`, `TcbInfo` and `QeIdentity`.
    /// @param asOf Unix seconds; a contract that acts on the answer gives the block's time.
    function verifyQuote(
        QuoteParts calldata parts,
        QuotePolicy calldata policy,
        uint256 asOf
    ) external view returns (VerifiedQuote memory);
}
