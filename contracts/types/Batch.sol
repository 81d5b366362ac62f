// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EvidenceRule} from "./Status.sol";

/// @notice The header of a batch: a Merkle tree of claims of one operator under one policy. It travels as calldata and
/// is never stored; its EIP-712 digest is the batch id.
struct BatchHeader {
    address operator;
    bytes32 policyId;
    bytes32 modelId; // the one model of every claim in it; zero for a mixed batch, which no enclave can attest whole
    bytes32 root; // over the claims
    bytes32 dataRoot; // over their openings (input, salt, output); zero where the policy keeps data private
    uint32 count;
    uint64 oldestServedAt; // no claim in it may have been served earlier
    uint64 nonce; // tells batches of equal content apart
}

library BatchLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Batch(address operator,bytes32 policyId,bytes32 modelId,bytes32 root,bytes32 dataRoot,"
        "uint32 count,uint64 oldestServedAt,uint64 nonce)"
    );
    bytes32 internal constant LEAF_TYPEHASH = keccak256("MeantimeLeaf(uint256 index,bytes32 claimId)");

    /// @notice EIP-712 struct hash. Every field is one static word, so the struct encodes as its type demands.
    function structHash(BatchHeader calldata header) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, header));
    }

    /// @notice The leaf of a claim. Hashed twice, so that no inner node (a single hash of 64 bytes) is a leaf, and over
    /// its index, so that no leaf serves at two positions.
    function leaf(uint256 index, bytes32 claimId) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(LEAF_TYPEHASH, index, claimId))));
    }
}

using BatchLib for BatchHeader global;

/// @notice What is stored of a batch.
/// Layout from the lowest bit: `40 committedAt | 40 finalAt | 40 attestedAt | 24 touched | 24 challenged | 24 rejected
/// | 8 rule | 8 released`. `touched` counts the claims that have a word of their own, `challenged` those with an open
/// challenge. `finalAt` is when the clock alone makes an untouched claim final.
type BatchWord is uint256;

library BatchWordLib {
    uint256 private constant FINAL_AT_OFFSET = 40;
    uint256 private constant ATTESTED_AT_OFFSET = 80;
    uint256 private constant TOUCHED_OFFSET = 120;
    uint256 private constant CHALLENGED_OFFSET = 144;
    uint256 private constant REJECTED_OFFSET = 168;
    uint256 private constant RULE_OFFSET = 192;
    uint256 private constant RELEASED_OFFSET = 200;

    function create(uint40 committedAt_, uint40 finalAt_, EvidenceRule rule_) internal pure returns (BatchWord) {
        return
            BatchWord.wrap(
                uint256(committedAt_) | (uint256(finalAt_) << FINAL_AT_OFFSET) | (uint256(uint8(rule_)) << RULE_OFFSET)
            );
    }

    function exists(BatchWord word) internal pure returns (bool) {
        return BatchWord.unwrap(word) != 0;
    }

    function committedAt(BatchWord word) internal pure returns (uint40) {
        return uint40(BatchWord.unwrap(word));
    }

    function finalAt(BatchWord word) internal pure returns (uint40) {
        return uint40(BatchWord.unwrap(word) >> FINAL_AT_OFFSET);
    }

    function attestedAt(BatchWord word) internal pure returns (uint40) {
        return uint40(BatchWord.unwrap(word) >> ATTESTED_AT_OFFSET);
    }

    function touched(BatchWord word) internal pure returns (uint24) {
        return uint24(BatchWord.unwrap(word) >> TOUCHED_OFFSET);
    }

    function challenged(BatchWord word) internal pure returns (uint24) {
        return uint24(BatchWord.unwrap(word) >> CHALLENGED_OFFSET);
    }

    function rejected(BatchWord word) internal pure returns (uint24) {
        return uint24(BatchWord.unwrap(word) >> REJECTED_OFFSET);
    }

    function rule(BatchWord word) internal pure returns (EvidenceRule) {
        return EvidenceRule(uint8(BatchWord.unwrap(word) >> RULE_OFFSET));
    }

    function released(BatchWord word) internal pure returns (bool) {
        return uint8(BatchWord.unwrap(word) >> RELEASED_OFFSET) != 0;
    }

    /// @dev Only once per batch: the attestation time is still zero.
    function attest(BatchWord word, uint40 when, uint40 finalAt_) internal pure returns (BatchWord) {
        uint256 cleared = BatchWord.unwrap(word) & ~(uint256(type(uint40).max) << FINAL_AT_OFFSET);
        return BatchWord.wrap(cleared | (uint256(finalAt_) << FINAL_AT_OFFSET) | (uint256(when) << ATTESTED_AT_OFFSET));
    }

    // The counters cannot overflow into their neighbours: a batch has at most 2^16 claims, and each claim is touched,
    // challenged and rejected at most once.

    function touch(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) + (1 << TOUCHED_OFFSET));
    }

    function openChallenge(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) + (1 << CHALLENGED_OFFSET));
    }

    function closeChallenge(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) - (1 << CHALLENGED_OFFSET));
    }

    function reject(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) + (1 << REJECTED_OFFSET));
    }

    function release(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) | (1 << RELEASED_OFFSET));
    }
}

using BatchWordLib for BatchWord global;
