// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IReceipts} from "./interfaces/IReceipts.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Limits} from "./Limits.sol";
import {BatchHeader} from "./types/Batch.sol";
import {Claim} from "./types/Claim.sol";
import {Compromise} from "./types/Compromise.sol";
import {PauseLib} from "./types/Pause.sol";
import {Policy} from "./types/Policy.sol";
import {EvidenceKind} from "./types/Status.sol";
import {Vault} from "./Vault.sol";

/// @title Receipts
/// @notice Holds the bonds of open reports itself; what a report costs an operator, `Settlement` takes and credits.
contract Receipts is IReceipts, Vault, AccessManaged {
    struct Key {
        uint40 validFrom;
        uint40 validUntil;
        uint40 compromisedSince;
        uint32 epoch; // which unbonding revokes it
    }

    struct Omission {
        address reporter;
        uint40 includeBy;
        uint40 answerBy;
        OmissionState state;
        address signer;
    }

    /// @inheritdoc IReceipts
    ISettlement public immutable SETTLEMENT;

    mapping(address operator => mapping(address key => Key)) private _keys;
    mapping(address operator => mapping(bytes32 policyId => uint40)) private _acceptedAt;
    mapping(bytes32 claimId => Omission) private _omissions;
    mapping(bytes32 offence => bool) private _equivocations;
    mapping(bytes32 keyAndPolicy => bool) private _convicted;

    constructor(address authority, ISettlement settlement) AccessManaged(authority) {
        SETTLEMENT = settlement;
    }

    /* KEYS */

    /// @inheritdoc IReceipts
    function addReceiptKey(address key) external {
        if (key == address(0)) revert ZeroArgument();
        Key storage entry = _keys[msg.sender][key];
        if (entry.validFrom != 0) revert ReceiptKeyKnown(msg.sender, key);

        uint40 validFrom = uint40(block.timestamp);
        entry.validFrom = validFrom;
        entry.validUntil = type(uint40).max;
        entry.epoch = SETTLEMENT.keyEpochOf(msg.sender);
        emit ReceiptKeyAdded(msg.sender, key, validFrom);
    }

    /// @inheritdoc IReceipts
    function revokeReceiptKey(address key) external {
        if (_keys[msg.sender][key].validUntil != type(uint40).max) revert ReceiptKeyNotActive(msg.sender, key);
        _revoke(msg.sender, key);
    }

    /// @inheritdoc IReceipts
    function markCompromised(address operator, address key, uint40 since) external restricted {
        Key storage entry = _keys[operator][key];
        if (entry.validFrom == 0) revert ReceiptKeyNotActive(operator, key);
        if (!Compromise.isAllowed(entry.compromisedSince, since)) revert BadCompromise(since);

        entry.compromisedSince = since;
        emit ReceiptKeyCompromised(operator, key, since);
    }

    /* POLICIES AND ENDPOINTS */

    /// @inheritdoc IReceipts
    function acceptPolicies(bytes32[] calldata policyIds) external {
        uint40 acceptedAt = uint40(block.timestamp);
        for (uint256 i = 0; i < policyIds.length; ++i) {
            if (_acceptedAt[msg.sender][policyIds[i]] != 0) continue;
            _acceptedAt[msg.sender][policyIds[i]] = acceptedAt;
            emit PolicyAccepted(msg.sender, policyIds[i], acceptedAt);
        }
    }

    /// @inheritdoc IReceipts
    function announce(address operator, bytes32 policyId, string calldata endpoint) external {
        if (!SETTLEMENT.isSender(operator, msg.sender, policyId)) revert NotSenderFor(operator, msg.sender);
        emit EndpointAnnounced(operator, endpoint);
    }

    /* OMISSION */

    /// @inheritdoc IReceipts
    function reportOmission(Claim calldata claim, bytes calldata signature) external payable {
        bytes32 claimId = SETTLEMENT.claimIdOf(claim);
        address signer = _requireBinding(claim, claimId, signature);
        Omission storage omission = _omissions[claimId];
        if (omission.state != OmissionState.None) revert AlreadyReported(claimId);

        (uint40 from, uint40 until) = SETTLEMENT.pauseOf();
        uint256 includeBy = PauseLib.create(from, until).excuse(uint256(claim.commitBy) + Limits.COMMIT_GRACE_SECONDS);
        // The window to report moves with the deadline: a pause must not swallow it.
        _requireReportable(claimId, includeBy + 1, includeBy + Limits.REPORT_WINDOW_SECONDS);

        (Policy memory policy, uint40 registeredAt) = SETTLEMENT.POLICIES().policyOf(claim.policyId);
        if (registeredAt == 0) revert VoidReceipt(claimId);
        uint40 answerBy = uint40(block.timestamp) + Limits.OMISSION_ANSWER_SECONDS;
        _omissions[claimId] = Omission(msg.sender, uint40(includeBy), answerBy, OmissionState.Open, signer);
        emit OmissionReported(claimId, claim.operator, msg.sender, uint40(includeBy), answerBy);
        _collect(policy.bondToken, policy.challengeBondWei);
    }

    /// @inheritdoc IReceipts
    function answerOmission(
        Claim calldata claim,
        BatchHeader calldata header,
        uint256 index,
        bytes32[] calldata proof
    ) external {
        bytes32 claimId = SETTLEMENT.claimIdOf(claim);
        Omission storage omission = _requireOpen(claimId);
        if (block.timestamp >= omission.answerBy) revert AnswerTooLate(claimId, omission.answerBy);
        uint40 committedAt = SETTLEMENT.inclusionOf(header, claim, index, proof);
        if (committedAt == 0 || committedAt > omission.includeBy) {
            revert NotIncluded(claimId, committedAt, omission.includeBy);
        }

        omission.state = OmissionState.Refuted;
        _creditBond(claim, claim.operator);
        emit OmissionRefuted(claimId, SETTLEMENT.batchIdOf(header), index);
    }

    /// @inheritdoc IReceipts
    function resolveOmission(Claim calldata claim) external {
        bytes32 claimId = SETTLEMENT.claimIdOf(claim);
        Omission storage omission = _requireOpen(claimId);
        if (block.timestamp < omission.answerBy) revert ResolveTooEarly(claimId, omission.answerBy);
        address reporter = omission.reporter;
        // Not the operator's moment; but a friend of its that reports first must not keep the report for itself.
        bool isLeftToAnybody = block.timestamp >= omission.answerBy + Limits.REPORT_WINDOW_SECONDS;
        if (msg.sender != reporter && msg.sender != claim.requester && !isLeftToAnybody) {
            revert NotReporter(claimId, reporter);
        }

        // The key of the report, and no other of the operator's.
        bool voided = !_isBinding(claim, omission.signer);
        omission.state = voided ? OmissionState.Voided : OmissionState.Upheld;
        _creditBond(claim, reporter);
        if (voided) {
            emit OmissionVoided(claimId, reporter);
            return;
        }
        emit OmissionUpheld(claimId, claim.operator, reporter);
        SETTLEMENT.penalise(claim.policyId, claim.operator, reporter, claim.requester);
    }

    /* EQUIVOCATION */

    /// @inheritdoc IReceipts
    function reportEquivocation(
        Claim calldata claimA,
        bytes calldata signatureA,
        Claim calldata claimB,
        bytes calldata signatureB
    ) external {
        bytes32 claimIdA = SETTLEMENT.claimIdOf(claimA);
        bytes32 claimIdB = SETTLEMENT.claimIdOf(claimB);
        bytes32 request = _requestOf(claimA);
        if (request != _requestOf(claimB) || claimA.outputHash == claimB.outputHash) {
            revert NoEquivocation(claimIdA, claimIdB);
        }
        // Once per policy: a report that costs the operator next to nothing must not stand in for one that does not.
        bytes32 offence = keccak256(abi.encode(request, claimA.policyId));
        if (_equivocations[offence]) revert AlreadyReported(offence);
        address signer = _requireBinding(claimA, claimIdA, signatureA);
        _requireBinding(claimB, claimIdB, signatureB);
        _requireStillBinding(claimA, claimIdA);
        _requireStillBinding(claimB, claimIdB);

        _equivocations[offence] = true;
        _convict(claimA, signer);
        emit EquivocationReported(claimA.operator, claimIdA, claimIdB, msg.sender);
        SETTLEMENT.penalise(claimA.policyId, claimA.operator, msg.sender, claimA.requester);
    }

    /* VIEWS */

    /// @inheritdoc IReceipts
    function receiptKeyOf(address operator, address key) public view returns (uint40 validFrom, uint40 validUntil) {
        Key memory entry = _keys[operator][key];
        if (entry.validFrom == 0) return (0, 0);
        validFrom = entry.validFrom;
        validUntil = entry.validUntil;
        uint40 epochEndedAt = SETTLEMENT.epochEndedAt(operator, entry.epoch);
        if (epochEndedAt != 0 && epochEndedAt < validUntil) validUntil = epochEndedAt;
        if (entry.compromisedSince != 0 && entry.compromisedSince < validUntil) validUntil = entry.compromisedSince;
    }

    /// @inheritdoc IReceipts
    function acceptedAtOf(address operator, bytes32 policyId) external view returns (uint40) {
        return _acceptedAt[operator][policyId];
    }

    /// @inheritdoc IReceipts
    function omissionOf(
        bytes32 claimId
    ) external view returns (OmissionState state, address reporter, uint40 includeBy, uint40 answerBy) {
        Omission memory omission = _omissions[claimId];
        return (omission.state, omission.reporter, omission.includeBy, omission.answerBy);
    }

    /* INTERNAL */

    function _revoke(address operator, address key) private {
        uint40 validUntil = uint40(block.timestamp);
        _keys[operator][key].validUntil = validUntil;
        emit ReceiptKeyRevoked(operator, key, validUntil);
    }

    /// @dev One conviction is all that a stolen key is worth under a policy, and it warns whoever relies on the key.
    function _convict(Claim calldata claim, address signer) private {
        bytes32 conviction = keccak256(abi.encode(claim.operator, signer, claim.policyId));
        if (_convicted[conviction]) revert KeyConvicted(claim.operator, signer, claim.policyId);
        _convicted[conviction] = true;
        if (_keys[claim.operator][signer].validUntil == type(uint40).max) _revoke(claim.operator, signer);
    }

    function _requestOf(Claim calldata claim) private pure returns (bytes32) {
        return keccak256(abi.encode(claim.operator, claim.requester, claim.requestId, claim.modelId, claim.inputHash));
    }

    function _requireOpen(bytes32 claimId) private view returns (Omission storage omission) {
        omission = _omissions[claimId];
        if (omission.state != OmissionState.Open) revert NoOpenReport(claimId);
    }

    /// @dev A receipt binds that keeps to the protocol's horizon, that could be committed and that somebody could
    /// answer for, and that was signed by a key that was valid when the claim was served. An operator may not have seen
    /// yet that a policy was closed, and cannot commit what it served from then on.
    function _requireBinding(
        Claim calldata claim,
        bytes32 claimId,
        bytes calldata signature
    ) private view returns (address signer) {
        uint40 acceptedAt = _acceptedAt[claim.operator][claim.policyId];
        uint40 closedAt = SETTLEMENT.closedAtOf(claim.policyId);
        if (
            acceptedAt == 0 ||
            claim.servedAt < acceptedAt ||
            !claim.keepsHorizon() ||
            (closedAt != 0 && claim.servedAt >= closedAt) ||
            EvidenceKind.shared(claim.modelId, claim.policyId) == 0
        ) revert VoidReceipt(claimId);
        signer = ECDSA.recover(claimId, signature);
        if (!_isBinding(claim, signer)) revert NotSigned(claimId, signer);
    }

    function _isBinding(Claim calldata claim, address signer) private view returns (bool) {
        (uint40 validFrom, uint40 validUntil) = receiptKeyOf(claim.operator, signer);
        return claim.servedAt >= validFrom && claim.servedAt < validUntil;
    }

    function _requireStillBinding(Claim calldata claim, bytes32 claimId) private view {
        uint256 until = uint256(claim.commitBy) + Limits.COMMIT_GRACE_SECONDS + Limits.REPORT_WINDOW_SECONDS;
        _requireReportable(claimId, claim.servedAt, until);
    }

    function _requireReportable(bytes32 claimId, uint256 from, uint256 until) private view {
        if (block.timestamp < from || block.timestamp >= until) revert NotReportable(claimId, from, until);
    }

    function _creditBond(Claim calldata claim, address account) private {
        (Policy memory policy, ) = SETTLEMENT.POLICIES().policyOf(claim.policyId);
        _credit(account, policy.bondToken, policy.challengeBondWei);
    }
}
