// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IP384} from "./IP384.sol";

/// @title ICertificateChains
/// @notice Chains of certificates over P-384 from one pinned root. A certificate is verified once and remembered; its
/// time, revocation and place in the chain are checked each time.
interface ICertificateChains {
    /// @notice The certificate was verified and is remembered under this id.
    event CertificateVerified(bytes32 indexed chainId, bytes32 indexed issuer, uint256 serial, uint40 notAfter);
    /// @notice The certificate of this issuer with this serial counts no longer.
    event CertificateRevoked(bytes32 indexed issuer, uint256 serial);

    /// @notice The bundle's first certificate is not the pinned root.
    error NotTheRoot(bytes32 tbsHash);
    /// @notice The certificate at this place, the root being 0, is not valid now.
    error ChainNotValid(uint256 place, uint256 notBefore, uint256 notAfter);
    /// @notice The certificate at this place was revoked.
    error ChainRevoked(uint256 place);
    /// @notice The certificate at this place may not sign certificates, or not so far above the enclave's.
    error ChainNotAuthority(uint256 place);
    /// @notice The enclave's certificate is an authority's, or may not sign documents.
    error ChainNotEndEntity(uint256 place);
    /// @notice The certificate at this place was not issued by the one before it.
    error ChainNotIssuedBy(uint256 place);
    /// @notice The certificate at this place is not signed with SHA-384 by, or has no, key over P-384.
    error ChainAlgorithm(uint256 place);
    /// @notice The certificate at this place of the chain is longer than 1,024 bytes.
    error ChainCertificateTooLong(uint256 place, uint256 length);
    /// @notice A signature that is to be verified has no hints: there are fewer than are needed.
    error HintsMissing(uint256 given);
    /// @notice More hints were given than were needed.
    error HintsLeft(uint256 given, uint256 needed);
    /// @notice The contract for this has no code or does not work.
    error BadCryptography(address target);

    /// @notice Verifies and remembers the certificates of a chain ahead of documents that use it.
    /// @param certificates DER, the root first.
    /// @param hints For `IP384`, one for each certificate that is not remembered.
    function verifyChain(bytes[] calldata certificates, bytes[] calldata hints) external returns (bytes32 chainId);

    /// @notice Revokes, for ever and at once, the certificate with this issuer and serial, known or not. Restricted to
    /// the guardian.
    /// @param issuer keccak256 of the DER of the issuer's name.
    function revoke(bytes32 issuer, uint256 serial) external;

    /// @notice Whether a certificate with this chain of issuers was verified before. It may have expired since.
    function isVerified(bytes32 chainId) external view returns (bool);

    /// @notice Whether the certificate with this issuer and serial was revoked.
    function isRevoked(bytes32 issuer, uint256 serial) external view returns (bool);

    /// @notice Whether a certificate of this chain was revoked, the last one or one above it. False for a chain that
    /// was never verified.
    function isChainRevoked(bytes32 chainId) external view returns (bool);

    /// @notice The root's chain id: keccak256 of what it signs of itself.
    function ROOT_ID() external view returns (bytes32);

    /// @notice What verifies signatures.
    function P384() external view returns (IP384);

    /// @notice What hashes.
    function SHA384() external view returns (address);
}
