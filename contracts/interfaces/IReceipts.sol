// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";
import {ISettlement} from "./ISettlement.sol";
import {IVault} from "./IVault.sol";

/// @title Receipts that bind
/// @notice A receipt is a claim and a receipt key's signature over the claim id. It promises that the claim is
/// committed by `commitBy`, and that no other answer is given to the same request. Breaking either promise costs the
/// operator a claim bond of the receipt's policy, out of the stake that no claim locks.
///
/// A key signs for its operator from `validFrom` until `validUntil`; what it signed in between stays binding after it
/// was revoked. When the guardian marks it compromised since some moment, receipts served from then on bind no more.
interface IReceipts is IVault {
    /// @notice What became of a report that a claim was omitted.
    enum OmissionState {
        None,
        Open, // the operator can show, before the deadline, that the claim was committed in time
        Refuted, // it did; the reporter's bond is the operator's
        Upheld, // it did not, and was penalised
        Voided // the receipt's key had been compromised; the reporter has its bond back
    }

    /// @notice Receipts signed by the key bind the operator from `validFrom` on.
    event ReceiptKeyAdded(address indexed operator, address indexed key, uint40 validFrom);
    /// @notice Receipts served at `validUntil` or later do not bind the operator; earlier ones still do.
    event ReceiptKeyRevoked(address indexed operator, address indexed key, uint40 validUntil);
    /// @notice Receipts of the key served at `since` or later do not bind the operator.
    event ReceiptKeyCompromised(address indexed operator, address indexed key, uint40 since);
    /// @notice Somebody says that a claim was not committed in time. The operator has until `answerBy` to show
    /// otherwise: a batch that was committed by `includeBy` and has the claim.
    event OmissionReported(
        bytes32 indexed claimId,
        address indexed operator,
        address indexed reporter,
        uint40 includeBy,
        uint40 answerBy
    );
    /// @notice The claim had been committed in time.
    event OmissionRefuted(bytes32 indexed claimId, bytes32 indexed batchId, uint256 index);
    /// @notice The claim had not been committed in time.
    event OmissionUpheld(bytes32 indexed claimId, address indexed operator, address indexed reporter);
    /// @notice The receipt's key had been compromised.
    event OmissionVoided(bytes32 indexed claimId, address indexed reporter);
    /// @notice Two receipts gave one request two answers. The key of the first is revoked.
    event EquivocationReported(
        address indexed operator,
        bytes32 indexed claimIdA,
        bytes32 indexed claimIdB,
        address reporter
    );

    /// @notice Receipts under the policy, served from `acceptedAt` on, bind the operator for ever.
    event PolicyAccepted(address indexed operator, bytes32 indexed policyId, uint40 acceptedAt);
    /// @notice Where the operator serves its batch data and receipts.
    event EndpointAnnounced(address indexed operator, string endpoint);

    /// @notice The key was already added by this operator; a revoked key never becomes valid again.
    error ReceiptKeyKnown(address operator, address key);
    /// @notice The key is not a valid receipt key of this operator.
    error ReceiptKeyNotActive(address operator, address key);
    /// @notice The mark is in the future, or no earlier than the one before.
    error BadCompromise(uint40 since);
    /// @notice Only the operator or a sender it has allowed for this policy may do this.
    error NotSenderFor(address operator, address caller);
    /// @notice The signature is not by a key that bound the operator when the claim was served.
    error NotSigned(bytes32 claimId, address signer);
    /// @notice The receipt promises longer than the protocol allows, nothing that anybody could answer for, or a claim
    /// under a policy that does not exist, was closed, or that the operator had not accepted.
    error VoidReceipt(bytes32 claimId);
    /// @notice Reports are taken from `from` on and before `until`.
    error NotReportable(bytes32 claimId, uint256 from, uint256 until);
    /// @notice The claim was reported before, or two answers to the request under the first claim's policy.
    error AlreadyReported(bytes32 id);
    /// @notice The key was convicted of equivocation under this policy before; once is what it costs.
    error KeyConvicted(address operator, address key, bytes32 policyId);
    /// @notice Only the reporter and the requester may do this yet: the operator must not choose the moment.
    error NotReporter(bytes32 claimId, address reporter);
    /// @notice No report of the claim is open.
    error NoOpenReport(bytes32 claimId);
    /// @notice The time to answer ended at `answerBy`.
    error AnswerTooLate(bytes32 claimId, uint40 answerBy);
    /// @notice The report can still be answered, until `answerBy`.
    error ResolveTooEarly(bytes32 claimId, uint40 answerBy);
    /// @notice The claim is not in that batch, or the batch was committed after `includeBy`. Zero: not in it.
    error NotIncluded(bytes32 claimId, uint40 committedAt, uint40 includeBy);
    /// @notice The two claims are not two answers of one operator to one request.
    error NoEquivocation(bytes32 claimIdA, bytes32 claimIdB);

