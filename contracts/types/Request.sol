// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader} from "./Batch.sol";
import {Claim} from "./Claim.sol";
import {Status} from "./Status.sol";

/// @notice What a contract asks for, and what it pays. It travels as calldata and is never stored; its hash is the
/// request id, which a claim has to name as its `requestId`.
struct Request {
    address requester; // who asks and pays; a claim must name it, so that a rejection compensates it
    bytes32 modelId;
    bytes32 policyId;
    address operator; // who may answer; zero: any
    bytes32 inputHash; // by the model's input scheme
    uint96 feeWei; // in escrow from the request on
    Status minStatus; // from `Committed` to `Final`: what a claim must stand at to be delivered
    uint40 expiresAt; // unix seconds; from then on nothing is delivered
    uint32 callbackGasLimit; // what `onInference` is called with; zero: no callback
    uint64 nonce; // the requester's choice; tells requests of equal content apart
}

/// @notice Where a request stands. The last three are terminal.
enum RequestState {
    Unknown,
    Open,
    Delivered, // answered by a claim that stands at `minStatus` or higher and is not final yet
    Settled, // the claim is final, the fee the operator's
    Refunded, // the claim was rejected or voided, the fee the requester's again
    Expired // not answered in time, the fee the requester's again
}

/// @notice What is stored of a request.
/// Layout from the lowest bit: `8 state | 8 status | 8 undelivered | 232 tag`. `status` is the one that the last
/// callback was about, `undelivered` whether it failed; `tag` binds the claim, its batch and its position there. It
/// binds 232 bits: finding two claims with one tag takes 2^116 hashes.
type RequestWord is uint256;

library RequestLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "MeantimeRequest(uint256 chainId,address requests,address requester,bytes32 modelId,bytes32 policyId,"
        "address operator,bytes32 inputHash,uint96 feeWei,uint8 minStatus,uint40 expiresAt,uint32 callbackGasLimit,"
        "uint64 nonce)"
    );

    /// @notice The request id on this chain, at this contract.
    function id(Request calldata request) internal view returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, block.chainid, address(this), request));
    }
}

using RequestLib for Request global;

library RequestWordLib {
    uint256 private constant STATUS_OFFSET = 8;
    uint256 private constant UNDELIVERED_OFFSET = 16;
    uint256 private constant TAG_OFFSET = 24;
    uint256 private constant UNDELIVERED_BIT = 1 << UNDELIVERED_OFFSET;

    /// @notice Binds a claim at its position. A claim can be in several batches, with another status in each.
    function tagOf(BatchHeader calldata header, Claim calldata claim, uint256 index) internal pure returns (uint232) {
        return uint232(uint256(keccak256(abi.encode(header, claim, index))));
    }

    function open() internal pure returns (RequestWord) {
        return RequestWord.wrap(uint256(uint8(RequestState.Open)));
    }

    function expired() internal pure returns (RequestWord) {
        return RequestWord.wrap(uint256(uint8(RequestState.Expired)));
    }

    /// @notice The word of a request that a claim answers; its callback counts as delivered.
    function answered(RequestState state_, Status status_, uint232 tag_) internal pure returns (RequestWord) {
        return
            RequestWord.wrap(
                uint256(uint8(state_)) | (uint256(uint8(status_)) << STATUS_OFFSET) | (uint256(tag_) << TAG_OFFSET)
            );
    }

    function state(RequestWord word) internal pure returns (RequestState) {
        return RequestState(uint8(RequestWord.unwrap(word)));
    }

    function status(RequestWord word) internal pure returns (Status) {
        return Status(uint8(RequestWord.unwrap(word) >> STATUS_OFFSET));
    }

    function undelivered(RequestWord word) internal pure returns (bool) {
        return RequestWord.unwrap(word) & UNDELIVERED_BIT != 0;
    }

    function tag(RequestWord word) internal pure returns (uint232) {
        return uint232(RequestWord.unwrap(word) >> TAG_OFFSET);
    }

    function withUndelivered(RequestWord word) internal pure returns (RequestWord) {
        return RequestWord.wrap(RequestWord.unwrap(word) | UNDELIVERED_BIT);
    }
}

using RequestWordLib for RequestWord global;
