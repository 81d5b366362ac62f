// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";

/// @title Evidence that closes the trust gap of one claim
/// @dev Called with STATICCALL. Only the magic value moves state: another value, a revert, running out of gas and an
/// address without code all leave the claim where it was, so that a starved check can never look like guilt.
/// Implementations announce the interface by ERC-165.
interface IEvidence is IERC165 {
    /// @notice Judges evidence for one claim.
    /// @param claim The whole claim. The statement is built from it here, never chosen by the caller.
    /// @param claimId The claim id, which binds chain and settlement contract.
    /// @param beneficiary Whom the evidence pays; it must be bound inside the evidence.
    /// @param evidence The encoded proof or signature.
    /// @return magic `IEvidence.check.selector` if and only if the evidence holds.
    /// @return source Who vouched, by this contract's numbering; zero where nobody has to be believed.
    function check(
        Claim calldata claim,
        bytes32 claimId,
        address beneficiary,
        bytes calldata evidence
    ) external view returns (bytes4 magic, uint32 source);

    /// @notice When the means to give such evidence for a model were last taken away from those who had them: a key
    /// revoked, a breaker tripped. Zero: never. Expiry that was known beforehand does not count. For proofs, anything
    /// but zero also means that none of the model's is to be believed.
    function faultedAt(bytes32 modelId) external view returns (uint40);

    /// @notice From when on a source is not to be believed although its evidence was accepted. Zero: believed.
    function compromisedSince(uint32 source) external view returns (uint40);
}

/// @title Evidence that closes the trust gap of a whole batch
/// @dev The same rules as for `IEvidence`.
interface IBatchEvidence is IEvidence {
    /// @notice Judges evidence for every claim of a batch of one model.
    /// @param header The batch header; its `modelId` is not zero.
    /// @param batchId The batch id, which binds chain and settlement contract.
    /// @param evidence The encoded signature.
    /// @return magic `IBatchEvidence.checkBatch.selector` if and only if the evidence holds.
    /// @return source Who vouched, by this contract's numbering.
    function checkBatch(
        BatchHeader calldata header,
        bytes32 batchId,
        bytes calldata evidence
    ) external view returns (bytes4 magic, uint32 source);
}
