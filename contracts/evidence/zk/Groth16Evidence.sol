// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
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
    /// key. Returns zero for a proof that was judged and is wrong, and for every proof once the key's breaker is
    /// tripped.
    function check(
        Claim calldata claim,
        bytes32 claimId,
        address beneficiary,
        bytes calldata evidence
    ) external view returns (bytes4 magic, uint32 source) {
        bytes memory key = _soundKeyOf(MODELS.verificationKeyOf(claim.modelId));
        if (key.length == 0) return (0, 0);
        uint256[] memory inputs = _inputs(claim.inputHash, claim.outputHash, contextOf(claimId, beneficiary));
        if (Groth16.verify(key, inputs, evidence)) magic = IEvidence.check.selector;
        return (magic, 0);
    }

    /// @inheritdoc IEvidence
    /// @dev A tripped breaker stays tripped. What is served afterwards is served without a way to answer for it.
    function faultedAt(bytes32 modelId) external view returns (uint40) {
        return trippedAt(MODELS.verificationKeyOf(modelId));
    }

    /// @inheritdoc IEvidence
    function compromisedSince(uint32) external pure returns (uint40) {
        return 0;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IEvidence).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    /// @notice The third public input: it ties a proof to one claim and to whom it pays. The hash is cut to 248 bits,
    /// so it is below the order of the field and the same in every implementation.
    function contextOf(bytes32 claimId, address beneficiary) public pure returns (uint256) {
        return uint256(keccak256(abi.encode(CONTEXT_TYPEHASH, claimId, beneficiary))) >> 8;
    }
}
