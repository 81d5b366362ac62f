// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";
import {Request, RequestState} from "../types/Request.sol";
import {Status} from "../types/Status.sol";
import {IModelRegistry} from "./IModelRegistry.sol";
import {ISettlement} from "./ISettlement.sol";
import {IVault} from "./IVault.sol";

/// @title Requests for inferences, from contracts
/// @notice A requester puts a fee in escrow. A claim that answers the request and stands high enough is delivered to
/// it; when the claim is final the operator has the fee, when it is rejected or voided the requester has it back,
/// and so it has when nobody answered in time. All three by credits, in ether.
///
/// ```
/// Open --fulfil, below Final--> Delivered --settle, claim Final--------------> Settled
///   |                               +-------settle, claim Rejected or Voided--> Refunded
///   +----fulfil, Final-------------------------------------------------------> Settled
///   +----expire, from expiresAt on-------------------------------------------> Expired
/// ```
///
/// A request is answered once. If the claim that was delivered is rejected, the requester is refunded, also when
/// time is left: whoever acted on the first answer must be told of its end before it meets a second one. It can ask
/// again.
///
/// Requests travel as calldata; any altered field names another request. Functions that take a `header`, a `claim`
/// and an `index` after the delivery revert with `OtherClaim` when these are not exactly what was delivered.
///
/// Safety and money never depend on a callback. It gets exactly the request's `callbackGasLimit`, or the whole call
/// reverts; its failure is an event and a mark, never a revert; it can re-enter everything here and finds it done.
interface IInferenceRequests is IVault {
    /// @notice Somebody asks. The contract does not look at `input`: whether it hashes to `inputHash`, operators
    /// check.
    event InferenceRequested(
        bytes32 indexed requestId,
        address indexed requester,
        bytes32 indexed modelId,
        Request request,
        bytes input
    );
    /// @notice A claim answers the request.
    event RequestDelivered(
        bytes32 indexed requestId,
        address indexed operator,
        Status status,
        bytes32 outputHash,
        bytes output
    );
    /// @notice The answer is final and the operator credited.
    event RequestSettled(bytes32 indexed requestId, address indexed operator, uint256 feeWei);
    /// @notice The answer was rejected or voided and the requester credited.
    event RequestRefunded(bytes32 indexed requestId, address indexed requester, uint256 feeWei, Status status);
    /// @notice Nobody answered in time and the requester was credited.
    event RequestExpired(bytes32 indexed requestId, address indexed requester, uint256 feeWei);
    /// @notice The requester's callback reverted or ran out of its gas. Anybody can call `redeliver`.
    event CallbackFailed(bytes32 indexed requestId, address indexed requester, Status status);
    /// @notice A callback that had failed before went through.
    event CallbackRedelivered(bytes32 indexed requestId, address indexed requester, Status status);

