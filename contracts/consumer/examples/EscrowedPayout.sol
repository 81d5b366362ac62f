// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInferenceRequests} from "../../interfaces/IInferenceRequests.sol";
import {Limits} from "../../Limits.sol";
import {Policy} from "../../types/Policy.sol";
import {RequestState} from "../../types/Request.sol";
import {EvidenceKind, Status} from "../../types/Status.sol";
import {Vault} from "../../Vault.sol";
import {RequestingConsumer} from "../RequestingConsumer.sol";

/// @title A payout that does not wait until an answer is final, and survives that it never is
/// @notice The payer puts a payout up and asks a model whether the payee has earned it. The payee is paid as soon as
/// an enclave has vouched for a "yes". Should that answer be rejected later, the payer has the requester's share of
/// the operator's bond, which is no less than the payout: that much was at stake, or this contract cannot be made.
///
/// | the answer                          | the payout goes to             | the payer also has               |
/// |-------------------------------------|--------------------------------|----------------------------------|
/// | approves, is final                  | payee                          | -                                |
/// | refuses, once that is final         | payer                          | -                                |
/// | refuses, is rejected or voided      | payer                          | as below                         |
/// | approves, is rejected after payment | payee                          | its share of the bond, the fee   |
/// | approves, is rejected before it     | payer                          | its share of the bond, the fee   |
/// | approves, is voided after payment   | payee                          | the fee                          |
/// | approves, is voided and settled before it | payer                          | the fee                          |
/// | does not come in time               | payer                          | the fee                          |
///
/// A voided answer was shown to be neither right nor wrong: what was paid stays paid. There is one more case to
/// know: a claim that nobody shows when it is demanded is rejected with no share for a requester. What was delivered
/// here is public, and so anybody can show it; that is why policies under which a claim's opening has to be shown
/// too are refused.
contract EscrowedPayout is RequestingConsumer, Vault {
    enum Outcome {
        Waiting,
        Approved,
        Refused,
        Overturned
    }

    uint32 public constant CALLBACK_GAS = 50_000;

    address public immutable PAYER;
    address public immutable PAYEE;
    uint256 public immutable PAYOUT_WEI;
    /// @notice What the model's output is when the payee has earned the payout.
    bytes32 public immutable APPROVED;
    bytes32 public immutable REQUEST_ID;

    Outcome public outcome;
    bool public paidOut;

    event Judged(Outcome outcome, Status status);
    event PaidOut(address indexed to, uint256 payoutWei);

    /// @notice Under this policy no bond covers such a payout, at least not in ether, or not in every case.
    error PayoutNotCovered(uint256 payoutWei, uint256 coverWei);
    error NotPayable(Outcome outcome);

    /// @dev `msg.value` is the payout and the fee of the request.
    constructor(
        IInferenceRequests requests,
        bytes32 modelId,
        bytes32 policyId,
        address payee,
        uint256 payoutWei,
        bytes32 approved,
        bytes32 inputHash,
        bytes memory input,
        uint40 expiresAt
    ) payable RequestingConsumer(requests, modelId, policyId) {
        uint256 coverWei = _coverOf(policyId);
        if (payoutWei > coverWei) revert PayoutNotCovered(payoutWei, coverWei);
        if (payee == address(0)) revert ZeroArgument();
        if (msg.value < payoutWei) revert WrongPayment(msg.value, payoutWei);
        PAYER = msg.sender;
        PAYEE = payee;
        PAYOUT_WEI = payoutWei;
        APPROVED = approved;
        REQUEST_ID = _request(
            Question({
                operator: address(0),
                inputHash: inputHash,
                feeWei: uint96(msg.value - payoutWei),
                minStatus: Status.Attested,
                expiresAt: expiresAt,
                callbackGasLimit: CALLBACK_GAS
            }),
            input
        );
    }

    /// @notice Pays out to whom the payout belongs as things stand. Anybody may.
    function payOut() external {
        address to = _beneficiary();
        if (paidOut || to == address(0)) revert NotPayable(outcome);
        paidOut = true;
        emit PaidOut(to, PAYOUT_WEI);
        _credit(to, address(0), PAYOUT_WEI);
    }

    /// @notice Passes on to the payer what this contract is owed: the fee of a request that was refunded, and the
    /// requester's share of the bond behind a rejected answer. Anybody may.
    function recover() external {
        _recover(address(0), PAYER);
    }

    function _onInference(bytes32, Status status, bytes32 outputHash, bytes calldata) internal override {
        if (status == Status.Rejected || status == Status.Voided) outcome = Outcome.Overturned;
        else outcome = outputHash == APPROVED ? Outcome.Approved : Outcome.Refused;
        emit Judged(outcome, status);
    }

    function _beneficiary() private view returns (address) {
        if (outcome == Outcome.Approved) return PAYEE;
        if (outcome == Outcome.Overturned) return PAYER;
        // A refusal pays nobody in advance: were it rejected later, its payer would have the bond's share as well.
        (RequestState state, , ) = REQUESTS.stateOf(REQUEST_ID);
        RequestState awaited = outcome == Outcome.Refused ? RequestState.Settled : RequestState.Expired;
        return state == awaited ? PAYER : address(0);
    }

    /// @dev Zero where the bond is a token; where the operator could have its claim rejected by keeping the opening
    /// back, since then there is no requester's share; and where no proof could answer for the claim: when the enclave
    /// that vouched for it turns out compromised, its challenge is voided, and the bond stays with the operator.
    function _coverOf(bytes32 policyId) private view returns (uint256 coverWei) {
        if (EvidenceKind.shared(MODEL_ID, policyId) & EvidenceKind.ZK == 0) return 0;
        (Policy memory policy, ) = SETTLEMENT.POLICIES().policyOf(policyId);
        if (policy.bondToken != address(0) || policy.publicData) return 0;
        return (uint256(policy.claimBondWei) * policy.requesterBps) / Limits.BPS;
    }
}
