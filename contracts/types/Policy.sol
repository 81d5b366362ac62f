// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EvidenceKind, EvidenceRule} from "./Status.sol";

/// @notice Immutable settlement terms, named by the hash of their content.
struct Policy {
    EvidenceRule rule; // which evidence makes a claim final early
    uint8 answerKinds; // which kinds of evidence answer a challenge (bit flags of `EvidenceKind`)
    address zkEvidence; // zero: none
    address teeEvidence; // zero: none
    uint32 challengeWindowSeconds; // from commit until the clock makes a claim final
    uint32 attestedWindowSeconds; // what remains of it after an enclave signed the batch (`TeeThenWindow` only)
    uint32 proveWindowSeconds; // from challenge until the claim is rejected
    uint96 claimBondWei; // locked by the operator for each claim
    uint96 challengeBondWei; // paid in by a challenger, won by whoever answers
    uint16 challengerBps; // of a slashed claim bond, in 1/10,000
    uint16 requesterBps; // of a slashed claim bond, in 1/10,000; the rest is burnt
}

/// @notice What a commit needs of a policy, in one word.
/// Layout from the lowest bit: `96 claimBondWei | 32 challengeWindowSeconds | 32 attestedWindowSeconds | 8 rule |
/// 8 answerKinds | 40 registeredAt | 40 retiredAt`. Zero means: not registered.
type CommitTerms is uint256;

/// @notice What a dispute needs of a policy, in one word.
/// Layout from the lowest bit: `96 claimBondWei | 96 challengeBondWei | 32 proveWindowSeconds | 16 challengerBps |
/// 16 requesterBps`.
type DisputeTerms is uint256;

library PolicyLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Policy(uint8 rule,uint8 answerKinds,address zkEvidence,address teeEvidence,"
        "uint32 challengeWindowSeconds,uint32 attestedWindowSeconds,uint32 proveWindowSeconds,"
        "uint96 claimBondWei,uint96 challengeBondWei,uint16 challengerBps,uint16 requesterBps)"
    );

    /// @notice The policy id: the content hash, its lowest byte replaced by `answerKinds`.
    function id(Policy calldata policy) internal pure returns (bytes32) {
        return EvidenceKind.tag(keccak256(abi.encode(TYPEHASH, policy)), policy.answerKinds);
    }

    function commitTerms(Policy calldata policy, uint40 registeredAt) internal pure returns (CommitTerms) {
        return
            CommitTerms.wrap(
                uint256(policy.claimBondWei) |
                    (uint256(policy.challengeWindowSeconds) << 96) |
                    (uint256(policy.attestedWindowSeconds) << 128) |
                    (uint256(uint8(policy.rule)) << 160) |
                    (uint256(policy.answerKinds) << 168) |
                    (uint256(registeredAt) << 176)
            );
    }

    function disputeTerms(Policy calldata policy) internal pure returns (DisputeTerms) {
        return
            DisputeTerms.wrap(
                uint256(policy.claimBondWei) |
                    (uint256(policy.challengeBondWei) << 96) |
                    (uint256(policy.proveWindowSeconds) << 192) |
                    (uint256(policy.challengerBps) << 224) |
                    (uint256(policy.requesterBps) << 240)
            );
    }
}

using PolicyLib for Policy global;

library CommitTermsLib {
    function isRegistered(CommitTerms terms) internal pure returns (bool) {
        return CommitTerms.unwrap(terms) != 0;
    }

    function claimBondWei(CommitTerms terms) internal pure returns (uint96) {
        return uint96(CommitTerms.unwrap(terms));
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

    function answerKinds(CommitTerms terms) internal pure returns (uint8) {
        return uint8(CommitTerms.unwrap(terms) >> 168);
    }

    function registeredAt(CommitTerms terms) internal pure returns (uint40) {
        return uint40(CommitTerms.unwrap(terms) >> 176);
    }

    function retiredAt(CommitTerms terms) internal pure returns (uint40) {
        return uint40(CommitTerms.unwrap(terms) >> 216);
    }

    /// @dev Only once: the time of retirement is still zero.
    function retire(CommitTerms terms, uint40 when) internal pure returns (CommitTerms) {
        return CommitTerms.wrap(CommitTerms.unwrap(terms) | (uint256(when) << 216));
    }
}

using CommitTermsLib for CommitTerms global;

library DisputeTermsLib {
    uint256 private constant BPS = 10_000;

    function claimBondWei(DisputeTerms terms) internal pure returns (uint96) {
        return uint96(DisputeTerms.unwrap(terms));
    }

    function challengeBondWei(DisputeTerms terms) internal pure returns (uint96) {
        return uint96(DisputeTerms.unwrap(terms) >> 96);
    }

    function proveWindowSeconds(DisputeTerms terms) internal pure returns (uint32) {
        return uint32(DisputeTerms.unwrap(terms) >> 192);
    }

    function challengerBps(DisputeTerms terms) internal pure returns (uint16) {
        return uint16(DisputeTerms.unwrap(terms) >> 224);
    }

    function requesterBps(DisputeTerms terms) internal pure returns (uint16) {
        return uint16(DisputeTerms.unwrap(terms) >> 240);
    }

    /// @notice Splits a slashed claim bond. Both shares round down; the burn takes the rest, so the three always add
    /// up to the bond and the burn never falls under its minimum.
    function split(
        DisputeTerms terms
    ) internal pure returns (uint256 challengerWei, uint256 requesterWei, uint256 burnWei) {
        uint256 bondWei = terms.claimBondWei();
        challengerWei = (bondWei * terms.challengerBps()) / BPS;
        requesterWei = (bondWei * terms.requesterBps()) / BPS;
        burnWei = bondWei - challengerWei - requesterWei;
    }
}

using DisputeTermsLib for DisputeTerms global;
