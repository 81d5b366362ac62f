// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommitTerms, DisputeTerms, Policy} from "../types/Policy.sol";

/// @title Policies
/// @notice Anybody registers a policy within the protocol's bounds; its id is the hash of its content. Policies name
/// evidence contracts and bond tokens from governed lists and keep the ones they name for ever.
interface IPolicyRegistry {
    /// @notice A policy as settlement uses it.
    struct Terms {
        CommitTerms commitTerms;
        DisputeTerms disputeTerms;
        address bondToken;
        address zkEvidence;
        address teeEvidence;
        address quorumEvidence;
    }

    /// @notice A policy was registered.
    event PolicyRegistered(bytes32 indexed policyId, Policy policy);
    /// @notice New policies may, or may no longer, name the contract as evidence of this kind.
    event EvidenceSet(uint8 indexed kind, address indexed evidence, bool allowed);
    /// @notice New policies may, or may no longer, name the token for their bonds. `tokenIndex` is its place for ever.
    event BondTokenSet(address indexed token, uint8 indexed tokenIndex, bool allowed);

    /// @notice The policy is registered already.
    error PolicyKnown(bytes32 policyId);
    /// @notice The policy was never registered.
    error PolicyUnknown(bytes32 policyId);
    /// @notice A window is outside the protocol's bounds.
    error WindowOutOfBounds(uint32 windowSeconds, uint32 minSeconds, uint32 maxSeconds);
    /// @notice A bond is under the protocol's minimum, or a challenge costs more than the claim bond.
    error BondOutOfBounds(uint88 bondWei, uint88 minWei, uint88 maxWei);
    /// @notice The split leaves less for a challenger or for the burn than the protocol's minimum.
    error BadSplit(uint16 challengerBps, uint16 requesterBps);
    /// @notice No kind of evidence, or a kind that the policy has no contract for, would answer a challenge.
    error BadAnswerKinds(uint8 answerKinds);
    /// @notice The rule needs evidence of a kind that the policy has no contract for.
    error RuleNeedsEvidence(uint8 kind);
    /// @notice The contract is not on the governed list for this kind, or is no such evidence by ERC-165.
    error EvidenceNotAllowed(uint8 kind, address evidence);
    /// @notice The token is not on the governed list, or is no contract.
    error BondTokenNotAllowed(address token);

    /// @notice Registers a policy.
    /// @return policyId Its content hash, the lowest byte replaced by `answerKinds`.
    function register(Policy calldata policy) external returns (bytes32 policyId);

    /// @notice Puts an evidence contract on the list for new policies. Restricted to the curator, with a delay.
    function allowEvidence(uint8 kind, address evidence) external;

    /// @notice Takes an evidence contract off the list for new policies. Restricted to the guardian.
    function disallowEvidence(uint8 kind, address evidence) external;

    /// @notice Puts a token on the list for the bonds of new policies. Restricted to the curator, with a delay. Tokens
    /// that take fees, rebase, can be paused or move by anything but their holders' will must not be listed.
    function allowBondToken(address token) external;

    /// @notice Takes a token off the list for new policies. Restricted to the guardian.
    function disallowBondToken(address token) external;

    /// @notice The whole policy, and when it was registered. All zero: never.
    function policyOf(bytes32 policyId) external view returns (Policy memory policy, uint40 registeredAt);

    /// @notice The policy as settlement uses it. Reverts with `PolicyUnknown`.
    function termsOf(bytes32 policyId) external view returns (Terms memory);

    /// @notice The token's place on the list, from 1 on, also when new policies may no longer name it. Zero: never
    /// listed.
    function tokenIndexOf(address token) external view returns (uint8);

    /// @notice Whether new policies may name the contract as evidence of this kind.
    function isEvidenceAllowed(uint8 kind, address evidence) external view returns (bool);

    /// @notice Whether new policies may name the token.
    function isBondTokenAllowed(address token) external view returns (bool);
}
