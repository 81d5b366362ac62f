// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";

/// @title Evidence that closes the trust gap of one claim
/// @dev Called with STATICCALL. Only the magic value moves state: another value, a revert, running out of gas and an
/// address without code all leave the claim where it was, so that a starved check can never look like guilt.
interface IEvidence {
    /// @notice Judges evidence for one claim.
    /// @param claim The whole claim. The statement is built from it here, never chosen by the caller.
    /// @param claimId The claim id, which binds chain and settlement contract.
    /// @param beneficiary Whom the evidence pays; it must be bound inside the evidence.
    /// @param evidence The encoded proof or signature.
    /// @return magic `IEvidence.check.selector` if and only if the evidence holds.
    function check(
        Claim calldata claim,
        bytes32 claimId,
        address beneficiary,
        bytes calldata evidence
    ) external view returns (bytes4 magic);
}

/// @title Evidence that closes the trust gap of a whole batch
/// @dev The same rules as for `IEvidence`.
interface IBatchEvidence {
    /// @notice Judges evidence for every claim of a batch of one model.
    /// @param header The batch header; its `modelId` is not zero.
    /// @param batchId The batch id, which binds chain and settlement contract.
    /// @param evidence The encoded signature.
    /// @return magic `IBatchEvidence.checkBatch.selector` if and only if the evidence holds.
    function checkBatch(
        BatchHeader calldata header,
        bytes32 batchId,
        bytes calldata evidence
    ) external view returns (bytes4 magic);
}
