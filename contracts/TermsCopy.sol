// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {Terms} from "./types/Book.sol";
import {AnswerTermsLib, CommitTerms, DisputeTerms} from "./types/Policy.sol";
import {EvidenceKind} from "./types/Status.sol";

/// @title TermsCopy
/// @notice How a policy's terms come out of the registry, at their first use.
/// @dev Linked into `Settlement` and run on its storage; the address is part of its code.
library TermsCopy {
    /// @notice Keeps the terms of a policy that is not known yet. Reverts as `IPolicyRegistry.termsOf` does.
    function copy(Terms storage terms, IPolicyRegistry policies, bytes32 policyId) external returns (CommitTerms) {
        IPolicyRegistry.Terms memory original = policies.termsOf(policyId);
        terms.commit[policyId] = original.commitTerms;
        terms.dispute[policyId] = original.disputeTerms;
        if (original.bondToken != address(0)) terms.tokens[original.commitTerms.tokenIndex()] = original.bondToken;
        _setEvidence(terms, policyId, EvidenceKind.ZK, original.disputeTerms, original.zkEvidence);
        _setEvidence(terms, policyId, EvidenceKind.TEE, original.disputeTerms, original.teeEvidence);
        _setEvidence(terms, policyId, EvidenceKind.QUORUM, original.disputeTerms, original.quorumEvidence);
        return original.commitTerms;
    }

    function _setEvidence(
        Terms storage terms,
        bytes32 policyId,
        uint8 kind,
        DisputeTerms disputeTerms,
        address evidence
    ) private {
        if (evidence != address(0)) terms.answer[policyId][kind] = AnswerTermsLib.create(disputeTerms, evidence);
    }
}
