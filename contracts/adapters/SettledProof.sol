// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";

/// @title A claim and its place in a batch, as bytes
/// @notice `abi.encode(header, claim, index, merkleProof)`, and nothing else: eight words, nine, one, the offset of
/// the Merkle proof, its length, its words.
library SettledProof {
    uint256 private constant CLAIM_OFFSET = 8 * 32;
    uint256 private constant INDEX_OFFSET = 17 * 32;
    uint256 private constant HEAD_LENGTH = 19 * 32;
    uint256 private constant LENGTH_OFFSET = HEAD_LENGTH;
    uint256 private constant SIBLINGS_OFFSET = 20 * 32;

    /// @notice Whether the bytes are such an encoding. Decoding anything else would revert without a word, and a
    /// caller could not tell that from having too little gas.
    function isWellFormed(bytes calldata encoded) internal pure returns (bool) {
        if (encoded.length < SIBLINGS_OFFSET) return false;
        if (_wordAt(encoded, INDEX_OFFSET + 32) != HEAD_LENGTH) return false;
        uint256 siblings = (encoded.length - SIBLINGS_OFFSET) / 32;
        if (encoded.length != SIBLINGS_OFFSET + siblings * 32) return false;
        return _wordAt(encoded, LENGTH_OFFSET) == siblings && _dirt(encoded) == 0;
    }

    /// @notice The parts of well-formed bytes.
    function decode(
        bytes calldata encoded
    )
        internal
        pure
        returns (BatchHeader calldata header, Claim calldata claim, uint256 index, bytes32[] calldata siblings)
    {
        index = _wordAt(encoded, INDEX_OFFSET);
        assembly ("memory-safe") {
            header := encoded.offset
            claim := add(encoded.offset, CLAIM_OFFSET)
            siblings.offset := add(encoded.offset, SIBLINGS_OFFSET)
            siblings.length := calldataload(add(encoded.offset, LENGTH_OFFSET))
        }
    }

    /// @dev What the words of narrower types hold beyond them.
    function _dirt(bytes calldata encoded) private pure returns (uint256) {
        return
            (_wordAt(encoded, 0) >> 160) | // header.operator
            (_wordAt(encoded, 5 * 32) >> 32) | // header.count
            (_wordAt(encoded, 6 * 32) >> 64) | // header.oldestServedAt
            (_wordAt(encoded, 7 * 32) >> 64) | // header.nonce
            (_wordAt(encoded, CLAIM_OFFSET + 2 * 32) >> 160) | // claim.operator
            (_wordAt(encoded, CLAIM_OFFSET + 3 * 32) >> 160) | // claim.requester
            (_wordAt(encoded, CLAIM_OFFSET + 7 * 32) >> 64) | // claim.servedAt
            (_wordAt(encoded, CLAIM_OFFSET + 8 * 32) >> 64); // claim.commitBy
    }

    function _wordAt(bytes calldata encoded, uint256 offset) private pure returns (uint256 word) {
        return uint256(bytes32(encoded[offset:offset + 32]));
    }
}
