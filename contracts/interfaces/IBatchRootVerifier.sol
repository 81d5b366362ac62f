// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVerificationKeys} from "./IVerificationKeys.sol";

/// @title One proof for many claims
/// @notice Judges proofs of circuits that run one model on 32 inputs, with the public inputs `root, packedOutputs,
/// ctx`: the hash over the 32 input commitments, the 32 outputs in 4 bits each, the first in the lowest, and whatever
/// the proof is tied to. The registry of keys is its own: a key for single claims is none here, and the reverse.
interface IBatchRootVerifier is IVerificationKeys {
    /// @notice The proof was judged and is wrong.
    error BatchRootWrong(bytes32 keyId, bytes32 root);
    /// @notice There is no claim at this place.
    error NoSuchClaim(uint256 place);

    /// @notice What the model behind the key answers to the inputs behind `root`. It returns nothing that was not
    /// proven: it reverts with `BatchRootWrong` when the proof is wrong, with the errors of `Groth16` where it cannot
    /// judge, with `KeyUnknown`, and with `AlreadyTripped` once the key's breaker is tripped.
    /// @param evidence The packed outputs and the proof: nine words.
    function verifyBatchRoot(
        bytes32 keyId,
        bytes32 root,
        uint256 ctx,
        bytes calldata evidence
    ) external view returns (uint256 packedOutputs);

    /// @notice One of the 32 packed outputs. Reverts with `NoSuchClaim`.
    function outputAt(uint256 packedOutputs, uint256 place) external pure returns (uint256 output);
}
