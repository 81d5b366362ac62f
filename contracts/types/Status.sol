// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Where a claim stands. The first five form a ladder that a claim only climbs; the others stand aside from it.
enum Status {
    Unknown, // not a member of any committed batch
    Committed, // in a batch on chain, a bond behind it, the challenge window open
    Attested, // an enclave that the model names, or a committee of re-executors, has signed for it
    Proven, // a zero-knowledge proof of it was accepted
    Final, // nothing can change it any more
    Challenged, // somebody put a bond against it, or demanded to see it, and nothing has answered yet
    Rejected, // disproven, or not answered in time: the bond behind it was slashed
    Voided // challenged when the means to answer had been taken away: everybody has their bond back
}

/// @notice Which evidence makes a claim final before the challenge window has run out.
enum EvidenceRule {
    Window, // none: the clock alone
    Tee, // an enclave signature, at once
    TeeThenWindow, // an enclave signature of the batch, after a shorter window
    Zk, // a proof, at once
    TeeAndZk, // both, at once
    TeeOrZk // either, at once
}

/// @notice Kinds of evidence, as bit flags. The lowest byte of a model id holds the kinds the model can be proven by,
/// the lowest byte of a policy id the kinds that may answer a challenge: whether a claim can be answered at all is
/// read off its two ids, without a storage read.
library EvidenceKind {
    uint8 internal constant ZK = 1;
    uint8 internal constant TEE = 2;
    uint8 internal constant QUORUM = 4;

    uint256 private constant KINDS_MASK = 0xff;

    /// @notice The content hash with its lowest byte replaced by the kinds.
    function tag(bytes32 contentHash, uint8 kinds) internal pure returns (bytes32) {
        return bytes32((uint256(contentHash) & ~KINDS_MASK) | kinds);
    }

    /// @notice The kinds that the model can give and the policy accepts as an answer to a challenge.
    function shared(bytes32 modelId, bytes32 policyId) internal pure returns (uint8) {
        return uint8(uint256(modelId) & uint256(policyId) & KINDS_MASK);
    }

    /// @notice Whether evidence of these kinds makes a claim final at once under the rule.
    function closes(EvidenceRule rule, uint8 kinds) internal pure returns (bool) {
        if (rule == EvidenceRule.Tee) return kinds & TEE != 0;
        if (rule == EvidenceRule.Zk) return kinds & ZK != 0;
        if (rule == EvidenceRule.TeeAndZk) return kinds & (TEE | ZK) == (TEE | ZK);
        if (rule == EvidenceRule.TeeOrZk) return kinds & (TEE | ZK) != 0;
        return false;
    }
}
