// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicies} from "./interfaces/IPolicies.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {TermsCopy} from "./TermsCopy.sol";
import {Terms} from "./types/Book.sol";
import {AnswerTerms, CommitTerms, DisputeTerms} from "./types/Policy.sol";

/// @title The terms that claims are settled by
/// @notice A policy is copied out of the registry when it is first used and never copied again: what happens to the
/// registry later reaches no claim. A copy also spares every later call a call to the registry.
abstract contract Policies is IPolicies {
    /// @inheritdoc IPolicies
    IPolicyRegistry public immutable POLICIES;

    /// @dev Written by `TermsCopy` and `_closePolicy` alone.
    Terms internal _terms;

    constructor(IPolicyRegistry policies) {
        POLICIES = policies;
    }

    /// @inheritdoc IPolicies
    function closedAtOf(bytes32 policyId) external view returns (uint40) {
        return _terms.commit[policyId].closedAt();
    }

    function _closePolicy(bytes32 policyId) internal {
        CommitTerms terms = _openTerms(policyId);
        if (terms.closedAt() != 0) revert PolicyClosed(policyId, terms.closedAt());
        uint40 closedAt = uint40(block.timestamp);
        _terms.commit[policyId] = terms.close(closedAt);
        emit PolicyClosing(policyId, closedAt);
    }

    /// @dev The terms, copied now if this is their first use.
    function _openTerms(bytes32 policyId) internal returns (CommitTerms terms) {
        terms = _terms.commit[policyId];
        if (!terms.isKnown()) terms = TermsCopy.copy(_terms, POLICIES, policyId);
    }

    function _commitTermsOf(bytes32 policyId) internal view returns (CommitTerms) {
        return _terms.commit[policyId];
    }

    function _disputeTermsOf(bytes32 policyId) internal view returns (DisputeTerms) {
        return _terms.dispute[policyId];
    }

    /// @dev `kind` may be any number: a policy has terms for the kinds that it names evidence for.
    function _answerTermsOf(bytes32 policyId, uint8 kind) internal view returns (AnswerTerms) {
        return _terms.answer[policyId][kind];
    }

    function _evidenceOf(bytes32 policyId, uint8 kind) internal view returns (address) {
        return _terms.answer[policyId][kind].evidence();
    }

    /// @dev Zero, for ether, is read from nowhere.
    function _tokenOf(uint8 tokenIndex) internal view returns (address) {
        return tokenIndex == 0 ? address(0) : _terms.tokens[tokenIndex];
    }
}
