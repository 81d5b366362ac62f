// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Merkle proofs in which a position holds exactly one leaf
/// @notice The tree is the complete binary tree of OpenZeppelin's `merkle-tree` package: an array of `2 * count - 1`
/// nodes, leaf `i` at place `2 * count - 2 - i`, node `p` the hash of nodes `2p + 1` and `2p + 2`. Pairs are hashed in
/// that order, not sorted. With sorted pairs a proof does not say which way it turns, so an operator could hang two
/// claims under one index and commit more claims than it has bonds for; here `(root, count, index)` names one leaf.
library PositionTree {
    /// @notice Whether `leaf` stands at `index` of the tree with this root and number of leaves. False, never a
    /// revert, for a proof that is too short or too long or an index out of range.
    function verify(
        bytes32[] calldata proof,
        bytes32 root,
        uint256 count,
        uint256 index,
        bytes32 leaf
    ) internal pure returns (bool) {
        if (index >= count) return false;

        bytes32 node = leaf;
        uint256 place;
        unchecked {
            // index < count, so this is the place of a leaf: no underflow.
            place = 2 * count - 2 - index;
        }
        assembly ("memory-safe") {
            let at := proof.offset
            let end := add(at, shl(5, proof.length))
            for {} and(lt(at, end), gt(place, 0)) {
                at := add(at, 0x20)
            } {
                // Odd places are left children: the node goes into the first word of the pair, its sibling into the
                // second; for even places the other way round.
                let nodeWord := shl(5, iszero(and(place, 1)))
                mstore(nodeWord, node)
                mstore(xor(nodeWord, 0x20), calldataload(at))
                node := keccak256(0x00, 0x40)
                place := shr(1, sub(place, 1))
            }
            // Siblings are left over: the root was reached too early.
            if lt(at, end) {
                place := 1
            }
        }
        return place == 0 && node == root;
    }
}
