// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IEnclaveRegistry} from "../../interfaces/IEnclaveRegistry.sol";
import {IBatchEvidence, IEvidence} from "../../interfaces/IEvidence.sol";
import {IModelRegistry} from "../../interfaces/IModelRegistry.sol";
import {BatchHeader} from "../../types/Batch.sol";
import {Claim} from "../../types/Claim.sol";

/// @title EnclaveEvidence
/// @notice A signature by a key that lives in an enclave with the very measurement that the claim's model names.
/// Expiry and revocation of the key are checked when the evidence is used; the source is the key's number.
contract EnclaveEvidence is IBatchEvidence, EIP712 {
    bytes32 public constant CLAIM_TYPEHASH = keccak256("ClaimAttestation(bytes32 claimId,address beneficiary)");
    bytes32 public constant BATCH_TYPEHASH = keccak256("BatchAttestation(bytes32 batchId,bytes32 modelId)");

    /// @notice Where the models are.
    IModelRegistry public immutable MODELS;
    /// @notice Where the enclaves' keys are.
    IEnclaveRegistry public immutable ENCLAVES;

    /// @notice The model runs in no enclave.
    error ModelNotMeasured(bytes32 modelId);

    constructor(IModelRegistry models, IEnclaveRegistry enclaves) EIP712("Meantime Enclave", "1") {
        MODELS = models;
        ENCLAVES = enclaves;
    }

    /// @inheritdoc IEvidence
    /// @dev Reverts with the errors of OpenZeppelin's `ECDSA` on a malformed signature.
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
    /// @dev Reverts with the errors of OpenZeppelin's `ECDSA` on a malformed signature.
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
        return ENCLAVES.lastRevokedAt(_measurementOf(modelId));
    }

    /// @inheritdoc IEvidence
    function compromisedSince(uint32 source) external view returns (uint40) {
        return ENCLAVES.compromisedSince(source);
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
        bytes calldata signature
    ) private view returns (bool signed, uint32 source) {
        bytes32 measurement;
        (measurement, source) = ENCLAVES.activeMeasurementOf(ECDSA.recover(digest, signature));
        signed = measurement == _measurementOf(modelId);
    }

    function _measurementOf(bytes32 modelId) private view returns (bytes32 measurement) {
        measurement = MODELS.measurementOf(modelId);
        if (measurement == 0) revert ModelNotMeasured(modelId);
    }
}
