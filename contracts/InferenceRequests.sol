// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Publicity} from "./consumer/Publicity.sol";
import {IInferenceConsumer} from "./interfaces/IInferenceConsumer.sol";
import {IInferenceRequests} from "./interfaces/IInferenceRequests.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Limits} from "./Limits.sol";
import {BatchHeader} from "./types/Batch.sol";
import {Claim} from "./types/Claim.sol";
import {Request, RequestState, RequestWord, RequestWordLib} from "./types/Request.sol";
import {EvidenceKind, Status} from "./types/Status.sol";
import {Vault} from "./Vault.sol";

/// @title InferenceRequests
/// @notice One word is stored per request.
/// @dev Besides the two contracts it was deployed with, which it trusts and calls to read alone, it calls requesters:
/// last, and after everything is written. So a callback can re-enter any function and finds the request in its new
/// state.
/// @custom:invariant I-40 The balance is at least the fees of all open and delivered requests and all credits
/// together.
contract InferenceRequests is IInferenceRequests, Vault {
    /* CONSTANTS AND IMMUTABLES */

    /// @inheritdoc IInferenceRequests
    bytes32 public constant OUTPUT_KECCAK = keccak256("meantime.output.keccak.v1");

    /// @inheritdoc IInferenceRequests
    uint40 public constant MIN_LIFETIME_SECONDS = 5 minutes;

    /// @inheritdoc IInferenceRequests
    uint40 public constant MAX_LIFETIME_SECONDS = 30 days;

    /// @inheritdoc IInferenceRequests
    uint32 public constant MAX_CALLBACK_GAS = 5_000_000;

    /// @dev What CALL takes before it passes gas on: a cold account and, where that has delegated (EIP-7702),
    /// another one; and what is spent from the check to the call.
    uint256 private constant CALL_OVERHEAD_GAS = 6_000;

    address private constant ETHER = address(0);

    /// @inheritdoc IInferenceRequests
    ISettlement public immutable SETTLEMENT;

    /// @inheritdoc IInferenceRequests
    IModelRegistry public immutable MODELS;

    /* STORAGE */

    mapping(bytes32 requestId => RequestWord) private _requests;

    constructor(ISettlement settlement, IModelRegistry models) {
        if (address(settlement) == address(0) || address(models) == address(0)) revert ZeroArgument();
        SETTLEMENT = settlement;
        MODELS = models;
    }

    /* LIFE OF A REQUEST */

    /// @inheritdoc IInferenceRequests
    function request(Request calldata request_, bytes calldata input) external payable returns (bytes32 requestId) {
        if (request_.requester != msg.sender) revert NotRequester(msg.sender, request_.requester);
        _requireTerms(request_);
        requestId = request_.id();
        if (_requests[requestId].state() != RequestState.Unknown) revert RequestKnown(requestId);

        _requests[requestId] = RequestWordLib.open();
        emit InferenceRequested(requestId, msg.sender, request_.modelId, request_, input);
        _collect(ETHER, request_.feeWei);
    }

    /// @inheritdoc IInferenceRequests
    function fulfil(
        Request calldata request_,
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        bytes calldata output
    ) external {
        bytes32 requestId = request_.id();
        _requireState(requestId, RequestState.Open);
        if (block.timestamp >= request_.expiresAt) revert RequestOver(requestId, request_.expiresAt);
        _requireAnswer(request_, requestId, claim);
        _requireOutput(requestId, claim, output);
        Status status = _requireStanding(request_, requestId, header, claim, index, proof);
        _requireOpenToDoubt(requestId, header, index);

        bool isFinal = status == Status.Final;
        RequestWord word = RequestWordLib.answered(
            isFinal ? RequestState.Settled : RequestState.Delivered,
            status,
            RequestWordLib.tagOf(header, claim, index)
        );
        _requests[requestId] = word;
        emit RequestDelivered(requestId, claim.operator, status, claim.outputHash, output);
        if (isFinal) _payOperator(request_, requestId, claim);
        _notify(request_, requestId, word, claim.outputHash, output);
    }

    /// @inheritdoc IInferenceRequests
    function settle(
        Request calldata request_,
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        bytes calldata output
    ) external {
        bytes32 requestId = request_.id();
        RequestWord word = _requireState(requestId, RequestState.Delivered);
        _requireDelivered(word, requestId, header, claim, index);
        _requireOutput(requestId, claim, output);
        Status status = SETTLEMENT.statusOf(header, claim, index, proof);
        bool isFinal = status == Status.Final;
        if (!isFinal && status != Status.Rejected && status != Status.Voided) revert NotSettledYet(requestId, status);

        word = RequestWordLib.answered(isFinal ? RequestState.Settled : RequestState.Refunded, status, word.tag());
        _requests[requestId] = word;
        if (isFinal) _payOperator(request_, requestId, claim);
        else _refund(request_, requestId, status);
        _notify(request_, requestId, word, claim.outputHash, output);
    }

    /// @inheritdoc IInferenceRequests
    function expire(Request calldata request_) external {
        bytes32 requestId = request_.id();
        _requireState(requestId, RequestState.Open);
        if (block.timestamp < request_.expiresAt) revert RequestNotOver(requestId, request_.expiresAt);

        _requests[requestId] = RequestWordLib.expired();
        _credit(request_.requester, ETHER, request_.feeWei);
        emit RequestExpired(requestId, request_.requester, request_.feeWei);
    }

    /// @inheritdoc IInferenceRequests
    function redeliver(
        Request calldata request_,
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        bytes calldata output
    ) external {
        bytes32 requestId = request_.id();
        RequestWord word = _requests[requestId];
        if (!word.undelivered()) revert NothingToRedeliver(requestId);
        _requireDelivered(word, requestId, header, claim, index);
        _requireOutput(requestId, claim, output);
        Status status = word.status();
        if (word.state() == RequestState.Delivered) {
            status = _requireStanding(request_, requestId, header, claim, index, proof);
            // `settle` tells that, once.
            if (status == Status.Final) revert SettleFirst(requestId);
        }

        _requests[requestId] = RequestWordLib.answered(word.state(), status, word.tag());
        emit CallbackRedelivered(requestId, request_.requester, status);
        bytes memory call_ = abi.encodeCall(
            IInferenceConsumer.onInference,
            (requestId, status, claim.outputHash, output)
        );
        if (!_call(request_.requester, request_.callbackGasLimit, type(uint256).max, call_)) {
            revert RedeliveryFailed(requestId);
        }
    }

    /* VIEWS */

    /// @inheritdoc IInferenceRequests
    function stateOf(bytes32 requestId) external view returns (RequestState state, Status status, bool undelivered) {
        RequestWord word = _requests[requestId];
        return (word.state(), word.status(), word.undelivered());
    }

    /// @inheritdoc IInferenceRequests
    function requestIdOf(Request calldata request_) external view returns (bytes32) {
        return request_.id();
    }

    /* INTERNAL: CHECKS */

    function _requireTerms(Request calldata request_) private view {
        if (request_.minStatus == Status.Unknown || request_.minStatus > Status.Final) {
            revert BadMinStatus(request_.minStatus);
        }
        uint256 min = block.timestamp + MIN_LIFETIME_SECONDS;
        uint256 max = block.timestamp + MAX_LIFETIME_SECONDS;
        if (request_.expiresAt < min || request_.expiresAt > max) revert BadExpiry(request_.expiresAt, min, max);
        if (request_.callbackGasLimit > MAX_CALLBACK_GAS) {
            revert CallbackGasTooHigh(request_.callbackGasLimit, MAX_CALLBACK_GAS);
        }
        if (EvidenceKind.shared(request_.modelId, request_.policyId) == 0) {
            revert NeverAnswerable(request_.modelId, request_.policyId);
        }
        uint40 closedAt = SETTLEMENT.closedAtOf(request_.policyId);
        if (closedAt != 0) revert PolicyClosed(request_.policyId, closedAt);
        // Known now, so that the rule for outputs is the same from the delivery to the end.
        if (MODELS.outputSchemeOf(request_.modelId) == 0) revert OutputSchemeUnknown(request_.modelId);
    }

    function _requireState(bytes32 requestId, RequestState state) private view returns (RequestWord word) {
        word = _requests[requestId];
        if (word.state() != state) revert WrongState(requestId, word.state());
    }

    /// @custom:invariant I-45 A claim answers the one request whose id it names, and that id binds every term.
    function _requireAnswer(Request calldata request_, bytes32 requestId, Claim calldata claim) private pure {
        if (
            claim.requestId != requestId ||
            claim.modelId != request_.modelId ||
            claim.policyId != request_.policyId ||
            (request_.operator != address(0) && claim.operator != request_.operator) ||
            claim.requester != request_.requester ||
            claim.inputHash != request_.inputHash
        ) revert NotAnAnswer(requestId);
    }

    function _requireOutput(bytes32 requestId, Claim calldata claim, bytes calldata output) private view {
        bool fits =
            MODELS.outputSchemeOf(claim.modelId) == OUTPUT_KECCAK
                ? keccak256(output) == claim.outputHash
                : output.length == 32 && bytes32(output) == claim.outputHash;
        if (!fits) revert WrongOutput(requestId, claim.outputHash);
    }

    function _requireStanding(
        Request calldata request_,
        bytes32 requestId,
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) private view returns (Status status) {
        status = SETTLEMENT.statusOf(header, claim, index, proof);
        if (status < request_.minStatus || status > Status.Final) {
            revert AnswerTooLow(requestId, status, request_.minStatus);
        }
    }

    /// @dev Delivering an answer shows it: what counts is that somebody has time to challenge it then.
    /// @custom:invariant I-48 No answer is final that nobody vouched for and nobody could look at before.
    function _requireOpenToDoubt(bytes32 requestId, BatchHeader calldata header, uint256 index) private view {
        bytes32 batchId = SETTLEMENT.batchIdOf(header);
        uint256 lookUntil = block.timestamp + Limits.MIN_WINDOW_SECONDS;
        if (lookUntil <= SETTLEMENT.finalAt(batchId)) return;
        if (!Publicity.isVouchedForOrShown(SETTLEMENT, header, index)) revert NeverShown(requestId);
    }

    /// @custom:invariant I-46 Only the claim that was delivered, at the position where it was, ends a delivered
    /// request.
    function _requireDelivered(
        RequestWord word,
        bytes32 requestId,
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index
    ) private pure {
        if (word.tag() != RequestWordLib.tagOf(header, claim, index)) revert OtherClaim(requestId);
    }

    /* INTERNAL: MONEY */

    function _payOperator(Request calldata request_, bytes32 requestId, Claim calldata claim) private {
        _credit(claim.operator, ETHER, request_.feeWei);
        emit RequestSettled(requestId, claim.operator, request_.feeWei);
    }

    function _refund(Request calldata request_, bytes32 requestId, Status status) private {
        _credit(request_.requester, ETHER, request_.feeWei);
        emit RequestRefunded(requestId, request_.requester, request_.feeWei, status);
    }

    /* INTERNAL: CALLBACKS */

    /// @dev Last in a function: everything else is written by then. A callback that fails leaves nothing behind, so
    /// `word` is still what is stored.
    /// @custom:invariant I-41 At most one callback succeeds for each state that a request comes to.
    /// @custom:invariant I-42 No callback can hold up the settlement of a request.
    function _notify(
        Request calldata request_,
        bytes32 requestId,
        RequestWord word,
        bytes32 outputHash,
        bytes calldata output
    ) private {
        uint256 gasLimit = request_.callbackGasLimit;
        if (gasLimit == 0) return;

        bytes memory call_ = abi.encodeCall(
            IInferenceConsumer.onInference,
            (requestId, word.status(), outputHash, output)
        );
        if (_call(request_.requester, gasLimit, gasLimit, call_)) return;
        _requests[requestId] = word.withUndelivered();
        emit CallbackFailed(requestId, request_.requester, word.status());
    }

    /// @dev EIP-150: CALL passes on 63/64 of what is left at most, and silently less than it is told to. The return
    /// data is not copied: a requester cannot make its caller pay for it.
    /// @custom:invariant I-43 A callback has the gas that its request promises, or nothing happens.
    function _call(address to, uint256 minGas, uint256 maxGas, bytes memory data) private returns (bool succeeded) {
        uint256 requiredGas = minGas + minGas / 63 + 1 + CALL_OVERHEAD_GAS;
        if (gasleft() < requiredGas) revert InsufficientGas(gasleft(), requiredGas);
        assembly ("memory-safe") {
            succeeded := call(maxGas, to, 0, add(data, 0x20), mload(data), 0x00, 0x00)
        }
    }
}
