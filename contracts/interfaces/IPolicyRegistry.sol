// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommitTerms, DisputeTerms, Policy} from "../types/Policy.sol";

/// @title Policies
/// @notice Anybody registers a policy within the protocol's bounds; its id is the hash of its content. Policies name
/// evidence contracts from a governed list and keep the ones they name for ever.
interface IPolicyRegistry {
    /// @notice A policy was registered.
    event PolicyRegistered(bytes32 indexed policyId, Policy policy);
    /// @notice No batch can be committed under the policy any more. Open claims are untouched.
    event PolicyRetired(bytes32 indexed policyId, uint40 retiredAt);
    /// @notice New policies may, or may no longer, name the contract as evidence of this kind.
    event EvidenceSet(uint8 indexed kind, address indexed evidence, bool allowed);

    /// @notice The policy is registered already.
    error PolicyKnown(bytes32 policyId);
    /// @notice The policy was never registered.
    error PolicyUnknown(bytes32 policyId);
    /// @notice The policy was retired before.
    error PolicyAlreadyRetired(bytes32 policyId);
    /// @notice A window is outside the protocol's bounds.
    error WindowOutOfBounds(uint32 windowSeconds, uint32 minSeconds, uint32 maxSeconds);
    /// @notice A bond is under the protocol's minimum.
    error BondTooSmall(uint96 bondWei, uint96 minWei);
    /// @notice The split leaves nothing for a challenger or less for the burn than the protocol's minimum.
    error BadSplit(uint16 challengerBps, uint16 requesterBps);
    /// @notice No kind of evidence, or a kind that the policy has no contract for, would answer a challenge.
    error BadAnswerKinds(uint8 answerKinds);
    /// @notice The rule needs evidence of a kind that the policy has no contract for.
    error RuleNeedsEvidence(uint8 kind);
    /// @notice The contract is not on the governed list for this kind.
    error EvidenceNotAllowed(uint8 kind, address evidence);

    /// @notice Registers a policy.
    /// @return policyId Its content hash, the lowest byte replaced by `answerKinds`.
    function register(Policy calldata policy) external returns (bytes32 policyId);

    /// @notice Stops new commits under a policy. Restricted to the guardian.
    function retire(bytes32 policyId) external;

    /// @notice Puts an evidence contract on the list for new policies. Restricted to the curator, with a delay.
    function allowEvidence(uint8 kind, address evidence) external;

    /// @notice Takes an evidence contract off the list for new policies. Restricted to the guardian.
    function disallowEvidence(uint8 kind, address evidence) external;

    /// @notice What a commit needs. Zero: not registered.
    function commitTermsOf(bytes32 policyId) external view returns (CommitTerms);

    /// @notice What a dispute needs. Zero: not registered.
    function disputeTermsOf(bytes32 policyId) external view returns (DisputeTerms);

    /// @notice The contract that judges evidence of one kind under the policy. Zero: none.
    function evidenceOf(bytes32 policyId, uint8 kind) external view returns (address);

    /// @notice The whole policy, when it was registered, and when retired (zero: not).
    function policyOf(
        bytes32 policyId
    ) external view returns (Policy memory policy, uint40 registeredAt, uint40 retiredAt);

    /// @notice Whether new policies may name the contract as evidence of this kind.
    function isEvidenceAllowed(uint8 kind, address evidence) external view returns (bool);
}
