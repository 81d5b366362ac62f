// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Limits} from "../../../contracts/Limits.sol";
import {AnswerTerms, AnswerTermsLib, CommitTerms, DisputeTerms, Policy} from "../../../contracts/types/Policy.sol";
import {EvidenceRule} from "../../../contracts/types/Status.sol";
import {requireAtMost, requireEqual, requireTrue, within} from "../Vm.sol";

/// @dev A policy as the fuzzer draws it: it does not keep to the members of an enum.
struct Drawn {
    uint8 rule;
    uint8 answerKinds;
    bool publicData;
    address[4] contracts;
    uint32[3] windows;
    uint88[2] bonds;
    uint16[2] shares;
}

contract PolicyTest {
    function idOf(Policy calldata policy) external pure returns (bytes32) {
        return policy.id();
    }

    /// R-53 Both words hold exactly the policy's terms.
    function testFuzz_R_53_termsKeepThePolicy(Drawn memory drawn, uint8 tokenIndex) external pure {
        Policy memory policy = _policyOf(drawn);
        CommitTerms commitTerms = policy.commitTerms(tokenIndex);
        requireEqual(commitTerms.claimBondWei(), policy.claimBondWei, "claim bond");
        requireEqual(commitTerms.tokenIndex(), tokenIndex, "token");
        requireEqual(commitTerms.challengeWindowSeconds(), policy.challengeWindowSeconds, "challenge window");
        requireEqual(commitTerms.attestedWindowSeconds(), policy.attestedWindowSeconds, "attested window");
        requireEqual(uint8(commitTerms.rule()), uint8(policy.rule), "rule");
        requireTrue(commitTerms.publicData() == policy.publicData, "public data");
        requireEqual(commitTerms.closedAt(), 0, "closed at");
        if (policy.claimBondWei != 0) requireTrue(commitTerms.isKnown(), "known");

        DisputeTerms disputeTerms = policy.disputeTerms(tokenIndex);
        requireEqual(disputeTerms.claimBondWei(), policy.claimBondWei, "claim bond in disputes");
        requireEqual(disputeTerms.tokenIndex(), tokenIndex, "token in disputes");
        requireEqual(disputeTerms.challengeBondWei(), policy.challengeBondWei, "challenge bond");
        requireEqual(disputeTerms.proveWindowSeconds(), policy.proveWindowSeconds, "prove window");
        requireEqual(disputeTerms.challengerBps(), policy.challengerBps, "challenger share");
        requireEqual(disputeTerms.requesterBps(), policy.requesterBps, "requester share");
    }

    /// R-53 The word of an answer holds its contract, its bond and its token, and nothing of them is lost.
    function testFuzz_R_53_answerTermsKeepThePolicy(
        Drawn memory drawn,
        address evidence,
        uint8 tokenIndex
    ) external pure {
        Policy memory policy = _policyOf(drawn);
        AnswerTerms terms = AnswerTermsLib.create(policy.disputeTerms(tokenIndex), evidence);
        requireEqual(uint160(terms.evidence()), uint160(evidence), "evidence");
        requireEqual(terms.challengeBondWei(), policy.challengeBondWei, "challenge bond");
        requireEqual(terms.tokenIndex(), tokenIndex, "token");
    }

    /// R-53 Closing a policy changes no other term.
    function testFuzz_R_53_closingChangesNoOtherTerm(Drawn memory drawn, uint8 tokenIndex, uint40 when) external pure {
        CommitTerms open = _policyOf(drawn).commitTerms(tokenIndex);
        CommitTerms closed = open.close(when);
        requireEqual(closed.closedAt(), when, "closed at");
        requireEqual(CommitTerms.unwrap(closed) ^ (uint256(when) << 176), CommitTerms.unwrap(open), "other terms");
    }

    /// R-01 The policy id is its content hash, the lowest byte replaced by the kinds that answer.
    function testFuzz_R_01_idIsTheContentHash(Drawn memory drawn) external view {
        Policy memory policy = _policyOf(drawn);
        bytes32 contentHash = keccak256(
            bytes.concat(
                keccak256(
                    "Policy(uint8 rule,uint8 answerKinds,bool publicData,address bondToken,address zkEvidence,address teeEvidence,address quorumEvidence,uint32 challengeWindowSeconds,uint32 attestedWindowSeconds,uint32 proveWindowSeconds,uint88 claimBondWei,uint88 challengeBondWei,uint16 challengerBps,uint16 requesterBps)"
                ),
                abi.encode(policy)
            )
        );
        uint256 id = uint256(this.idOf(policy));
        requireEqual(id >> 8, uint256(contentHash) >> 8, "content hash");
        requireEqual(id & 0xff, policy.answerKinds, "kinds");
    }

    /// R-28 R-12 The shares of any slashed amount are the whole, and at least a fifth of it is burnt.
    function testFuzz_R_28_R_12_theSplitAddsUp(
        uint96 amountWei,
        uint16 challengerSeed,
        uint16 requesterSeed
    ) external pure {
        uint256 shareable = Limits.BPS - Limits.MIN_BURN_BPS;
        Policy memory policy;
        policy.challengerBps = uint16(within(challengerSeed, 1, shareable));
        policy.requesterBps = uint16(within(requesterSeed, 0, shareable - policy.challengerBps));
        DisputeTerms terms = policy.disputeTerms(0);
        (uint256 challengerWei, uint256 requesterWei, uint256 burnWei) = terms.split(amountWei);
        requireEqual(challengerWei + requesterWei + burnWei, amountWei, "sum of the shares");
        requireAtMost(uint256(amountWei) * Limits.MIN_BURN_BPS, burnWei * Limits.BPS, "least burn");
        requireEqual(challengerWei, (uint256(amountWei) * policy.challengerBps) / 10_000, "challenger's share");
        requireEqual(requesterWei, (uint256(amountWei) * policy.requesterBps) / 10_000, "requester's share");
    }

    /// R-12 R-18 Of every bond that a policy may have, no share is rounded away, and who slashes itself loses.
    function testFuzz_R_12_noShareOfABondIsRoundedAway(uint88 bondSeed, uint16 challengerSeed) external pure {
        Policy memory policy;
        policy.claimBondWei = uint88(within(bondSeed, Limits.MIN_BOND_WEI, type(uint88).max));
        policy.challengerBps = uint16(within(challengerSeed, 1, Limits.BPS - Limits.MIN_BURN_BPS - 1));
        policy.requesterBps = 1;
        (uint256 challengerWei, uint256 requesterWei, uint256 burnWei) = policy.disputeTerms(0).split(
            policy.claimBondWei
        );
        requireTrue(challengerWei > 0 && requesterWei > 0 && burnWei > 0, "a share of nothing");
        requireTrue(challengerWei + requesterWei < policy.claimBondWei, "self-challenge without loss");
    }

    function testFuzz_R_53_rulesKeepTheirNumbers(uint8 seed) external pure {
        Policy memory policy;
        policy.rule = EvidenceRule(seed % 6);
        requireEqual((CommitTerms.unwrap(policy.commitTerms(0)) >> 160) & 0xff, seed % 6, "number of the rule");
    }

    function _policyOf(Drawn memory drawn) private pure returns (Policy memory) {
        return
            Policy(
                EvidenceRule(drawn.rule % 6),
                drawn.answerKinds,
                drawn.publicData,
                drawn.contracts[0],
                drawn.contracts[1],
                drawn.contracts[2],
                drawn.contracts[3],
                drawn.windows[0],
                drawn.windows[1],
                drawn.windows[2],
                drawn.bonds[0],
                drawn.bonds[1],
                drawn.shares[0],
                drawn.shares[1]
            );
    }
}
