// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICertificateChains} from "./ICertificateChains.sol";

/// @notice What a verified document of an AWS Nitro enclave says.
struct NitroAttestation {
    bytes32 measurement; // keccak256(PCR0 | PCR1 | PCR2)
    bytes32[32] pcrs; // keccak256 of each; zero: the document has none
    bytes32 platform; // keccak256 of the module's id up to "-enc": the instance
    bytes publicKey; // empty, like the next two: null
    bytes userData;
    bytes nonce;
    uint64 timestampMs;
    uint40 notAfter; // when the first certificate of the chain expires, Unix seconds
    bytes32 chainId; // the enclave's certificate with its whole chain
}

/// @title INitroVerifier
/// @notice Verifies attestation documents of AWS Nitro enclaves: the certificate chain to a pinned root, the document's
/// signature, its age, and that the enclave is not in debug mode.
interface INitroVerifier is ICertificateChains {
    /// @notice The document is older than the caller allows, or from the future.
    error DocumentAge(uint256 timestampMs, uint256 maxAgeSeconds);
    /// @notice The enclave runs in debug mode, or has no image: this one of PCR0, PCR1 and PCR2 is zero or absent.
    error DebugEnclave(uint256 pcr);

    /// @notice Verifies a document. Reverts with an error of `NitroDocuments`, `Cbor`, `X509`, `Der`, `IP384` or above.
    /// @param document COSE_Sign1, tagged or not, nothing behind it.
    /// @param hints For `IP384`: one for each certificate that is not remembered, root's side first, then the
    /// document's.
    /// @param maxAgeSeconds The document's age has to be below this.
    function verify(
        bytes calldata document,
        bytes[] calldata hints,
        uint256 maxAgeSeconds
    ) external returns (NitroAttestation memory);
}
