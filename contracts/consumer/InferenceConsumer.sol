// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";
import {Status} from "../types/Status.sol";
import {Publicity} from "./Publicity.sol";

/// @title Base of contracts that act on inferences
/// @notice Checks that a claim is about the consumer's model, under the consumer's policy, and stands high enough.
abstract contract InferenceConsumer {
    /// @notice Where claims settle.
    ISettlement public immutable SETTLEMENT;
    /// @notice The one model this consumer believes.
    bytes32 public immutable MODEL_ID;
    /// @notice The one policy this consumer accepts: its bonds and windows are what a wrong answer costs.
    bytes32 public immutable POLICY_ID;

    /// @notice The claim is about another model or under another policy.
    error ForeignClaim(bytes32 modelId, bytes32 policyId);

    /// @notice No evidence vouches for the claim, and nobody showed it (`ISettlement.reveal`) while it could be
    /// challenged.
    error NeverShown(bytes32 claimId);

    constructor(ISettlement settlement, bytes32 modelId, bytes32 policyId) {
        SETTLEMENT = settlement;
        MODEL_ID = modelId;
        POLICY_ID = policyId;
    }

    /// @dev Reverts with `ISettlement.StatusTooLow` unless the claim stands at `atLeast`. Using a claim once is for
    /// the consumer to see to, by `requestId` or `inputHash`: a claim stays final for ever.
    function _requireInference(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        Status atLeast
    ) internal view {
        if (claim.modelId != MODEL_ID || claim.policyId != POLICY_ID) {
            revert ForeignClaim(claim.modelId, claim.policyId);
        }
        SETTLEMENT.requireStatus(header, claim, index, proof, atLeast);
    }

    /// @dev Reverts unless the claim is final, and evidence vouches for it or it was shown on chain while it could be
    /// challenged. For consumers that rely on challengers, under a policy that the clock may close: an operator that
    /// keeps its data back leaves them nothing to look at.
    function _requireShownAndFinal(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) internal view {
        _requireInference(header, claim, index, proof, Status.Final);
        if (!Publicity.isVouchedForOrShown(SETTLEMENT, header, index)) revert NeverShown(SETTLEMENT.claimIdOf(claim));
    }
}
