// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Limits} from "../Limits.sol";
import {EvidenceKind, EvidenceRule} from "./Status.sol";

/// @notice Immutable settlement terms, named by the hash of their content. Amounts are in the smallest unit of the bond
/// token, called wei for every token.
struct Policy {
    EvidenceRule rule; // which evidence makes a claim final early
    uint8 answerKinds; // which kinds of evidence answer a challenge (bit flags of `EvidenceKind`)
    bool publicData; // batches commit to the openings of their claims, and anybody may demand to see one
    address bondToken; // what bonds are paid in; zero: ether
    address zkEvidence; // zero: none
    address teeEvidence; // zero: none
    address quorumEvidence; // zero: none
    uint32 challengeWindowSeconds; // from commit until the clock makes a claim final
    uint32 attestedWindowSeconds; // what remains of it after an enclave signed the batch (`TeeThenWindow` only)
    uint32 proveWindowSeconds; // from challenge until the claim is rejected
    uint88 claimBondWei; // locked by the operator for each claim
    uint88 challengeBondWei; // paid in by a challenger, won by whoever answers
    uint16 challengerBps; // of a slashed claim bond, in 1/10,000
    uint16 requesterBps; // of a slashed claim bond, in 1/10,000; the rest is burnt
}

/// @notice What a commit needs of a policy, in one word.
/// Layout from the lowest bit: `88 claimBondWei | 8 tokenIndex | 32 challengeWindowSeconds | 32 attestedWindowSeconds
/// | 8 rule | 8 publicData | 40 closedAt`. Zero means: not known.
type CommitTerms is uint256;

/// @notice What a dispute needs of a policy, in one word.
/// Layout from the lowest bit: `88 claimBondWei | 8 tokenIndex | 88 challengeBondWei | 32 proveWindowSeconds |
/// 16 challengerBps | 16 requesterBps`.
type DisputeTerms is uint256;

/// @notice What an answer by one kind of evidence needs of a policy, in one word.
/// Layout from the lowest bit: `160 evidence | 88 challengeBondWei | 8 tokenIndex`. Zero: the policy names no evidence
/// of the kind.
type AnswerTerms is uint256;

library PolicyLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Policy(uint8 rule,uint8 answerKinds,bool publicData,address bondToken,address zkEvidence,address teeEvidence,"
        "address quorumEvidence,uint32 challengeWindowSeconds,uint32 attestedWindowSeconds,uint32 proveWindowSeconds,"
        "uint88 claimBondWei,uint88 challengeBondWei,uint16 challengerBps,uint16 requesterBps)"
    );

    /// @notice The policy id: the content hash, its lowest byte replaced by `answerKinds`.
    function id(Policy calldata policy) internal pure returns (bytes32) {
        return EvidenceKind.tag(keccak256(abi.encode(TYPEHASH, policy)), policy.answerKinds);
    }

    /// @param tokenIndex The bond token's place in the registry's list; zero for ether.
    function commitTerms(Policy memory policy, uint8 tokenIndex) internal pure returns (CommitTerms) {
        return
            CommitTerms.wrap(
                uint256(policy.claimBondWei) |
                    (uint256(tokenIndex) << 88) |
                    (uint256(policy.challengeWindowSeconds) << 96) |
                    (uint256(policy.attestedWindowSeconds) << 128) |
                    (uint256(uint8(policy.rule)) << 160) |
                    (uint256(policy.publicData ? 1 : 0) << 168)
            );
    }

    /// @param tokenIndex The bond token's place in the registry's list; zero for ether.
    function disputeTerms(Policy memory policy, uint8 tokenIndex) internal pure returns (DisputeTerms) {
        return
            DisputeTerms.wrap(
                uint256(policy.claimBondWei) |
                    (uint256(tokenIndex) << 88) |
                    (uint256(policy.challengeBondWei) << 96) |
                    (uint256(policy.proveWindowSeconds) << 184) |
                    (uint256(policy.challengerBps) << 216) |
                    (uint256(policy.requesterBps) << 232)
            );
    }
}

using PolicyLib for Policy global;

