// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IEvidence} from "../../interfaces/IEvidence.sol";
import {IModelRegistry} from "../../interfaces/IModelRegistry.sol";
import {IProofBatch} from "../../interfaces/IProofBatch.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {Claim} from "../../types/Claim.sol";
import {Groth16} from "./Groth16.sol";
import {Groth16Batch} from "./Groth16Batch.sol";
import {JudgedStatements} from "./JudgedStatements.sol";
import {VerificationKeys} from "./VerificationKeys.sol";

/// @title Groth16Evidence
/// @notice A zero-knowledge proof that the claim's model maps the input behind `inputHash` to the output behind
/// `outputHash`. The verification key is the model: its weights are constants of the circuit.
contract Groth16Evidence is IEvidence, IProofBatch, VerificationKeys, JudgedStatements {
    bytes32 public constant CONTEXT_TYPEHASH = keccak256("MeantimeContext(bytes32 claimId,address beneficiary)");

    /// @notice Where the models are.
    IModelRegistry public immutable MODELS;

    constructor(IModelRegistry models) {
        MODELS = models;
    }

    /// @inheritdoc IEvidence
    /// @dev Reverts with the errors of `Groth16` on bytes that are no proof, with `KeyUnknown` where the model has no
    /// key. Returns zero for a proof that was judged and is wrong, and for every proof once the key's breaker is
    /// tripped. Empty evidence holds for what was judged in this transaction, and is no proof otherwise.
    function check(
        Claim calldata claim,
        bytes32 claimId,
        address beneficiary,
        bytes calldata evidence
    ) external view returns (bytes4 magic, uint32 source) {
        bytes32 keyId = MODELS.verificationKeyOf(claim.modelId);
        uint256 ctx = contextOf(claimId, beneficiary);
        if (evidence.length == 0 && _isRemembered(keyId, claim.inputHash, claim.outputHash, ctx)) {
            // The breaker may have been tripped since, in this very transaction.
            return (trippedAt(keyId) == 0 ? IEvidence.check.selector : bytes4(0), 0);
        }

        bytes memory key = _soundKeyOf(keyId);
        if (key.length == 0) return (0, 0);
        if (Groth16.verify(key, _inputs(claim.inputHash, claim.outputHash, ctx), evidence)) {
            magic = IEvidence.check.selector;
        }
        return (magic, 0);
    }

    /// @inheritdoc IProofBatch
    function judge(bytes32 keyId, ProvenStatement[] calldata statements, uint256[2] calldata foldedC) public {
        bytes memory key = _requireSoundKey(keyId);
        if (!Groth16Batch.verify(key, INPUTS, _entriesOf(statements), foldedC)) revert BatchWrong(keyId);
        for (uint256 i = 0; i < statements.length; ++i) {
            ProvenStatement calldata statement = statements[i];
            _remember(keyId, statement.inputHash, statement.outputHash, statement.ctx);
        }
    }

    /// @inheritdoc IProofBatch
    function judgeAndCall(
        bytes32 keyId,
        ProvenStatement[] calldata statements,
        uint256[2] calldata foldedC,
        address settlement,
        bytes[] calldata calls
    ) external {
        judge(keyId, statements, foldedC);
        // A call of nobody succeeds.
        if (settlement.code.length == 0) revert NoContract(settlement);
        for (uint256 i = 0; i < calls.length; ++i) {
            bytes4 selector = bytes4(calls[i]);
            if (!_bringsEvidence(selector)) revert CallNotAllowed(i, selector);
            (bool done, bytes memory reason) = settlement.call(calls[i]);
            if (done) continue;
            // Estimates of gas look for the least that does not revert: it must not be one that starves a call.
            if (reason.length == 0) revert CallStarved(i);
            emit CallRefused(i, reason);
        }
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

    function _bringsEvidence(bytes4 selector) private pure returns (bool) {
        return
            selector == ISettlement.prove.selector ||
            selector == ISettlement.answer.selector ||
            selector == ISettlement.disprove.selector;
    }

    /// @dev A statement and its proof are static words, so the array's calldata is what `Groth16Batch` reads.
    function _entriesOf(ProvenStatement[] calldata statements) private pure returns (bytes calldata entries) {
        uint256 entryBytes = INPUTS * 32 + Groth16Batch.FIXED_BYTES;
        assembly ("memory-safe") {
            entries.offset := statements.offset
            entries.length := mul(statements.length, entryBytes)
        }
    }
}