    /// @notice Only the requester itself can ask in its name.
    error NotRequester(address caller, address requester);
    /// @notice The request was made before.
    error RequestKnown(bytes32 requestId);
    /// @notice The request's state does not allow this.
    error WrongState(bytes32 requestId, RequestState state);
    /// @notice Nothing can be delivered below `Committed` or above `Final`.
    error BadMinStatus(Status minStatus);
    /// @notice The request must expire between `min` and `max`.
    error BadExpiry(uint40 expiresAt, uint256 min, uint256 max);
    /// @notice A callback can have this much gas at most.
    error CallbackGasTooHigh(uint32 callbackGasLimit, uint32 max);
    /// @notice The model and the policy share no kind of evidence: no claim about them could ever stand.
    error NeverAnswerable(bytes32 modelId, bytes32 policyId);
    /// @notice The model is not registered, or names no output scheme.
    error OutputSchemeUnknown(bytes32 modelId);
    /// @notice The request could be answered until `expiresAt`.
    error RequestOver(bytes32 requestId, uint40 expiresAt);
    /// @notice The request can still be answered, until `expiresAt`.
    error RequestNotOver(bytes32 requestId, uint40 expiresAt);
    /// @notice The claim names another request, model, policy, operator, requester or input.
    error NotAnAnswer(bytes32 requestId);
    /// @notice The output is not what the claim's `outputHash` stands for.
    error WrongOutput(bytes32 requestId, bytes32 outputHash);
    /// @notice The claim stands lower than the request demands, or is disputed, rejected, voided or unknown.
    error AnswerTooLow(bytes32 requestId, Status status, Status minStatus);
    /// @notice No evidence vouches for the claim, it was never shown (`ISettlement.reveal`), and five minutes to
    /// challenge it are not left.
    error NeverShown(bytes32 requestId);
    /// @notice Another claim was delivered, or the same claim at another position.
    error OtherClaim(bytes32 requestId);
    /// @notice The claim is neither final nor rejected nor voided yet.
    error NotSettledYet(bytes32 requestId, Status status);
    /// @notice The claim has become final: `settle` tells the requester, once.
    error SettleFirst(bytes32 requestId);
    /// @notice The guardian has closed the policy: nobody will answer.
    error PolicyClosed(bytes32 policyId, uint40 closedAt);
    /// @notice The last callback about the request did not fail.
    error NothingToRedeliver(bytes32 requestId);
    /// @notice The callback failed once more.
    error RedeliveryFailed(bytes32 requestId);
    /// @notice The call came with too little gas for the callback to have all that the request promises it.
    error InsufficientGas(uint256 availableGas, uint256 requiredGas);

    /// @notice Asks for an inference, and pays `feeWei` as `msg.value` into escrow.
    /// @param request_ What is asked; its `requester` is the caller.
    /// @param input The model's input, for operators to read from the event. It is not stored, and its length costs
    /// the requester alone.
    function request(Request calldata request_, bytes calldata input) external payable returns (bytes32 requestId);

    /// @notice Delivers a claim that answers an open request, before `expiresAt`. Anybody may. A claim that no evidence
    /// vouches for is delivered while it can be challenged for five minutes more, or must have been revealed.
    /// @param output The bytes behind `claim.outputHash`. For models of the output scheme `OUTPUT_KECCAK`, those whose
    /// keccak256 it is; for every other scheme, its 32 bytes.
    function fulfil(
        Request calldata request_,
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        bytes calldata output
    ) external;

    /// @notice Ends a delivered request whose claim is final, rejected or voided. Anybody may, at any time.
    function settle(
        Request calldata request_,
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        bytes calldata output
    ) external;

    /// @notice Refunds an open request from `expiresAt` on. Anybody may. There is no callback: the requester has known
    /// since it asked when this can happen, and nothing that it acted on changes.
    function expire(Request calldata request_) external;

    /// @notice Makes the last callback of a request once more, when it failed. Anybody may. The requester gets all
    /// gas that the caller can pass on, the request's limit at least. Of a request that is only delivered, the
    /// status is read again: nobody is told of a status that the claim has lost, and `Final` is for `settle` to tell.
    function redeliver(
        Request calldata request_,
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        bytes calldata output
    ) external;

    /// @notice Where a request stands, what status its last callback was about, and whether that callback failed.
    function stateOf(bytes32 requestId) external view returns (RequestState state, Status status, bool undelivered);

    /// @notice The request id.
    function requestIdOf(Request calldata request_) external view returns (bytes32);

    /// @notice Where claims settle.
    function SETTLEMENT() external view returns (ISettlement);

    /// @notice Where the models are.
    function MODELS() external view returns (IModelRegistry);

    /// @notice The output scheme of models whose `outputHash` is the keccak256 of the output.
    function OUTPUT_KECCAK() external view returns (bytes32);

    /// @notice A request can be answered for at least this long: time to be seen, served and committed although some
    /// proposers censor.
    function MIN_LIFETIME_SECONDS() external view returns (uint40);

    /// @notice A request can be answered for at most this long: longer than the longest way of a claim to `Final`,
    /// and the longest time that a mistake can hold a fee.
    function MAX_LIFETIME_SECONDS() external view returns (uint40);

    /// @notice The most gas a callback can ask for. It leaves room in one transaction, which has at most 2^24 gas,
    /// for two callbacks inside each other.
    function MAX_CALLBACK_GAS() external view returns (uint32);
}
