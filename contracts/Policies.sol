// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicies} from "./interfaces/IPolicies.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {AnswerTerms, AnswerTermsLib, CommitTerms, DisputeTerms} from "./types/Policy.sol";
import {EvidenceKind} from "./types/Status.sol";

/// @title The terms that claims are settled by
/// @notice A policy is copied out of the registry when it is first used and never copied again: what happens to the
/// registry later reaches no claim. A copy also spares every later call a call to the registry.
abstract contract Policies is IPolicies {
    /// @inheritdoc IPolicies
    IPolicyRegistry public immutable POLICIES;

    mapping(bytes32 policyId => CommitTerms) private _commitTerms;
    mapping(bytes32 policyId => DisputeTerms) private _disputeTerms;
    mapping(bytes32 policyId => mapping(uint8 kind => AnswerTerms)) private _answerTerms;
    mapping(uint8 tokenIndex => address) private _tokens;

    constructor(IPolicyRegistry policies) {
        POLICIES = policies;
    }

    /// @inheritdoc IPolicies
    function closedAtOf(bytes32 policyId) external view returns (uint40) {
        return _commitTerms[policyId].closedAt();
    }

    function _closePolicy(bytes32 policyId) internal {
        CommitTerms terms = _openTerms(policyId);
        if (terms.closedAt() != 0) revert PolicyClosed(policyId, terms.closedAt());
        uint40 closedAt = uint40(block.timestamp);
        _commitTerms[policyId] = terms.close(closedAt);
        emit PolicyClosing(policyId, closedAt);
    }

    /// @dev The terms, copied now if this is their first use.
    function _openTerms(bytes32 policyId) internal returns (CommitTerms terms) {
        terms = _commitTerms[policyId];
        if (!terms.isKnown()) terms = _copyTerms(policyId);
    }

    function _commitTermsOf(bytes32 policyId) internal view returns (CommitTerms) {
        return _commitTerms[policyId];
    }

    function _disputeTermsOf(bytes32 policyId) internal view returns (DisputeTerms) {
        return _disputeTerms[policyId];
    }

    /// @dev `kind` may be any number: a policy has terms for the kinds that it names evidence for.
    function _answerTermsOf(bytes32 policyId, uint8 kind) internal view returns (AnswerTerms) {
        return _answerTerms[policyId][kind];
    }

    function _evidenceOf(bytes32 policyId, uint8 kind) internal view returns (address) {
        return _answerTerms[policyId][kind].evidence();
    }

    /// @dev Zero, for ether, is read from nowhere.
    function _tokenOf(uint8 tokenIndex) internal view returns (address) {
        return tokenIndex == 0 ? address(0) : _tokens[tokenIndex];
    }

    function _copyTerms(bytes32 policyId) private returns (CommitTerms) {
        IPolicyRegistry.Terms memory terms = POLICIES.termsOf(policyId);
        _commitTerms[policyId] = terms.commitTerms;
        _disputeTerms[policyId] = terms.disputeTerms;
        if (terms.bondToken != address(0)) _tokens[terms.commitTerms.tokenIndex()] = terms.bondToken;
        _setEvidence(policyId, EvidenceKind.ZK, terms.disputeTerms, terms.zkEvidence);
        _setEvidence(policyId, EvidenceKind.TEE, terms.disputeTerms, terms.teeEvidence);
        _setEvidence(policyId, EvidenceKind.QUORUM, terms.disputeTerms, terms.quorumEvidence);
        return terms.commitTerms;
    }

    function _setEvidence(bytes32 policyId, uint8 kind, DisputeTerms terms, address evidence) private {
        if (evidence != address(0)) _answerTerms[policyId][kind] = AnswerTermsLib.create(terms, evidence);
    }
}
