// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchLib} from "../../../contracts/types/Batch.sol";
import {PositionTree} from "../../../contracts/types/PositionTree.sol";
import {Trees} from "../Trees.sol";
import {requireEqual, requireTrue, within} from "../Vm.sol";

contract PositionTreeTest {
    uint256 private constant MAX_COUNT = 40;

    function verify(
        bytes32[] calldata proof,
        bytes32 root,
        uint256 count,
        uint256 index,
        bytes32 leaf
    ) external pure returns (bool) {
        return PositionTree.verify(proof, root, count, index, leaf);
    }

    /// R-30 R-37 Every leaf verifies at its own index, and no other leaf there.
    function testFuzz_R_30_everyLeafVerifiesAtItsIndexOnly(
        uint256 countSeed,
        uint256 indexSeed,
        bytes32 salt
    ) external view {
        (bytes32[] memory leaves, bytes32[] memory nodes) = _tree(countSeed, salt);
        uint256 index = within(indexSeed, 0, leaves.length - 1);
        bytes32[] memory proof = Trees.proofOf(nodes, index);
        for (uint256 place = 0; place < leaves.length; ++place) {
            bool same = place == index;
            requireTrue(this.verify(proof, nodes[0], leaves.length, place, leaves[index]) == same, "leaf at an index");
            requireTrue(this.verify(proof, nodes[0], leaves.length, index, leaves[place]) == same, "index of a leaf");
        }
    }

    /// R-30 Indices out of range verify nothing, and revert nothing.
    function testFuzz_R_30_noIndexOutOfRange(
        uint256 countSeed,
        uint256 indexSeed,
        uint256 beyond,
        bytes32 salt
    ) external view {
        (bytes32[] memory leaves, bytes32[] memory nodes) = _tree(countSeed, salt);
        uint256 index = within(indexSeed, 0, leaves.length - 1);
        bytes32[] memory proof = Trees.proofOf(nodes, index);
        uint256 outside = within(beyond, leaves.length, type(uint256).max - 1);
        requireTrue(!this.verify(proof, nodes[0], leaves.length, outside, leaves[index]), "index out of range");
        requireTrue(!this.verify(proof, nodes[0], 0, index, leaves[index]), "no leaves");
    }

    /// R-33 A proof of another length fails: no sibling left out, none left over.
    function testFuzz_R_33_noOtherProofLength(
        uint256 countSeed,
        uint256 indexSeed,
        bytes32 salt,
        uint8 extra
    ) external view {
        (bytes32[] memory leaves, bytes32[] memory nodes) = _tree(countSeed, salt);
        uint256 index = within(indexSeed, 0, leaves.length - 1);
        bytes32[] memory proof = Trees.proofOf(nodes, index);
        for (uint256 length = 0; length < proof.length; ++length) {
            requireTrue(
                !this.verify(_resized(proof, length), nodes[0], leaves.length, index, leaves[index]),
                "short proof"
            );
        }
        bytes32[] memory longer = _resized(proof, proof.length + within(extra, 1, 5));
        requireTrue(!this.verify(longer, nodes[0], leaves.length, index, leaves[index]), "long proof");
    }

    /// R-33 Another count of leaves is another tree, wherever it moves the leaf or cuts its path.
    function testFuzz_R_33_noOtherCount(
        uint256 countSeed,
        uint256 otherSeed,
        uint256 indexSeed,
        bytes32 salt
    ) external view {
        (bytes32[] memory leaves, bytes32[] memory nodes) = _tree(countSeed, salt);
        uint256 other = within(otherSeed, 1, MAX_COUNT);
        uint256 index = within(indexSeed, 0, leaves.length - 1);
        bytes32[] memory proof = Trees.proofOf(nodes, index);
        bool verified = this.verify(proof, nodes[0], other, index, leaves[index]);
        bool sameRoute = index < other && _routeOf(leaves.length, index) == _routeOf(other, index);
        requireTrue(verified == sameRoute, "other count");
    }

    /// R-30 R-34 Under one root and count an index holds one leaf, whatever siblings are shown.
    function testFuzz_R_34_noSecondLeafAtAnIndex(
        uint256 countSeed,
        uint256 indexSeed,
        bytes32 salt,
        bytes32 otherLeaf,
        bytes32[16] calldata siblings
    ) external view {
        (bytes32[] memory leaves, bytes32[] memory nodes) = _tree(countSeed, salt);
        uint256 index = within(indexSeed, 0, leaves.length - 1);
        bytes32[] memory forged = new bytes32[](Trees.proofOf(nodes, index).length);
        for (uint256 i = 0; i < forged.length; ++i) forged[i] = siblings[i];
        if (otherLeaf == leaves[index]) return;
        requireTrue(!this.verify(forged, nodes[0], leaves.length, index, otherLeaf), "forged siblings");
        bytes32[] memory proof = Trees.proofOf(nodes, index);
        requireTrue(!this.verify(proof, nodes[0], leaves.length, index, otherLeaf), "forged leaf");
        // Siblings swapped into the other half of each pair verify only where nothing was swapped.
        uint256 sibling = index ^ 1;
        if (proof.length != 0 && sibling < leaves.length) {
            requireTrue(!this.verify(proof, nodes[0], leaves.length, sibling, leaves[index]), "turned around");
        }
    }

    /// R-29 An inner node of the tree never stands for a leaf: leaves are hashed twice.
    function testFuzz_R_29_innerNodesAreNoLeaves(
        uint256 countSeed,
        uint256 nodeSeed,
        uint256 index,
        bytes32 claimId,
        bytes32 salt
    ) external pure {
        (bytes32[] memory leaves, bytes32[] memory nodes) = _tree(countSeed, salt);
        if (leaves.length == 1) return;
        bytes32 inner = nodes[within(nodeSeed, 0, leaves.length - 2)];
        requireTrue(BatchLib.leaf(index, claimId) != inner, "leaf of a claim is an inner node");
    }

    /// R-30 R-32 A leaf is the double hash of its type, index and claim id: none serves at two indices.
    function testFuzz_R_32_leafBindsIndexAndClaim(
        uint256 index,
        uint256 other,
        bytes32 claimId,
        bytes32 otherId
    ) external pure {
        bytes32 expected = keccak256(
            bytes.concat(
                keccak256(abi.encode(keccak256("MeantimeLeaf(uint256 index,bytes32 claimId)"), index, claimId))
            )
        );
        requireEqual(uint256(BatchLib.leaf(index, claimId)), uint256(expected), "leaf");
        if (index != other) requireTrue(BatchLib.leaf(other, claimId) != expected, "leaf at another index");
        if (claimId != otherId) requireTrue(BatchLib.leaf(index, otherId) != expected, "leaf of another claim");
    }

    function _tree(
        uint256 countSeed,
        bytes32 salt
    ) private pure returns (bytes32[] memory leaves, bytes32[] memory nodes) {
        leaves = new bytes32[](within(countSeed, 1, MAX_COUNT));
        for (uint256 i = 0; i < leaves.length; ++i) leaves[i] = keccak256(abi.encode(salt, i));
        nodes = Trees.nodesOf(leaves);
    }

    function _resized(bytes32[] memory proof, uint256 length) private pure returns (bytes32[] memory resized) {
        resized = new bytes32[](length);
        for (uint256 i = 0; i < length && i < proof.length; ++i) resized[i] = proof[i];
    }

    /// @dev The turns from the leaf to the root, and how many there are.
    function _routeOf(uint256 count, uint256 index) private pure returns (uint256 route) {
        route = 1;
        for (uint256 place = 2 * count - 2 - index; place > 0; place = (place - 1) / 2) {
            route = (route << 1) | (place & 1);
        }
    }
}
