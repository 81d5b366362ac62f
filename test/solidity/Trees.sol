// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A builder of the trees that `PositionTree` verifies, written from their definition: an array of
/// `2 * count - 1` nodes, leaf `i` at place `2 * count - 2 - i`, node `p` the hash of nodes `2p + 1` and `2p + 2`.
library Trees {
    function nodesOf(bytes32[] memory leaves) internal pure returns (bytes32[] memory nodes) {
        uint256 size = 2 * leaves.length - 1;
        nodes = new bytes32[](size);
        for (uint256 i = 0; i < leaves.length; ++i) nodes[size - 1 - i] = leaves[i];
        for (uint256 p = leaves.length - 1; p > 0; --p) {
            nodes[p - 1] = keccak256(abi.encodePacked(nodes[2 * p - 1], nodes[2 * p]));
        }
    }

    function rootOf(bytes32[] memory leaves) internal pure returns (bytes32) {
        return nodesOf(leaves)[0];
    }

    function proofOf(bytes32[] memory nodes, uint256 index) internal pure returns (bytes32[] memory proof) {
        uint256 place = nodes.length - 1 - index;
        uint256 length = 0;
        for (uint256 p = place; p > 0; p = (p - 1) / 2) ++length;
        proof = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            proof[i] = place % 2 == 1 ? nodes[place + 1] : nodes[place - 1];
            place = (place - 1) / 2;
        }
    }
}
