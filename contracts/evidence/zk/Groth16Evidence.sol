// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEvidence} from "../../interfaces/IEvidence.sol";
import {IModelRegistry} from "../../interfaces/IModelRegistry.sol";
import {Claim} from "../../types/Claim.sol";
import {Groth16} from "./Groth16.sol";
import {VerificationKeys} from "./VerificationKeys.sol";

/// @title Groth16Evidence
/// @notice A zero-knowledge proof that the claim's model maps the input behind `inputHash` to the output behind
/// `outputHash`. The verification key is the model: its weights are constants of the circuit.
contract Groth16Evidence is IEvidence, VerificationKeys {
    bytes32 public constant CONTEXT_TYPEHASH = keccak256("MeantimeContext(bytes32 claimId,address beneficiary)");

    /// @notice Where the models are.
    IModelRegistry public immutable MODELS;

    constructor(IModelRegistry models) {
        MODELS = models;
    }

    /// @inheritdoc IEvidence
    /// @dev Reverts with the errors of `Groth16` on bytes that are no proof, with `KeyUnknown` where the model has no
    /// key. Returns zero for a proof that was judged and is wrong.
    function check(
        Claim calldata claim,
        bytes32 claimId,
        address beneficiary,
        bytes calldata evidence
    ) external view returns (bytes4 magic) {
        bytes memory key = keyOf(MODELS.verificationKeyOf(claim.modelId));
        uint256[] memory inputs = new uint256[](INPUTS);
        inputs[0] = uint256(claim.inputHash);
        inputs[1] = uint256(claim.outputHash);
        inputs[2] = contextOf(claimId, beneficiary);
        if (Groth16.verify(key, inputs, evidence)) magic = IEvidence.check.selector;
    }

    /// @notice The third public input: it ties a proof to one claim and to whom it pays. The hash is cut to 248 bits,
    /// so it is below the order of the field and the same in every implementation.
    function contextOf(bytes32 claimId, address beneficiary) public pure returns (uint256) {
        return uint256(keccak256(abi.encode(CONTEXT_TYPEHASH, claimId, beneficiary))) >> 8;
    }
}
