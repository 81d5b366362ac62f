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

        uint256 length = proof.length;
        bytes32 node = leaf;
        unchecked {
            // index < count, so this is the place of a leaf: no underflow.
            uint256 place = 2 * count - 2 - index;
            for (uint256 i = 0; i < length; ++i) {
                if (place == 0) return false;
                // Odd places are left children.
                node = place & 1 == 1 ? _hashPair(node, proof[i]) : _hashPair(proof[i], node);
                place = (place - 1) >> 1;
            }
            return place == 0 && node == root;
        }
    }

    function _hashPair(bytes32 left, bytes32 right) private pure returns (bytes32 node) {
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            node := keccak256(0x00, 0x40)
        }
    }
}
