// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status} from "./Status.sol";

/// @notice The statement "operator O says model M maps input I to output Y under policy P". Its EIP-712 digest is the
/// claim id.
struct Claim {
    bytes32 modelId;
    bytes32 policyId;
    address operator;
    address requester; // whom a rejection compensates; zero burns that share
    bytes32 requestId; // the on-chain request, or the client's idempotency nonce
    bytes32 inputHash; // by the model's input scheme
    bytes32 outputHash; // by the model's output scheme
    uint64 servedAt; // unix seconds
    uint64 commitBy; // unix seconds; the receipt promises inclusion by then
}

library ClaimLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Claim(bytes32 modelId,bytes32 policyId,address operator,address requester,bytes32 requestId,"
        "bytes32 inputHash,bytes32 outputHash,uint64 servedAt,uint64 commitBy)"
    );

    /// @notice EIP-712 struct hash. Every field is one static word, so the struct encodes as its type demands.
    function structHash(Claim calldata claim) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, claim));
    }
}

using ClaimLib for Claim global;

/// @notice What is stored of one claim once it was challenged or given evidence of its own.
/// Layout: `8 kinds | 8 status | 40 proveBy | 160 challenger`, the challenger in the lowest bits.
/// `status` is `Unknown` (evidence only), `Challenged` or `Rejected`. The challenger stays after an answer: a claim is
/// challenged once in its life.
type ClaimWord is uint256;

library ClaimWordLib {
    uint256 private constant PROVE_BY_OFFSET = 160;
    uint256 private constant STATUS_OFFSET = 200;
    uint256 private constant KINDS_OFFSET = 208;

    function isZero(ClaimWord word) internal pure returns (bool) {
        return ClaimWord.unwrap(word) == 0;
    }

    function challenger(ClaimWord word) internal pure returns (address) {
        return address(uint160(ClaimWord.unwrap(word)));
    }

    function proveBy(ClaimWord word) internal pure returns (uint40) {
        return uint40(ClaimWord.unwrap(word) >> PROVE_BY_OFFSET);
    }

    function status(ClaimWord word) internal pure returns (Status) {
        return Status(uint8(ClaimWord.unwrap(word) >> STATUS_OFFSET));
    }

    function kinds(ClaimWord word) internal pure returns (uint8) {
        return uint8(ClaimWord.unwrap(word) >> KINDS_OFFSET);
    }

    /// @dev Only for a word that was never challenged: the challenger, the deadline and the status are still zero.
    function challenge(ClaimWord word, address by, uint40 until) internal pure returns (ClaimWord) {
        return
            ClaimWord.wrap(
                ClaimWord.unwrap(word) |
                    uint160(by) |
                    (uint256(until) << PROVE_BY_OFFSET) |
                    (uint256(uint8(Status.Challenged)) << STATUS_OFFSET)
            );
    }

    function withStatus(ClaimWord word, Status status_) internal pure returns (ClaimWord) {
        uint256 cleared = ClaimWord.unwrap(word) & ~(uint256(0xff) << STATUS_OFFSET);
        return ClaimWord.wrap(cleared | (uint256(uint8(status_)) << STATUS_OFFSET));
    }

    function withKind(ClaimWord word, uint8 kind) internal pure returns (ClaimWord) {
        return ClaimWord.wrap(ClaimWord.unwrap(word) | (uint256(kind) << KINDS_OFFSET));
    }
}

using ClaimWordLib for ClaimWord global;
