// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {BatchWord} from "./Batch.sol";
import {Leaf} from "./Leaf.sol";
import {AnswerTerms, CommitTerms, DisputeTerms} from "./Policy.sol";

/// @notice What is stored of batches and of the claims that something happened to.
struct Book {
    mapping(bytes32 batchId => BatchWord) batches;
    mapping(bytes32 leafKey => Leaf) leaves;
}

/// @notice What is stored of the policies that claims were committed under.
struct Terms {
    mapping(bytes32 policyId => CommitTerms) commit;
    mapping(bytes32 policyId => DisputeTerms) dispute;
    mapping(bytes32 policyId => mapping(uint8 kind => AnswerTerms)) answer;
    mapping(uint8 tokenIndex => address) tokens;
}

library BookLib {
    /// @notice Where a leaf's word is kept: a position of a batch's tree holds exactly one claim.
    function leafKey(bytes32 batchId, uint256 index) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(batchId, bytes32(index));
    }

    function leafAt(Book storage book, bytes32 batchId, uint256 index) internal view returns (bytes32 key, Leaf leaf) {
        key = leafKey(batchId, index);
        leaf = book.leaves[key];
    }
}

using BookLib for Book global;