library AnswerTermsLib {
    function create(DisputeTerms terms, address evidence_) internal pure returns (AnswerTerms) {
        return
            AnswerTerms.wrap(
                uint256(uint160(evidence_)) |
                    (uint256(terms.challengeBondWei()) << 160) |
                    (uint256(terms.tokenIndex()) << 248)
            );
    }

    function evidence(AnswerTerms terms) internal pure returns (address) {
        return address(uint160(AnswerTerms.unwrap(terms)));
    }

    function challengeBondWei(AnswerTerms terms) internal pure returns (uint88) {
        return uint88(AnswerTerms.unwrap(terms) >> 160);
    }

    function tokenIndex(AnswerTerms terms) internal pure returns (uint8) {
        return uint8(AnswerTerms.unwrap(terms) >> 248);
    }
}

using AnswerTermsLib for AnswerTerms global;

library CommitTermsLib {
    /// @dev A registered policy has a claim bond.
    function isKnown(CommitTerms terms) internal pure returns (bool) {
        return CommitTerms.unwrap(terms) != 0;
    }

    function claimBondWei(CommitTerms terms) internal pure returns (uint88) {
        return uint88(CommitTerms.unwrap(terms));
    }

    function tokenIndex(CommitTerms terms) internal pure returns (uint8) {
        return uint8(CommitTerms.unwrap(terms) >> 88);
    }

    function challengeWindowSeconds(CommitTerms terms) internal pure returns (uint32) {
        return uint32(CommitTerms.unwrap(terms) >> 96);
    }

    function attestedWindowSeconds(CommitTerms terms) internal pure returns (uint32) {
        return uint32(CommitTerms.unwrap(terms) >> 128);
    }

    function rule(CommitTerms terms) internal pure returns (EvidenceRule) {
        return EvidenceRule(uint8(CommitTerms.unwrap(terms) >> 160));
    }

    function publicData(CommitTerms terms) internal pure returns (bool) {
        return uint8(CommitTerms.unwrap(terms) >> 168) != 0;
    }

    /// @notice From when on no new work should be taken under the policy. Zero: open.
    function closedAt(CommitTerms terms) internal pure returns (uint40) {
        return uint40(CommitTerms.unwrap(terms) >> 176);
    }

    /// @dev Only once: the closing time is still zero.
    function close(CommitTerms terms, uint40 when) internal pure returns (CommitTerms) {
        return CommitTerms.wrap(CommitTerms.unwrap(terms) | (uint256(when) << 176));
    }
}

using CommitTermsLib for CommitTerms global;

library DisputeTermsLib {
    function claimBondWei(DisputeTerms terms) internal pure returns (uint88) {
        return uint88(DisputeTerms.unwrap(terms));
    }

    function tokenIndex(DisputeTerms terms) internal pure returns (uint8) {
        return uint8(DisputeTerms.unwrap(terms) >> 88);
    }

    function challengeBondWei(DisputeTerms terms) internal pure returns (uint88) {
        return uint88(DisputeTerms.unwrap(terms) >> 96);
    }

    function proveWindowSeconds(DisputeTerms terms) internal pure returns (uint32) {
        return uint32(DisputeTerms.unwrap(terms) >> 184);
    }

    function challengerBps(DisputeTerms terms) internal pure returns (uint16) {
        return uint16(DisputeTerms.unwrap(terms) >> 216);
    }

    function requesterBps(DisputeTerms terms) internal pure returns (uint16) {
        return uint16(DisputeTerms.unwrap(terms) >> 232);
    }

    /// @notice Splits a slashed amount. The burn takes what rounding leaves, so the three parts are the whole.
    function split(
        DisputeTerms terms,
        uint256 amountWei
    ) internal pure returns (uint256 challengerWei, uint256 requesterWei, uint256 burnWei) {
        // An amount has 96 bits, a share 14, and the shares are no more than the whole.
        unchecked {
            challengerWei = (amountWei * terms.challengerBps()) / Limits.BPS;
            requesterWei = (amountWei * terms.requesterBps()) / Limits.BPS;
            burnWei = amountWei - challengerWei - requesterWei;
        }
    }
}

using DisputeTermsLib for DisputeTerms global;