    /// @notice Where claims settle.
    function SETTLEMENT() external view returns (ISettlement);

    /// @notice Lets receipts under these policies bind the caller from now on, for ever. By equivocation a receipt key
    /// can cost its operator one claim bond of each accepted policy, and of no other.
    function acceptPolicies(bytes32[] calldata policyIds) external;

    /// @notice Makes `key` sign receipts for the caller from now on.
    function addReceiptKey(address key) external;

    /// @notice Ends the validity of a receipt key now. What it signed before stays binding.
    function revokeReceiptKey(address key) external;

    /// @notice Marks a key as compromised since a moment in the past. Restricted to the guardian: an operator that
    /// could would disown its receipts. A mark can be moved back in time, not forth.
    function markCompromised(address operator, address key, uint40 since) external;

    /// @notice Announces where `operator` serves its batch data. For the operator and its senders: the daemon that
    /// serves the data holds a sender's key, not the owner's.
    /// @param policyId One that the caller is a sender for; any when the caller is the operator.
    function announce(address operator, bytes32 policyId, string calldata endpoint) external;

    /// @notice Reports that a claim with a valid receipt was not committed by `commitBy` and an hour, or an hour after
    /// commits were paused before that. Takes the policy's challenge bond. Within seven days of `commitBy`.
    function reportOmission(Claim calldata claim, bytes calldata signature) external payable;

    /// @notice Shows that a reported claim was committed in time. Anybody may; the reporter's bond goes to the
    /// operator.
    function answerOmission(
        Claim calldata claim,
        BatchHeader calldata header,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice Penalises the operator for a report it did not answer, or gives the reporter its bond back when the
    /// receipt's key was found compromised since. For the reporter and the requester from `answerBy` on: a penalty
    /// takes what no claim locks, and an operator must not choose the moment. For anybody seven days later.
    function resolveOmission(Claim calldata claim) external;

    /// @notice Penalises an operator at once for two receipts with the same requester, request id, model and input and
    /// different outputs, by the first claim's policy, and revokes the key that signed the first. Within seven days and
    /// an hour of both their `commitBy`, once for each request and policy, and once for each key and policy.
    function reportEquivocation(
        Claim calldata claimA,
        bytes calldata signatureA,
        Claim calldata claimB,
        bytes calldata signatureB
    ) external;

    /// @notice From when on receipts under the policy bind the operator. Zero: they do not.
    function acceptedAtOf(address operator, bytes32 policyId) external view returns (uint40);

    /// @notice From when (inclusive) until when (exclusive) receipts signed by `key` bind `operator`, compromise and
    /// unbonding included. `validUntil` is the largest value while the key is active; both are zero for a key never
    /// added.
    function receiptKeyOf(address operator, address key) external view returns (uint40 validFrom, uint40 validUntil);

    /// @notice What became of a report.
    function omissionOf(
        bytes32 claimId
    ) external view returns (OmissionState state, address reporter, uint40 includeBy, uint40 answerBy);
}
