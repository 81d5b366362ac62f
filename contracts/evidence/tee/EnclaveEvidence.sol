// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {P256} from "../../enclave/crypto/P256.sol";
import {EnclaveIds} from "../../enclave/EnclaveIds.sol";
import {EnclaveRegistry} from "../../enclave/EnclaveRegistry.sol";
import {IEnclaveEvidence} from "../../interfaces/IEnclaveEvidence.sol";
import {IBatchEvidence, IEvidence} from "../../interfaces/IEvidence.sol";
import {IIntelQuoteVerifier} from "../../interfaces/IIntelQuoteVerifier.sol";
import {IModelRegistry} from "../../interfaces/IModelRegistry.sol";
import {INitroVerifier} from "../../interfaces/INitroVerifier.sol";
import {BatchHeader} from "../../types/Batch.sol";
import {Claim} from "../../types/Claim.sol";

/// @title EnclaveEvidence
contract EnclaveEvidence is IEnclaveEvidence, EnclaveRegistry, EIP712 {
    /// @inheritdoc IEnclaveEvidence
    bytes32 public constant CLAIM_TYPEHASH = keccak256("ClaimAttestation(bytes32 claimId,address beneficiary)");
    /// @inheritdoc IEnclaveEvidence
    bytes32 public constant BATCH_TYPEHASH = keccak256("BatchAttestation(bytes32 batchId,bytes32 modelId)");

    uint256 private constant P256_EVIDENCE_BYTES = 128;

    /// @inheritdoc IEnclaveEvidence
    IModelRegistry public immutable MODELS;

    mapping(bytes32 modelId => bytes32 measurement) private _remembered;

    /// @param maxKeysPerPlatform How many keys one instance of AWS's, or one processor of Intel's, may have at a time.
    constructor(
        address authority,
        IModelRegistry models,
        INitroVerifier nitro,
        IIntelQuoteVerifier intel,
        uint256 maxKeysPerPlatform
    ) EnclaveRegistry(authority, nitro, intel, maxKeysPerPlatform) EIP712("Meantime Enclave", "1") {
        MODELS = models;
    }

    /// @inheritdoc IEnclaveEvidence
    function rememberModel(bytes32 modelId) external {
        _remembered[modelId] = _measurementNamedBy(modelId);
    }

    /// @inheritdoc IEvidence
    function check(
        Claim calldata claim,
        bytes32 claimId,
        address beneficiary,
        bytes calldata evidence
    ) external view returns (bytes4 magic, uint32 source) {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CLAIM_TYPEHASH, claimId, beneficiary)));
        bool signed;
        (signed, source) = _isSignedFor(claim.modelId, digest, evidence);
        if (signed) magic = IEvidence.check.selector;
    }

    /// @inheritdoc IBatchEvidence
    function checkBatch(
        BatchHeader calldata header,
        bytes32 batchId,
        bytes calldata evidence
    ) external view returns (bytes4 magic, uint32 source) {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(BATCH_TYPEHASH, batchId, header.modelId)));
        bool signed;
        (signed, source) = _isSignedFor(header.modelId, digest, evidence);
        if (signed) magic = IBatchEvidence.checkBatch.selector;
    }

    /// @inheritdoc IEvidence
    function faultedAt(bytes32 modelId) external view returns (uint40) {
        return lastRevokedAt(_measurementNamedBy(modelId));
    }

    /// @inheritdoc IEvidence
    function compromisedSince(uint32 source) external view returns (uint40) {
        return _compromisedSinceOf(source);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return
            interfaceId == type(IBatchEvidence).interfaceId ||
            interfaceId == type(IEvidence).interfaceId ||
            interfaceId == type(IERC165).interfaceId;
    }

    function _isSignedFor(
        bytes32 modelId,
        bytes32 digest,
        bytes calldata evidence
    ) private view returns (bool signed, uint32 source) {
        bytes32 keyId = _signerOf(digest, evidence);
        // No key has this id: nobody signed.
        if (keyId == 0) return (false, 0);
        return _attestsFor(keyId, _measurementNamedBy(modelId));
    }

    function _signerOf(bytes32 digest, bytes calldata evidence) private view returns (bytes32 keyId) {
        if (evidence.length != P256_EVIDENCE_BYTES) {
            return EnclaveIds.secp256k1KeyId(ECDSA.recoverCalldata(digest, evidence));
        }
        bool signed = P256.isSignature(
            digest,
            uint256(bytes32(evidence)),
            uint256(bytes32(evidence[32:])),
            uint256(bytes32(evidence[64:])),
            uint256(bytes32(evidence[96:]))
        );
        if (signed) keyId = EnclaveIds.p256KeyId(keccak256(evidence[64:]));
    }

    /// @dev Models never change: what was remembered of one holds.
    function _measurementNamedBy(bytes32 modelId) private view returns (bytes32 measurement) {
        measurement = _remembered[modelId];
        if (measurement == 0) measurement = MODELS.measurementOf(modelId);
        if (measurement == 0) revert ModelNotMeasured(modelId);
    }
}
