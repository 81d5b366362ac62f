// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEnclaveRegistry} from "./IEnclaveRegistry.sol";
import {IBatchEvidence} from "./IEvidence.sol";
import {IModelRegistry} from "./IModelRegistry.sol";

/// @title Evidence by enclaves
/// @notice A signature by a key that lives in an enclave with the very measurement that the claim's model names, over
/// EIP-712 data in the domain "Meantime Enclave", version 1, of this contract. Whether the key counts is asked when the
/// evidence is used; the source is the key's number.
/// @dev Evidence of a secp256k1 key is r, s and v, 65 bytes, s in the lower half. Evidence of a P-256 key is r, s and
/// the key's x and y, 128 bytes; the curve's precompile takes s and n - s, which are the same evidence: nothing is kept
/// of a signature but who gave it. Evidence that is neither reverts with the errors of OpenZeppelin's `ECDSA`.
interface IEnclaveEvidence is IEnclaveRegistry, IBatchEvidence {
    /// @notice The model runs in no enclave.
    error ModelNotMeasured(bytes32 modelId);

    /// @notice Keeps a copy of the measurement that a model names, so that its evidence costs less from now on. Anybody
    /// may; models never change.
    function rememberModel(bytes32 modelId) external;

    /// @notice Of `ClaimAttestation(bytes32 claimId,address beneficiary)`.
    function CLAIM_TYPEHASH() external view returns (bytes32);

    /// @notice Of `BatchAttestation(bytes32 batchId,bytes32 modelId)`.
    function BATCH_TYPEHASH() external view returns (bytes32);

    /// @notice Where the models are.
    function MODELS() external view returns (IModelRegistry);
}
