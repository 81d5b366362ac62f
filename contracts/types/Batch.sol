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
    bytes32 internal constant OPENING_TYPEHASH = keccak256(
        "MeantimeOpening(uint256 index,bytes32 inputDigest,bytes32 salt,bytes32 outputDigest)"
    );

    /// @notice A field of the header has bits beyond its type.
    error DirtyHeader();

    /// @notice EIP-712 struct hash. Every field is one static word, so the calldata is the encoding; what a narrower
    /// type leaves of its word must be zero, as it must for every decoder.
    function structHash(BatchHeader calldata header) internal pure returns (bytes32 hash) {
        bytes32 typehash = TYPEHASH;
        uint256 dirt;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typehash)
            calldatacopy(add(at, 0x20), header, 0x100)
            hash := keccak256(at, 0x120)
            dirt := or(shr(160, mload(add(at, 0x20))), shr(32, mload(add(at, 0xc0))))
            dirt := or(dirt, or(shr(64, mload(add(at, 0xe0))), shr(64, mload(add(at, 0x100)))))
        }
        if (dirt != 0) revert DirtyHeader();
    }

    /// @notice The leaf of a claim. Hashed twice, so that no inner node (a single hash of 64 bytes) is a leaf, and over
    /// its index, so that no leaf serves at two positions.
    function leaf(uint256 index, bytes32 claimId) internal pure returns (bytes32 hash) {
        bytes32 typehash = LEAF_TYPEHASH;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typehash)
            mstore(add(at, 0x20), index)
            mstore(add(at, 0x40), claimId)
            mstore(0x00, keccak256(at, 0x60))
            hash := keccak256(0x00, 0x20)
        }
    }

    /// @notice The leaf of a claim's opening in the tree behind `dataRoot`, hashed as `leaf` is.
    function openingLeaf(
        uint256 index,
        bytes calldata input,
        bytes32 salt,
        bytes calldata output
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(keccak256(abi.encode(OPENING_TYPEHASH, index, keccak256(input), salt, keccak256(output))))
            );
    }
}

using BatchLib for BatchHeader global;

/// @notice What is stored of a batch.
/// Layout from the lowest bit: `40 committedAt | 40 finalAt | 40 attestedAt | 40 heldUntil | 32 source | 20 touched |
/// 20 disputed | 20 rejected | 3 rule | 1 released`. `finalAt` is when the clock alone makes an untouched claim final;
/// `heldUntil` when the last claim that was revealed late, or whose evidence was taken back, is; `source` who attested
/// the batch, as its evidence contract numbers them. `touched` counts the leaves that may stand otherwise,
/// `disputed` those with an open challenge or demand.
type BatchWord is uint256;

library BatchWordLib {
    uint256 private constant FINAL_AT_OFFSET = 40;
    uint256 private constant ATTESTED_AT_OFFSET = 80;
    uint256 private constant HELD_UNTIL_OFFSET = 120;
    uint256 private constant SOURCE_OFFSET = 160;
    uint256 private constant TOUCHED_OFFSET = 192;
    uint256 private constant DISPUTED_OFFSET = 212;
    uint256 private constant REJECTED_OFFSET = 232;
    uint256 private constant RULE_OFFSET = 252;
    uint256 private constant RELEASED_OFFSET = 255;
    uint256 private constant COUNTER_MASK = 0xfffff;
    uint256 private constant RULE_MASK = 7;

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

    function heldUntil(BatchWord word) internal pure returns (uint40) {
        return uint40(BatchWord.unwrap(word) >> HELD_UNTIL_OFFSET);
    }

    function source(BatchWord word) internal pure returns (uint32) {
        return uint32(BatchWord.unwrap(word) >> SOURCE_OFFSET);
    }

    function touched(BatchWord word) internal pure returns (uint32) {
        return uint32((BatchWord.unwrap(word) >> TOUCHED_OFFSET) & COUNTER_MASK);
    }

    function disputed(BatchWord word) internal pure returns (uint32) {
        return uint32((BatchWord.unwrap(word) >> DISPUTED_OFFSET) & COUNTER_MASK);
    }

    function rejected(BatchWord word) internal pure returns (uint32) {
        return uint32((BatchWord.unwrap(word) >> REJECTED_OFFSET) & COUNTER_MASK);
    }

    function rule(BatchWord word) internal pure returns (EvidenceRule) {
        return EvidenceRule(uint8((BatchWord.unwrap(word) >> RULE_OFFSET) & RULE_MASK));
    }

    function released(BatchWord word) internal pure returns (bool) {
        return BatchWord.unwrap(word) >> RELEASED_OFFSET != 0;
    }

    /// @notice The word with another end of the challenge window.
    function withFinalAt(BatchWord word, uint40 finalAt_) internal pure returns (BatchWord) {
        uint256 cleared = BatchWord.unwrap(word) & ~(uint256(type(uint40).max) << FINAL_AT_OFFSET);
        return BatchWord.wrap(cleared | (uint256(finalAt_) << FINAL_AT_OFFSET));
    }

    /// @dev Only for a batch that is not attested: time and source are still zero.
    function attest(BatchWord word, uint40 when, uint32 source_) internal pure returns (BatchWord) {
        return
            BatchWord.wrap(
                BatchWord.unwrap(word) | (uint256(when) << ATTESTED_AT_OFFSET) | (uint256(source_) << SOURCE_OFFSET)
            );
    }

    /// @notice The word of a batch that nobody has attested.
    function unattest(BatchWord word) internal pure returns (BatchWord) {
        uint256 mask = (uint256(type(uint40).max) << ATTESTED_AT_OFFSET) | (uint256(type(uint32).max) << SOURCE_OFFSET);
        return BatchWord.wrap(BatchWord.unwrap(word) & ~mask);
    }

    /// @notice Keeps the bonds locked until `until`, or longer if they were.
    function hold(BatchWord word, uint40 until) internal pure returns (BatchWord) {
        if (until <= heldUntil(word)) return word;
        uint256 cleared = BatchWord.unwrap(word) & ~(uint256(type(uint40).max) << HELD_UNTIL_OFFSET);
        return BatchWord.wrap(cleared | (uint256(until) << HELD_UNTIL_OFFSET));
    }

    // The counters cannot overflow into their neighbours: a batch has at most 2^16 leaves, and each is touched once,
    // in at most one dispute at a time, and rejected at most once.

    function touch(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) + (1 << TOUCHED_OFFSET));
    }

    function openDispute(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) + (1 << DISPUTED_OFFSET));
    }

    function closeDispute(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) - (1 << DISPUTED_OFFSET));
    }

    function reject(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) + (1 << REJECTED_OFFSET));
    }

    function release(BatchWord word) internal pure returns (BatchWord) {
        return BatchWord.wrap(BatchWord.unwrap(word) | (1 << RELEASED_OFFSET));
    }
}

using BatchWordLib for BatchWord global;
