// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @notice What has happened to one leaf of a batch. A leaf is one claim, since a position of a batch's tree holds
/// exactly one.
enum LeafState {
    Quiet, // nothing but evidence, if that
    Challenged, // to be answered by the deadline
    Answered, // challenged in its life, and answered
    Rejected,
    Voided,
    Demanded, // to be revealed by the deadline
    Revealed // shown; challengeable until the deadline or the batch's `finalAt`, whichever is later
}

/// @notice What is stored of a leaf once something happened to it.
/// Layout from the lowest bit: `8 state | 8 kinds | 40 deadline | 200 tag`. `kinds` are the kinds of evidence accepted
/// for this claim alone. What `deadline` and `tag` mean depends on the state:
///
/// | state      | deadline                                    | tag                                               |
/// |------------|---------------------------------------------|---------------------------------------------------|
/// | Quiet      | when evidence was last accepted             | source of the enclave evidence                    |
/// | Challenged | until when it can be answered, exclusive    | hash of claim id and challenger                   |
/// | Answered   | when it was answered, or evidence came since | source of the enclave evidence                   |
/// | Demanded   | until when it can be revealed, exclusive    | 168 bits of hash of who demanded, 32 of source    |
/// | Revealed   | from when on the clock makes it final; zero: as its batch | source of the enclave evidence      |
///
/// A rejected or voided leaf keeps both as they were. The tag binds 200 bits: finding two claims with one tag takes
/// 2^100 hashes.
type Leaf is uint256;

library LeafLib {
    uint256 private constant KINDS_OFFSET = 8;
    uint256 private constant DEADLINE_OFFSET = 16;
    uint256 private constant TAG_OFFSET = 56;
    uint200 private constant SOURCE_MASK = type(uint32).max;
    uint256 private constant STATE_MASK = 0xff;
    uint256 private constant STATE_AND_KINDS_MASK = 0xffff;
    uint256 private constant DEADLINE_MASK = uint256(type(uint40).max) << DEADLINE_OFFSET;

    /// @notice Binds a dispute to a claim and to who opened it.
    function tagOf(bytes32 claimId, address opener) internal pure returns (uint200) {
        return uint200(uint256(Hashes.efficientKeccak256(claimId, bytes32(uint256(uint160(opener))))));
    }

    /// @notice What a demand leaves in the tag: who opened it, above the source of the leaf's enclave evidence. Nobody
    /// but whoever demands chooses what is hashed.
    /// @param before The leaf's tag, whose lowest 32 bits are the source.
    function demandTagOf(address opener, uint200 before) internal pure returns (uint200) {
        return (tagOf(0, opener) & ~SOURCE_MASK) | (before & SOURCE_MASK);
    }

    /// @notice Whether the leaf stands as its batch does: nothing has happened to it, but that it may have been shown.
    function isPlain(Leaf leaf) internal pure returns (bool) {
        return Leaf.unwrap(leaf) & ~STATE_MASK == 0;
    }

    function isZero(Leaf leaf) internal pure returns (bool) {
        return Leaf.unwrap(leaf) == 0;
    }

    function state(Leaf leaf) internal pure returns (LeafState) {
        return LeafState(uint8(Leaf.unwrap(leaf)));
    }

    /// @dev Shorter code than comparing enums, which checks the range of both.
    function isIn(Leaf leaf, LeafState state_) internal pure returns (bool) {
        return Leaf.unwrap(leaf) & STATE_MASK == uint256(uint8(state_));
    }

    function kinds(Leaf leaf) internal pure returns (uint8) {
        return uint8(Leaf.unwrap(leaf) >> KINDS_OFFSET);
    }

    function deadline(Leaf leaf) internal pure returns (uint40) {
        return uint40(Leaf.unwrap(leaf) >> DEADLINE_OFFSET);
    }

    function tag(Leaf leaf) internal pure returns (uint200) {
        return uint200(Leaf.unwrap(leaf) >> TAG_OFFSET);
    }

    /// @notice The leaf in another state, with the deadline and the tag that go with it.
    function enter(Leaf leaf, LeafState state_, uint40 deadline_, uint200 tag_) internal pure returns (Leaf) {
        return
            Leaf.wrap(
                uint256(uint8(state_)) |
                    (uint256(leaf.kinds()) << KINDS_OFFSET) |
                    (uint256(deadline_) << DEADLINE_OFFSET) |
                    (uint256(tag_) << TAG_OFFSET)
            );
    }

    /// @notice The leaf in a terminal state; deadline and tag stay as they were.
    function end(Leaf leaf, LeafState state_) internal pure returns (Leaf) {
        return Leaf.wrap((Leaf.unwrap(leaf) & ~STATE_MASK) | uint256(uint8(state_)));
    }

    function withKinds(Leaf leaf, uint8 kinds_) internal pure returns (Leaf) {
        uint256 cleared = Leaf.unwrap(leaf) & ~(STATE_AND_KINDS_MASK ^ STATE_MASK);
        return Leaf.wrap(cleared | (uint256(kinds_) << KINDS_OFFSET));
    }

    function withDeadline(Leaf leaf, uint40 deadline_) internal pure returns (Leaf) {
        return Leaf.wrap((Leaf.unwrap(leaf) & ~DEADLINE_MASK) | (uint256(deadline_) << DEADLINE_OFFSET));
    }
}

using LeafLib for Leaf global;
