// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Limits} from "../Limits.sol";

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

    /// @notice A field of the claim has bits beyond its type.
    error DirtyClaim();

    /// @notice EIP-712 struct hash. Every field is one static word, so the calldata is the encoding; what a narrower
    /// type leaves of its word must be zero. Were it not checked here, a claim with a dirty `requester` could be
    /// challenged but never resolved.
    function structHash(Claim calldata claim) internal pure returns (bytes32 hash) {
        bytes32 typehash = TYPEHASH;
        uint256 dirt;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typehash)
            calldatacopy(add(at, 0x20), claim, 0x120)
            hash := keccak256(at, 0x140)
            dirt := or(shr(160, mload(add(at, 0x60))), shr(160, mload(add(at, 0x80))))
            dirt := or(dirt, or(shr(64, mload(add(at, 0x100))), shr(64, mload(add(at, 0x120)))))
        }
        if (dirt != 0) revert DirtyClaim();
    }

    /// @notice Whether the claim was to be committed after it was served, and within the protocol's horizon.
    function keepsHorizon(Claim calldata claim) internal pure returns (bool) {
        uint256 servedAt = claim.servedAt;
        uint256 commitBy = claim.commitBy;
        // In 256 bits a `commitBy` before `servedAt` wraps to a span far beyond the horizon.
        unchecked {
            return commitBy - servedAt <= Limits.HORIZON_SECONDS;
        }
    }

    /// @notice The struct hash of the same claim with another output.
    function structHashWithOutput(Claim calldata claim, bytes32 outputHash) internal pure returns (bytes32 hash) {
        bytes32 typehash = TYPEHASH;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typehash)
            calldatacopy(add(at, 0x20), claim, 0x120)
            mstore(add(at, 0xe0), outputHash)
            hash := keccak256(at, 0x140)
        }
    }
}

using ClaimLib for Claim global;
