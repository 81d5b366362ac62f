// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInferenceConsumer} from "../interfaces/IInferenceConsumer.sol";
import {IInferenceRequests} from "../interfaces/IInferenceRequests.sol";
import {Request} from "../types/Request.sol";
import {Status} from "../types/Status.sol";
import {InferenceConsumer} from "./InferenceConsumer.sol";

/// @title Base of contracts that ask for inferences and are called back
/// @notice Asks the consumer's model under the consumer's policy, and lets nobody but the requests contract answer.
abstract contract RequestingConsumer is InferenceConsumer, IInferenceConsumer {
    /// @notice What a request asks beyond model and policy; see `Request`.
    struct Question {
        address operator;
        bytes32 inputHash;
        uint96 feeWei;
        Status minStatus;
        uint40 expiresAt;
        uint32 callbackGasLimit;
    }

    /// @notice Where this consumer asks.
    IInferenceRequests public immutable REQUESTS;

    uint64 private _nonce;

    /// @notice Only the requests contract may call back.
    error NotRequests(address caller);

    constructor(
        IInferenceRequests requests,
        bytes32 modelId,
        bytes32 policyId
    ) InferenceConsumer(requests.SETTLEMENT(), modelId, policyId) {
        REQUESTS = requests;
    }

    /// @inheritdoc IInferenceConsumer
    function onInference(bytes32 requestId, Status status, bytes32 outputHash, bytes calldata output) external {
        if (msg.sender != address(REQUESTS)) revert NotRequests(msg.sender);
        _onInference(requestId, status, outputHash, output);
    }

    /// @dev Pays the fee out of this contract's ether.
    function _request(Question memory question, bytes memory input) internal returns (bytes32 requestId) {
        Request memory request = Request({
            requester: address(this),
            modelId: MODEL_ID,
            policyId: POLICY_ID,
            operator: question.operator,
            inputHash: question.inputHash,
            feeWei: question.feeWei,
            minStatus: question.minStatus,
            expiresAt: question.expiresAt,
            callbackGasLimit: question.callbackGasLimit,
            nonce: _nonce++
        });
        return REQUESTS.request{value: question.feeWei}(request, input);
    }

    /// @dev Pays to `to` what this contract is owed as a requester: the fees of requests that came to nothing, in
    /// ether, and the requester's share of the bonds behind rejected answers, in the policy's bond token.
    function _recover(address bondToken, address to) internal {
        if (REQUESTS.creditOf(address(this), address(0)) != 0) REQUESTS.withdraw(address(0), to);
        if (SETTLEMENT.creditOf(address(this), bondToken) != 0) SETTLEMENT.withdraw(bondToken, to);
    }

    /// @dev Should cost less than the `callbackGasLimit` asked for. What it is told comes from the requests
    /// contract, but about any request of this consumer: look at the id.
    function _onInference(bytes32 requestId, Status status, bytes32 outputHash, bytes calldata output) internal virtual;
}
