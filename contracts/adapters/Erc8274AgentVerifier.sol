// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Claim} from "../types/Claim.sol";
import {Status} from "../types/Status.sol";
import {IAgentVerifier, IProofVerifier} from "./IErc8274.sol";
import {SettledProof} from "./SettledProof.sol";

/// @title Operators as agents, for whoever speaks ERC-8274
/// @notice One model, one policy, one status, some operators. An agent id is an operator's address as a number, a
/// task id the `requestId` that the claim names: a claim about one task says nothing about another.
///
/// A task is done once, and for each caller by itself: were it once for all, a stranger could do a caller's task
/// first and have the caller told that the proof is bad.
contract Erc8274AgentVerifier is IAgentVerifier, IERC165 {
    /// @notice What judges the claims.
    IProofVerifier public immutable VERIFIER;
    bytes32 public immutable MODEL_ID;
    bytes32 public immutable POLICY_ID;
    Status public immutable MIN_STATUS;

    mapping(bytes32 agentId => bool) private _agents;
    mapping(address caller => mapping(bytes32 taskId => bool)) private _done;

    /// @notice Only `Committed`, `Attested`, `Proven` and `Final` can be demanded.
    error BadMinStatus(Status minStatus);

    constructor(
        IProofVerifier verifier,
        bytes32 modelId,
        bytes32 policyId,
        Status minStatus,
        address[] memory operators
    ) {
        if (minStatus == Status.Unknown || minStatus > Status.Final) revert BadMinStatus(minStatus);
        VERIFIER = verifier;
        MODEL_ID = modelId;
        POLICY_ID = policyId;
        MIN_STATUS = minStatus;
        for (uint256 i = 0; i < operators.length; ++i) _agents[_agentIdOf(operators[i])] = true;
    }

    /// @inheritdoc IAgentVerifier
    /// @dev A verification that fails leaves the task open.
    function verify(
        bytes32 taskId,
        bytes32 agentId,
        bytes32 inputHash,
        bytes32 outputHash,
        bytes calldata proof
    ) external returns (bool valid, bytes32 verificationDigest) {
        if (_agents[agentId] && !_done[msg.sender][taskId] && _isAbout(taskId, agentId, proof)) {
            valid = VERIFIER.verify(inputHash, outputHash, abi.encode(MODEL_ID, POLICY_ID, MIN_STATUS), proof);
            if (valid) _done[msg.sender][taskId] = true;
        }
        bytes32 profile = VERIFIER.proofProfile();
        verificationDigest = keccak256(
            abi.encode(taskId, agentId, inputHash, outputHash, valid, profile, block.timestamp)
        );
        emit VerificationCompleted(
            taskId,
            agentId,
            verificationDigest,
            valid,
            inputHash,
            outputHash,
            profile,
            block.timestamp
        );
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IAgentVerifier).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    function _isAbout(bytes32 taskId, bytes32 agentId, bytes calldata proof) private pure returns (bool) {
        if (!SettledProof.isWellFormed(proof)) return false;
        (, Claim calldata claim, , ) = SettledProof.decode(proof);
        return claim.requestId == taskId && _agentIdOf(claim.operator) == agentId;
    }

    function _agentIdOf(address operator) private pure returns (bytes32) {
        return bytes32(uint256(uint160(operator)));
    }
}
