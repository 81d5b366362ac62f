// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IEnclaveRegistry} from "../../interfaces/IEnclaveRegistry.sol";
import {IBatchEvidence, IEvidence} from "../../interfaces/IEvidence.sol";
import {IModelRegistry} from "../../interfaces/IModelRegistry.sol";
import {BatchHeader} from "../../types/Batch.sol";
import {Claim} from "../../types/Claim.sol";

/// @title EnclaveEvidence
/// @notice A signature by a key that lives in an enclave with the very measurement that the claim's model names.
/// Expiry and revocation of the key are checked when the evidence is used.
contract EnclaveEvidence is IEvidence, IBatchEvidence, EIP712 {
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
    ) external view returns (bytes4 magic) {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CLAIM_TYPEHASH, claimId, beneficiary)));
        if (_isSignedFor(claim.modelId, digest, evidence)) magic = IEvidence.check.selector;
    }

    /// @inheritdoc IBatchEvidence
    /// @dev Reverts with the errors of OpenZeppelin's `ECDSA` on a malformed signature.
    function checkBatch(
        BatchHeader calldata header,
        bytes32 batchId,
        bytes calldata evidence
    ) external view returns (bytes4 magic) {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(BATCH_TYPEHASH, batchId, header.modelId)));
        if (_isSignedFor(header.modelId, digest, evidence)) magic = IBatchEvidence.checkBatch.selector;
    }

    function _isSignedFor(bytes32 modelId, bytes32 digest, bytes calldata signature) private view returns (bool) {
        bytes32 measurement = MODELS.measurementOf(modelId);
        if (measurement == 0) revert ModelNotMeasured(modelId);
        return ENCLAVES.activeMeasurementOf(ECDSA.recover(digest, signature)) == measurement;
    }
}
