// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IBatchRootVerifier} from "../../interfaces/IBatchRootVerifier.sol";
import {Groth16} from "./Groth16.sol";
import {VerificationKeys} from "./VerificationKeys.sol";

/// @title BatchRootVerifier
/// @dev A root has one list of outputs as an input hash has one output, so the keys' breaker serves here as it is.
contract BatchRootVerifier is IBatchRootVerifier, VerificationKeys {
    uint256 private constant CLAIMS = 32;
    uint256 private constant OUTPUT_BITS = 4;

    /// @inheritdoc IBatchRootVerifier
    function verifyBatchRoot(
        bytes32 keyId,
        bytes32 root,
        uint256 ctx,
        bytes calldata evidence
    ) external view returns (uint256 packedOutputs) {
        if (evidence.length != 32 + Groth16.PROOF_BYTES) revert Groth16.ProofLength(evidence.length);
        bytes memory key = _requireSoundKey(keyId);
        bytes32 outputs = bytes32(evidence[:32]);
        if (!Groth16.verify(key, _inputs(root, outputs, ctx), evidence[32:])) revert BatchRootWrong(keyId, root);
        return uint256(outputs);
    }

    /// @inheritdoc IBatchRootVerifier
    function outputAt(uint256 packedOutputs, uint256 place) external pure returns (uint256 output) {
        if (place >= CLAIMS) revert NoSuchClaim(place);
        return (packedOutputs >> (place * OUTPUT_BITS)) % (1 << OUTPUT_BITS);
    }
}
