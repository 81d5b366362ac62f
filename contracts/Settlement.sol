// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {Domain} from "./Domain.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IBatchEvidence, IEvidence} from "./interfaces/IEvidence.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Limits} from "./Limits.sol";
import {Operators} from "./Operators.sol";
import {Policies} from "./Policies.sol";
import {Receipts} from "./Receipts.sol";
import {BatchHeader, BatchLib, BatchWord, BatchWordLib} from "./types/Batch.sol";
import {Claim} from "./types/Claim.sol";
import {Leaf, LeafLib, LeafState} from "./types/Leaf.sol";
import {Pause, PauseLib} from "./types/Pause.sol";
import {AnswerTerms, CommitTerms, DisputeTerms} from "./types/Policy.sol";
import {PositionTree} from "./types/PositionTree.sol";
import {EvidenceKind, EvidenceRule, Status} from "./types/Status.sol";

/// @title Settlement
/// @notice One word is stored per batch, and one per leaf that was disputed or proven. The status of every other claim
/// is derived from its batch's word and the clock.
/// @dev Evidence contracts are called with STATICCALL, ether leaves only when its owner pulls it, and a token is moved
/// after everything else is written. So no call made here can re-enter a function that changes state half way through.
contract Settlement is ISettlement, Operators, Policies, AccessManaged, Domain {
    /* IMMUTABLES */

    /// @inheritdoc ISettlement
    address public immutable RECEIPTS;

    /* STORAGE */

    mapping(bytes32 batchId => BatchWord) private _batches;

    /// @dev Keyed by batch and index: a position of a batch's tree holds exactly one claim.
    mapping(bytes32 leafKey => Leaf) private _leaves;

    /// @dev The complement of the recorded output, so that zero means: not recorded.
    mapping(bytes32 claimId => bytes32) private _records;

    Pause private _pause;

    constructor(address authority, IPolicyRegistry policies) Policies(policies) AccessManaged(authority) {
        if (authority == address(0) || address(policies) == address(0)) revert ZeroArgument();
        RECEIPTS = address(new Receipts(authority, this));
    }

    /* COMMIT AND RELEASE */

    /// @inheritdoc ISettlement
    function commit(BatchHeader calldata header) external {
        _requireSender(header.operator, header.policyId);
        if (header.count == 0 || header.count > Limits.MAX_BATCH_COUNT) {
            revert BadCount(header.count, Limits.MAX_BATCH_COUNT);
        }
        if (header.oldestServedAt > block.timestamp) revert BadServedAt(header.oldestServedAt);

        Pause pause = _pause;
        if (block.timestamp < pause.until()) revert CommitPaused(pause.until());
        CommitTerms terms = _openTerms(header.policyId);
        if (terms.closedAt() != 0) _requireServedBefore(header, terms.closedAt(), pause);
        if (terms.publicData() && header.dataRoot == 0) revert DataRootMissing(header.policyId);

        bytes32 batchId = _batchId(header);
        if (_batches[batchId].exists()) revert BatchKnown(batchId);

        uint40 now_ = uint40(block.timestamp);
        uint40 finalAt_ = now_ + terms.challengeWindowSeconds();
        _batches[batchId] = BatchWordLib.create(now_, finalAt_, terms.rule());
        _lock(header.operator, _tokenOf(terms.tokenIndex()), uint256(header.count) * terms.claimBondWei());

        _emitCommitted(batchId, header, finalAt_);
    }

    /// @inheritdoc ISettlement
    function release(BatchHeader[] calldata headers) external {
        for (uint256 i = 0; i < headers.length; ++i) {
            BatchHeader calldata header = headers[i];
            (bytes32 batchId, BatchWord batch) = _requireBatch(header);
            if (batch.released()) continue;
            uint40 freeAt = _laterOf(batch.finalAt(), batch.heldUntil());
            if (block.timestamp < freeAt || batch.disputed() != 0) {
                revert BatchOpen(batchId, freeAt, batch.disputed());
            }

            // The bonds of rejected claims left the stake when they were slashed.
            CommitTerms terms = _commitTermsOf(header.policyId);
            uint256 unlockedWei = uint256(header.count - batch.rejected()) * terms.claimBondWei();
            _batches[batchId] = batch.release();
            _unlock(header.operator, _tokenOf(terms.tokenIndex()), unlockedWei);
            emit BatchReleased(batchId, header.operator, unlockedWei);
        }
    }

    /* EVIDENCE */

    /// @inheritdoc ISettlement
    function prove(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        uint8 kind,
        address beneficiary,
        bytes calldata evidence
    ) external {
        (bytes32 batchId, bytes32 claimId, BatchWord batch) = _requireMember(header, claim, index, proof);
        uint32 source = _requireEvidence(
            _evidenceOf(claim.policyId, kind),
            claim,
            claimId,
            kind,
            beneficiary,
            evidence
        );
        _acceptUnprompted(batch, batchId, claimId, index, kind, source);
        emit EvidenceAccepted(batchId, claimId, beneficiary, index, kind, source, 0);
    }

    /// @inheritdoc ISettlement
    function attestBatch(BatchHeader calldata header, bytes calldata evidence) external {
        (bytes32 batchId, BatchWord batch) = _requireOpenBatch(header);
        if (header.modelId == 0) revert MixedBatch(batchId);
        if (batch.attestedAt() != 0) revert EvidenceKnown(batchId, EvidenceKind.TEE);

        address checker = _evidenceOf(header.policyId, EvidenceKind.TEE);
        if (checker == address(0)) revert EvidenceKindNotAccepted(header.policyId, EvidenceKind.TEE);
        (bytes4 magic, uint32 source) = IBatchEvidence(checker).checkBatch(header, batchId, evidence);
        if (magic != IBatchEvidence.checkBatch.selector) revert EvidenceRejected(EvidenceKind.TEE);

        uint40 finalAt_ = _finalAtOnceAttested(batch, header.policyId);
        _batches[batchId] = batch.attest(uint40(block.timestamp), source).withFinalAt(finalAt_);
        emit BatchAttested(batchId, finalAt_, source);
    }

    /// @inheritdoc ISettlement
    function reopenBatch(BatchHeader calldata header) external {
        (bytes32 batchId, BatchWord batch) = _requireOpenBatch(header);
        _requireCompromised(batchId, header.policyId, batch.source(), batch.attestedAt());
        // Some claim may be final by this attestation and a proof, and final stays final.
        if (batch.rule() == EvidenceRule.TeeAndZk && batch.touched() != 0) revert WrongStatus(batchId, Status.Final);

        uint40 finalAt_ = _finalAtOnceReopened(batch, header.policyId);
        _batches[batchId] = batch.unattest().withFinalAt(finalAt_);
        emit BatchReopened(batchId, finalAt_);
    }

    /// @inheritdoc ISettlement
    function reopenClaim(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        uint8 kind
    ) external {
        (bytes32 batchId, bytes32 claimId, BatchWord batch) = _requireMember(header, claim, index, proof);
        (bytes32 key, Leaf leaf) = _leafAt(batchId, index);
        _requireTakenBack(batch, leaf, claim, claimId, kind);

        uint8 kinds = leaf.kinds() & ~kind;
        uint40 finalAt_ = _finalAtOnceShown(batch, _disputeTermsOf(header.policyId));
        // What another kind has answered stays answered.
        bool answered = leaf.state() == LeafState.Answered && uint256(header.policyId) & kinds != 0;
        _batches[batchId] = batch.hold(finalAt_);
        _leaves[key] =
            answered ? leaf.withKinds(kinds) : leaf.withKinds(kinds).enter(LeafState.Revealed, finalAt_, leaf.tag());
        emit ClaimReopened(batchId, claimId, index, kind, finalAt_);
    }

    /* CHALLENGES */

    /// @inheritdoc ISettlement
    function challenge(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external payable {
        (bytes32 batchId, bytes32 claimId, BatchWord batch) = _requireMember(header, claim, index, proof);
        (bytes32 key, Leaf leaf) = _leafAt(batchId, index);
        _requireDisputable(batch, leaf, claimId);
        if (leaf.state() == LeafState.Answered) revert AlreadyChallenged(claimId);

        DisputeTerms terms = _disputeTermsOf(header.policyId);
        uint40 proveBy = _disputeDeadline(batch, terms);
        _batches[batchId] = _touched(batch, leaf).openDispute();
        _leaves[key] = leaf.enter(LeafState.Challenged, proveBy, LeafLib.tagOf(claimId, msg.sender));
        emit ClaimChallenged(batchId, claimId, msg.sender, index, proveBy);
        _collectBond(terms);
    }

    /// @inheritdoc ISettlement
    function answer(
        bytes32 batchId,
        Claim calldata claim,
        uint256 index,
        address challenger,
        uint8 kind,
        address beneficiary,
        bytes calldata evidence
    ) external {
        (bytes32 claimId, bytes32 key, Leaf leaf) = _requireChallenged(batchId, claim, index, challenger);
        _requireBefore(leaf.deadline(), claimId);
        // The policy id carries the kinds that may answer: no storage read.
        if (uint256(claim.policyId) & kind == 0) revert EvidenceKindNotAccepted(claim.policyId, kind);

        AnswerTerms terms = _answerTermsOf(claim.policyId, kind);
        uint32 source = _requireEvidence(terms.evidence(), claim, claimId, kind, beneficiary, evidence);
        _batches[batchId] = _batches[batchId].closeDispute();
        _leaves[key] = leaf.withKinds(leaf.kinds() | kind).enter(
            LeafState.Answered,
            uint40(block.timestamp),
            kind == EvidenceKind.TEE ? source : 0
        );
        _credit(beneficiary, _tokenOf(terms.tokenIndex()), terms.challengeBondWei());
        emit EvidenceAccepted(batchId, claimId, beneficiary, index, kind, source, terms.challengeBondWei());
    }

    /// @inheritdoc ISettlement
    function resolve(bytes32 batchId, Claim calldata claim, uint256 index, address challenger) external {
        (bytes32 claimId, bytes32 key, Leaf leaf) = _requireChallenged(batchId, claim, index, challenger);
        _requireAfter(leaf.deadline(), claimId);

        _rejectUnanswered(
            Rejection(batchId, claimId, index, claim.operator, claim.requester, challenger),
            _batches[batchId],
            key,
            leaf,
            _disputeTermsOf(claim.policyId)
        );
    }

    /// @inheritdoc ISettlement
    function disprove(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        address challenger,
        bytes32 trueOutputHash,
        address beneficiary,
        bytes calldata evidence
    ) external {
        // The evidence is judged by a STATICCALL after the effects: it can undo them, and nothing else.
        Rejection memory rejection = _rejectDisputable(header, claim, index, proof, challenger);
        _requireTwinProven(claim, trueOutputHash, beneficiary, evidence);
        rejection.rewarded = beneficiary;
        emit ClaimDisproven(rejection.batchId, rejection.claimId, beneficiary, trueOutputHash);
        _slashAndSplit(rejection, _disputeTermsOf(claim.policyId), 0);
    }

    /// @inheritdoc ISettlement
    function voidChallenge(bytes32 batchId, Claim calldata claim, uint256 index, address challenger) external {
        (bytes32 claimId, bytes32 key, Leaf leaf) = _requireChallenged(batchId, claim, index, challenger);
        _requireBefore(leaf.deadline(), claimId);
        BatchWord batch = _batches[batchId];
        // The guardian first: nothing that an evidence contract does can stop it.
        if (!_isGuardian()) {
            _requireSender(claim.operator, claim.policyId);
            if (!_isFaulted(claim, batch.committedAt())) revert NotFaulted(claimId);
        }

        _batches[batchId] = batch.closeDispute();
        _leaves[key] = leaf.end(LeafState.Voided);
        _creditBond(_disputeTermsOf(claim.policyId), challenger);
        emit ClaimVoided(batchId, claimId, challenger, index);
    }

    /* DEMANDS */

    /// @inheritdoc ISettlement
    function demandReveal(BatchHeader calldata header, uint256 index) external payable {
        (bytes32 batchId, BatchWord batch) = _requireBatch(header);
        if (index >= header.count) revert ClaimNotInBatch(batchId, 0, index);
        (bytes32 key, Leaf leaf) = _leafAt(batchId, index);
        Status status = _status(batch, leaf);
        // In every other state the claim was shown by whoever disputed it.
        if (leaf.state() != LeafState.Quiet || status > Status.Attested) revert WrongStatus(batchId, status);

        DisputeTerms terms = _disputeTermsOf(header.policyId);
        uint40 revealBy = _disputeDeadline(batch, terms);
        _batches[batchId] = _touched(batch, leaf).openDispute();
        _leaves[key] = leaf.enter(LeafState.Demanded, revealBy, LeafLib.demandTagOf(msg.sender, leaf.tag()));
        emit RevealDemanded(batchId, msg.sender, index, revealBy);
        _collectBond(terms);
    }

    /// @inheritdoc ISettlement
    function reveal(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        Opening calldata opening
    ) external {
        (bytes32 batchId, bytes32 claimId, BatchWord batch) = _requireMember(header, claim, index, proof);
        (bytes32 key, Leaf leaf) = _leafAt(batchId, index);
        if (_commitTermsOf(header.policyId).publicData()) _requireOpening(header, batchId, index, opening);

        DisputeTerms terms = _disputeTermsOf(header.policyId);
        uint40 challengeableUntil = uint40(block.timestamp) + terms.proveWindowSeconds();
        if (leaf.state() == LeafState.Demanded) {
            _requireBefore(leaf.deadline(), claimId);
            challengeableUntil = _laterOf(challengeableUntil, batch.finalAt());
            _batches[batchId] = batch.closeDispute().hold(challengeableUntil);
            _leaves[key] = leaf.enter(LeafState.Revealed, challengeableUntil, uint32(leaf.tag()));
            _creditBond(terms, header.operator);
        } else {
            if (!leaf.isZero()) revert WrongStatus(claimId, _status(batch, leaf));
            // Nobody asked, and no bond pays for it: it puts off nothing. The claim goes on as its batch does.
            if (challengeableUntil > batch.finalAt()) revert TooLate(claimId, batch.finalAt());
            challengeableUntil = batch.finalAt();
            _leaves[key] = leaf.enter(LeafState.Revealed, 0, 0);
        }
        emit ClaimRevealed(batchId, claimId, index, claim, proof, opening, challengeableUntil);
    }

    /// @inheritdoc ISettlement
    function resolveDemand(BatchHeader calldata header, uint256 index, address demander) external {
        (bytes32 batchId, BatchWord batch) = _requireBatch(header);
        (bytes32 key, Leaf leaf) = _leafAt(batchId, index);
        if (leaf.state() != LeafState.Demanded) revert NotDisputedBy(batchId, index, demander);
        if (leaf.tag() != LeafLib.demandTagOf(demander, leaf.tag())) revert NotDisputedBy(batchId, index, demander);
        _requireAfter(leaf.deadline(), batchId);

        _rejectUnanswered(
            Rejection(batchId, 0, index, header.operator, address(0), demander),
            batch,
            key,
            leaf,
            _disputeTermsOf(header.policyId)
        );
    }

    /* RECORDS */

    /// @inheritdoc ISettlement
    function record(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external {
        (Status status, bytes32 claimId) = _statusOf(header, claim, index, proof);
        if (status != Status.Final) revert StatusTooLow(claimId, status, Status.Final);
        if (claim.outputHash == bytes32(type(uint256).max)) revert Unrecordable(claimId);
        _records[claimId] = ~claim.outputHash;
        emit OutputRecorded(claimId, claim.outputHash);
    }

    /* GOVERNANCE */

    /// @inheritdoc ISettlement
    function pauseCommits(uint40 until) external restricted {
        uint256 notBefore = _pause.until() == 0 ? 0 : uint256(_pause.until()) + Limits.PAUSE_COOLDOWN_SECONDS;
        if (
            until <= block.timestamp ||
            until > block.timestamp + Limits.MAX_PAUSE_SECONDS ||
            block.timestamp < notBefore
        ) revert BadPause(until);
        _pause = PauseLib.create(uint40(block.timestamp), until);
        emit CommitsPaused(until);
    }

    /// @inheritdoc ISettlement
    function resumeCommits() external restricted {
        uint40 now_ = uint40(block.timestamp);
        if (now_ >= _pause.until()) revert BadPause(now_);
        _pause = PauseLib.create(_pause.from(), now_);
        emit CommitsResumed();
    }

    /// @inheritdoc ISettlement
    function closePolicy(bytes32 policyId) external restricted {
        _closePolicy(policyId);
    }

    /// @inheritdoc ISettlement
    function lengthenChallengeWindow(BatchHeader calldata header, uint40 finalAt_) external restricted {
        (bytes32 batchId, BatchWord batch) = _requireOpenBatch(header);
        uint40 max = _windowEnd(batch, header.policyId) + Limits.MAX_LENGTHENING_SECONDS;
        if (finalAt_ <= batch.finalAt() || finalAt_ > max) revert BadDeadline(finalAt_, max);
        _batches[batchId] = batch.withFinalAt(finalAt_);
        emit ChallengeWindowLengthened(batchId, finalAt_);
    }

    /// @inheritdoc ISettlement
    function lengthenDeadline(BatchHeader calldata header, uint256 index, uint40 deadline) external restricted {
        (bytes32 batchId, BatchWord batch) = _requireBatch(header);
        (bytes32 key, Leaf leaf) = _leafAt(batchId, index);
        if (leaf.state() != LeafState.Challenged && leaf.state() != LeafState.Demanded) {
            revert WrongStatus(batchId, _status(batch, leaf));
        }
        _requireBefore(leaf.deadline(), batchId);
        uint40 max =
            _windowEnd(batch, header.policyId) +
                _disputeTermsOf(header.policyId).proveWindowSeconds() +
                Limits.MAX_LOAD_SECONDS +
                Limits.MAX_LENGTHENING_SECONDS;
        if (deadline <= leaf.deadline() || deadline > max) revert BadDeadline(deadline, max);
        _leaves[key] = leaf.withDeadline(deadline);
        emit DeadlineLengthened(batchId, index, deadline);
    }

    /* RECEIPTS */

    /// @inheritdoc ISettlement
    function penalise(bytes32 policyId, address operator, address reporter, address requester) external {
        if (msg.sender != RECEIPTS) revert NotReceipts(msg.sender);
        _openTerms(policyId);
        DisputeTerms terms = _disputeTermsOf(policyId);
        address token = _tokenOf(terms.tokenIndex());
        uint256 seizedWei = _seize(operator, token, terms.claimBondWei());
        uint256 paidWei = (seizedWei * Limits.PENALTY_PAID_BPS) / Limits.BPS;
        (uint256 reporterWei, uint256 requesterWei, uint256 burnWei) = _creditShares(
            terms,
            token,
            paidWei,
            reporter,
            requester,
            0
        );
        burnWei += seizedWei - paidWei;
        emit OperatorPenalised(operator, policyId, reporter, reporterWei, requesterWei, burnWei);
    }

    /* VIEWS */

    /// @inheritdoc ISettlement
    function statusOf(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (Status status) {
        (status, ) = _statusOf(header, claim, index, proof);
    }

    /// @inheritdoc ISettlement
    function requireStatus(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        Status atLeast
    ) external view {
        if (atLeast == Status.Unknown || atLeast > Status.Final) revert BadLevel(atLeast);
        (Status status, bytes32 claimId) = _statusOf(header, claim, index, proof);
        if (status < atLeast || status > Status.Final) revert StatusTooLow(claimId, status, atLeast);
    }

    /// @inheritdoc ISettlement
    function inclusionOf(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (uint40 committedAt) {
        BatchWord batch = _batches[_batchId(header)];
        // A batch that does not exist was committed at time zero: no claim was served before.
        if (_isMember(header, batch, claim, _claimId(claim), index, proof)) committedAt = batch.committedAt();
    }

    /// @inheritdoc ISettlement
    function recordedOutputOf(bytes32 claimId) external view returns (bytes32 outputHash) {
        bytes32 complement = _records[claimId];
        if (complement == 0) revert NotRecorded(claimId);
        return ~complement;
    }

    /// @inheritdoc ISettlement
    function finalAt(bytes32 batchId) external view returns (uint40) {
        return _batches[batchId].finalAt();
    }

    /// @inheritdoc ISettlement
    function batchOf(
        bytes32 batchId
    )
        external
        view
        returns (
            uint40 committedAt,
            uint40 attestedAt,
            uint40 batchFinalAt,
            uint40 heldUntil,
            uint32 source,
            uint32 touched,
            uint32 disputed,
            uint32 rejected,
            bool released,
            EvidenceRule rule
        )
    {
        BatchWord batch = _batches[batchId];
        return (
            batch.committedAt(),
            batch.attestedAt(),
            batch.finalAt(),
            batch.heldUntil(),
            batch.source(),
            batch.touched(),
            batch.disputed(),
            batch.rejected(),
            batch.released(),
            batch.rule()
        );
    }

    /// @inheritdoc ISettlement
    function leafOf(
        bytes32 batchId,
        uint256 index
    ) external view returns (LeafState state, uint8 kinds, uint40 deadline, uint200 tag) {
        Leaf leaf = _leaves[_leafKey(batchId, index)];
        return (leaf.state(), leaf.kinds(), leaf.deadline(), leaf.tag());
    }

    /// @inheritdoc ISettlement
    function pauseOf() external view returns (uint40 from, uint40 until) {
        return (_pause.from(), _pause.until());
    }

    /// @inheritdoc ISettlement
    function claimIdOf(Claim calldata claim) external view returns (bytes32) {
        return _claimId(claim);
    }

    /// @inheritdoc ISettlement
    function batchIdOf(BatchHeader calldata header) external view returns (bytes32) {
        return _batchId(header);
    }

    /* INTERNAL: MEMBERSHIP */

    function _batchId(BatchHeader calldata header) private view returns (bytes32) {
        return _digest(header.structHash());
    }

    function _claimId(Claim calldata claim) private view returns (bytes32) {
        return _digest(claim.structHash());
    }

    function _leafKey(bytes32 batchId, uint256 index) private pure returns (bytes32) {
        return Hashes.efficientKeccak256(batchId, bytes32(index));
    }

    function _requireBatch(BatchHeader calldata header) private view returns (bytes32 batchId, BatchWord batch) {
        batchId = _batchId(header);
        batch = _batches[batchId];
        if (!batch.exists()) revert BatchUnknown(batchId);
    }

    function _requireOpenBatch(BatchHeader calldata header) private view returns (bytes32 batchId, BatchWord batch) {
        (batchId, batch) = _requireBatch(header);
        if (block.timestamp >= batch.finalAt()) revert BatchFinal(batchId, batch.finalAt());
    }

    function _leafAt(bytes32 batchId, uint256 index) private view returns (bytes32 key, Leaf leaf) {
        key = _leafKey(batchId, index);
        leaf = _leaves[key];
    }

    function _requireMember(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) private view returns (bytes32 batchId, bytes32 claimId, BatchWord batch) {
        (batchId, batch) = _requireBatch(header);
        claimId = _claimId(claim);
        if (_isMember(header, batch, claim, claimId, index, proof)) return (batchId, claimId, batch);
        if (EvidenceKind.shared(claim.modelId, claim.policyId) == 0) {
            revert ClaimNotAnswerable(claim.modelId, claim.policyId);
        }
        revert ClaimNotInBatch(batchId, claimId, index);
    }

    /// @dev A leaf whose claim contradicts its header, or itself, is in no batch: nothing can be done with it, and it
    /// never becomes final.
    function _isMember(
        BatchHeader calldata header,
        BatchWord batch,
        Claim calldata claim,
        bytes32 claimId,
        uint256 index,
        bytes32[] calldata proof
    ) private pure returns (bool) {
        return
            claim.operator == header.operator &&
            claim.policyId == header.policyId &&
            (header.modelId == 0 || claim.modelId == header.modelId) &&
            EvidenceKind.shared(claim.modelId, claim.policyId) != 0 &&
            claim.servedAt >= header.oldestServedAt &&
            claim.servedAt <= batch.committedAt() &&
            claim.keepsHorizon() &&
            PositionTree.verify(proof, header.root, header.count, index, BatchLib.leaf(index, claimId));
    }

    /* INTERNAL: STATUS */

    function _statusOf(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) private view returns (Status, bytes32 claimId) {
        bytes32 batchId = _batchId(header);
        BatchWord batch = _batches[batchId];
        claimId = _claimId(claim);
        if (!batch.exists() || !_isMember(header, batch, claim, claimId, index, proof)) {
            return (Status.Unknown, claimId);
        }

        // No leaf of this batch has a word of its own: spare the read.
        Leaf leaf = batch.touched() == 0 ? Leaf.wrap(0) : _leaves[_leafKey(batchId, index)];
        return (_status(batch, leaf), claimId);
    }

    /// @custom:invariant I-04 A claim's status only climbs, but for Committed or Attested -> Challenged -> a step at
    /// least as high as before, Rejected or Voided; and Attested -> Committed when its enclave turns out compromised.
    function _status(BatchWord batch, Leaf leaf) private view returns (Status) {
        LeafState state = leaf.state();
        if (state == LeafState.Challenged || state == LeafState.Demanded) return Status.Challenged;
        if (state == LeafState.Rejected) return Status.Rejected;
        if (state == LeafState.Voided) return Status.Voided;
        if (block.timestamp >= _clockFinalAt(batch, leaf)) return Status.Final;

        uint8 kinds = _kinds(batch, leaf);
        if (EvidenceKind.closes(batch.rule(), kinds)) return Status.Final;
        if (kinds & EvidenceKind.ZK != 0) return Status.Proven;
        if (kinds != 0) return Status.Attested;
        return Status.Committed;
    }

    function _kinds(BatchWord batch, Leaf leaf) private pure returns (uint8) {
        return leaf.kinds() | (batch.attestedAt() == 0 ? 0 : EvidenceKind.TEE);
    }

    function _clockFinalAt(BatchWord batch, Leaf leaf) private pure returns (uint40) {
        if (leaf.state() != LeafState.Revealed) return batch.finalAt();
        return _laterOf(leaf.deadline(), batch.finalAt());
    }

    /* INTERNAL: EVIDENCE */

    /// @dev Passes only on the magic value; see `IEvidence`.
    function _requireEvidence(
        address checker,
        Claim memory claim,
        bytes32 claimId,
        uint8 kind,
        address beneficiary,
        bytes calldata evidence
    ) private view returns (uint32 source) {
        if (checker == address(0)) revert EvidenceKindNotAccepted(claim.policyId, kind);
        if (beneficiary == address(0)) revert ZeroArgument();
        bytes4 magic;
        (magic, source) = IEvidence(checker).check(claim, claimId, beneficiary, evidence);
        if (magic != IEvidence.check.selector) revert EvidenceRejected(kind);
    }

    function _requireTwinProven(
        Claim calldata claim,
        bytes32 trueOutputHash,
        address beneficiary,
        bytes calldata evidence
    ) private view {
        if (trueOutputHash == claim.outputHash) revert SameOutput(trueOutputHash);
        Claim memory twin = claim;
        twin.outputHash = trueOutputHash;
        bytes32 twinId = _digest(claim.structHashWithOutput(trueOutputHash));
        address checker = _evidenceOf(claim.policyId, EvidenceKind.ZK);
        _requireEvidence(checker, twin, twinId, EvidenceKind.ZK, beneficiary, evidence);
    }

    function _acceptUnprompted(
        BatchWord batch,
        bytes32 batchId,
        bytes32 claimId,
        uint256 index,
        uint8 kind,
        uint32 source
    ) private {
        (bytes32 key, Leaf leaf) = _leafAt(batchId, index);
        Status status = _status(batch, leaf);
        if (status < Status.Committed || status > Status.Proven) revert WrongStatus(claimId, status);
        if (leaf.kinds() & kind != 0) revert EvidenceKnown(claimId, kind);

        _batches[batchId] = _touched(batch, leaf);
        _leaves[key] = _withEvidence(leaf, batch.rule(), kind, source);
    }

    /// @dev A revealed claim stays open to challenges when enclaves or a committee vouch for it; a proof, or a rule
    /// that is satisfied, ends that.
    function _withEvidence(Leaf leaf, EvidenceRule rule, uint8 kind, uint32 source) private view returns (Leaf) {
        uint200 tag = kind == EvidenceKind.TEE ? source : leaf.tag();
        leaf = leaf.withKinds(leaf.kinds() | kind);
        LeafState state = leaf.state();
        if (state == LeafState.Revealed) {
            bool settled = kind == EvidenceKind.ZK || EvidenceKind.closes(rule, leaf.kinds());
            if (!settled) return leaf.enter(state, leaf.deadline(), tag);
            state = LeafState.Quiet;
        }
        return leaf.enter(state, uint40(block.timestamp), tag);
    }

    /// @dev When the clock makes a claim final to which nothing happens.
    function _windowEnd(BatchWord batch, bytes32 policyId) private view returns (uint40) {
        return batch.committedAt() + _commitTermsOf(policyId).challengeWindowSeconds();
    }

    /// @dev An attestation brings the end of the challenge window nearer, never further away.
    function _finalAtOnceAttested(BatchWord batch, bytes32 policyId) private view returns (uint40) {
        EvidenceRule rule = batch.rule();
        if (rule == EvidenceRule.Tee || rule == EvidenceRule.TeeOrZk) return uint40(block.timestamp);
        if (rule != EvidenceRule.TeeThenWindow) return batch.finalAt();

        uint40 shortened = uint40(block.timestamp) + _commitTermsOf(policyId).attestedWindowSeconds();
        return shortened < batch.finalAt() ? shortened : batch.finalAt();
    }

    /// @dev At least the attested window is left to look again, and no more than that beyond the policy's window.
    function _finalAtOnceReopened(BatchWord batch, bytes32 policyId) private view returns (uint40) {
        uint40 windowEnd = _windowEnd(batch, policyId);
        uint40 attestedWindowSeconds = _commitTermsOf(policyId).attestedWindowSeconds();
        uint40 atLeast = uint40(block.timestamp) + attestedWindowSeconds;
        uint40 atMost = windowEnd + attestedWindowSeconds + Limits.MAX_LENGTHENING_SECONDS;
        uint40 finalAt_ = _laterOf(windowEnd, atLeast < atMost ? atLeast : atMost);
        return _laterOf(finalAt_, batch.finalAt());
    }

    /// @dev A prove window is left to act on what was shown or taken back, and no less than the batch's own.
    function _finalAtOnceShown(BatchWord batch, DisputeTerms terms) private view returns (uint40) {
        return _laterOf(uint40(block.timestamp) + terms.proveWindowSeconds(), batch.finalAt());
    }

    /// @dev Enclave evidence is taken back when its key was compromised by the time it was accepted, and while no proof
    /// stands. A proof is when its key has proven contradictions: all it ever proved is in doubt.
    function _requireTakenBack(
        BatchWord batch,
        Leaf leaf,
        Claim calldata claim,
        bytes32 claimId,
        uint8 kind
    ) private view {
        bool isProof = kind == EvidenceKind.ZK;
        // One kind at a time: what another vouched for stays.
        if (!isProof && kind != EvidenceKind.TEE) revert EvidenceKindNotAccepted(claim.policyId, kind);
        Status status = _status(batch, leaf);
        if (status != (isProof ? Status.Proven : Status.Attested)) revert WrongStatus(claimId, status);
        if (isProof) {
            if (IEvidence(_evidenceOf(claim.policyId, kind)).faultedAt(claim.modelId) == 0) {
                revert NotCompromised(claimId, 0);
            }
            return;
        }
        // When a revealed claim was given evidence is not stored: any mark takes it back.
        uint40 acceptedAt = leaf.state() == LeafState.Revealed ? uint40(block.timestamp) : leaf.deadline();
        uint32 source = leaf.kinds() & EvidenceKind.TEE == 0 ? 0 : uint32(leaf.tag());
        _requireCompromised(claimId, claim.policyId, source, acceptedAt);
    }

    /// @dev Source zero vouches for nothing.
    function _requireCompromised(bytes32 id, bytes32 policyId, uint32 source, uint40 acceptedAt) private view {
        address checker = _evidenceOf(policyId, EvidenceKind.TEE);
        uint40 since = source == 0 ? 0 : IEvidence(checker).compromisedSince(source);
        if (since == 0 || acceptedAt < since) revert NotCompromised(id, source);
    }

    /// @dev Whether every kind of evidence that could answer has lost its means since the claim was served. A receipt
    /// forces its operator to commit. How early it says it was served counts for no more than a receipt's time to be
    /// committed.
    function _isFaulted(Claim calldata claim, uint40 committedAt) private view returns (bool) {
        uint256 since = uint256(committedAt) - Limits.HORIZON_SECONDS - Limits.COMMIT_GRACE_SECONDS;
        // A pause may have put the commit off by as much.
        if (_pause.until() > since) since -= Limits.MAX_PAUSE_SECONDS;
        if (claim.servedAt > since) since = claim.servedAt;
        uint8 kinds = EvidenceKind.shared(claim.modelId, claim.policyId);
        for (uint8 kind = EvidenceKind.ZK; kind <= EvidenceKind.QUORUM; kind <<= 1) {
            if (kinds & kind == 0) continue;
            if (IEvidence(_evidenceOf(claim.policyId, kind)).faultedAt(claim.modelId) < since) return false;
        }
        return true;
    }

    function _isGuardian() private view returns (bool) {
        (bool immediate, ) = IAccessManager(authority()).canCall(msg.sender, address(this), msg.sig);
        return immediate;
    }

    /* INTERNAL: DISPUTES */

    function _requireChallenged(
        bytes32 batchId,
        Claim calldata claim,
        uint256 index,
        address challenger
    ) private view returns (bytes32 claimId, bytes32 key, Leaf leaf) {
        claimId = _claimId(claim);
        (key, leaf) = _leafAt(batchId, index);
        if (leaf.state() != LeafState.Challenged) revert NotDisputedBy(batchId, index, challenger);
        _requireTag(batchId, index, leaf, claimId, challenger);
    }

    function _requireTag(bytes32 batchId, uint256 index, Leaf leaf, bytes32 claimId, address opener) private pure {
        if (leaf.tag() != LeafLib.tagOf(claimId, opener)) revert NotDisputedBy(batchId, index, opener);
    }

    function _requireDisputable(BatchWord batch, Leaf leaf, bytes32 claimId) private view {
        Status status = _status(batch, leaf);
        if (status != Status.Committed && status != Status.Attested) revert WrongStatus(claimId, status);
    }

    /// @dev A leaf is counted when it first may stand otherwise than its batch.
    function _touched(BatchWord batch, Leaf leaf) private pure returns (BatchWord) {
        return leaf.isPlain() ? batch.touch() : batch;
    }

    /// @dev The full window however late a dispute is opened, and more under load, up to a bound.
    function _disputeDeadline(BatchWord batch, DisputeTerms terms) private view returns (uint40) {
        // Counters have 20 bits, windows are bounded, and 40 bits of seconds last for 34,000 years.
        unchecked {
            uint40 loadSeconds = uint40(batch.disputed()) * Limits.LOAD_STEP_SECONDS;
            if (loadSeconds > Limits.MAX_LOAD_SECONDS) loadSeconds = Limits.MAX_LOAD_SECONDS;
            return uint40(block.timestamp) + terms.proveWindowSeconds() + loadSeconds;
        }
    }

    function _collectBond(DisputeTerms terms) private {
        _collect(_tokenOf(terms.tokenIndex()), terms.challengeBondWei());
    }

    function _creditBond(DisputeTerms terms, address account) private {
        _credit(account, _tokenOf(terms.tokenIndex()), terms.challengeBondWei());
    }

    function _requireBefore(uint40 deadline, bytes32 id) private view {
        if (block.timestamp >= deadline) revert TooLate(id, deadline);
    }

    function _requireAfter(uint40 deadline, bytes32 id) private view {
        if (block.timestamp < deadline) revert TooEarly(id, deadline);
    }

    struct Rejection {
        bytes32 batchId;
        bytes32 claimId;
        uint256 index;
        address operator;
        address requester;
        address rewarded;
    }

    /// @dev Whoever opened the dispute has its bond back, and its share.
    function _rejectUnanswered(
        Rejection memory rejection,
        BatchWord batch,
        bytes32 key,
        Leaf leaf,
        DisputeTerms terms
    ) private {
        _batches[rejection.batchId] = batch.closeDispute().reject();
        _leaves[key] = leaf.end(LeafState.Rejected);
        _slashAndSplit(rejection, terms, terms.challengeBondWei());
    }

    /// @dev For a claim that is, or could be, challenged. A challenger that was there first has its bond back.
    function _rejectDisputable(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        address challenger
    ) private returns (Rejection memory) {
        (bytes32 batchId, bytes32 claimId, BatchWord batch) = _requireMember(header, claim, index, proof);
        (bytes32 key, Leaf leaf) = _leafAt(batchId, index);
        if (leaf.state() == LeafState.Challenged) {
            _requireTag(batchId, index, leaf, claimId, challenger);
            _requireBefore(leaf.deadline(), claimId);
            batch = batch.closeDispute();
            _creditBond(_disputeTermsOf(header.policyId), challenger);
        } else {
            _requireDisputable(batch, leaf, claimId);
            batch = _touched(batch, leaf);
        }
        _batches[batchId] = batch.reject();
        _leaves[key] = leaf.end(LeafState.Rejected);
        return Rejection(batchId, claimId, index, claim.operator, claim.requester, address(0));
    }

    /// @dev `refundWei` goes to the rewarded on top of its share: the bond it put up.
    function _slashAndSplit(Rejection memory rejection, DisputeTerms terms, uint256 refundWei) private {
        address token = _tokenOf(terms.tokenIndex());
        _slash(rejection.operator, token, terms.claimBondWei());
        (uint256 rewardedWei, uint256 requesterWei, uint256 burnWei) = _creditShares(
            terms,
            token,
            terms.claimBondWei(),
            rejection.rewarded,
            rejection.requester,
            refundWei
        );
        emit ClaimRejected(
            rejection.batchId,
            rejection.claimId,
            rejection.operator,
            rejection.index,
            rejection.rewarded,
            rewardedWei,
            requesterWei,
            burnWei
        );
    }

    /// @dev The burnt share stays here: it is in nobody's account. So does a requester's share without a requester.
    function _creditShares(
        DisputeTerms terms,
        address token,
        uint256 amountWei,
        address rewarded,
        address requester,
        uint256 refundWei
    ) private returns (uint256 rewardedWei, uint256 requesterWei, uint256 burnWei) {
        (rewardedWei, requesterWei, burnWei) = terms.split(amountWei);
        if (requester == address(0)) {
            burnWei += requesterWei;
            requesterWei = 0;
        }
        _credit(rewarded, token, rewardedWei + refundWei);
        if (requesterWei != 0) _credit(requester, token, requesterWei);
    }

    function _requireOpening(
        BatchHeader calldata header,
        bytes32 batchId,
        uint256 index,
        Opening calldata opening
    ) private pure {
        bytes32 leaf = BatchLib.openingLeaf(index, opening.input, opening.salt, opening.output);
        if (
            opening.input.length + opening.output.length > Limits.MAX_OPENING_BYTES ||
            !PositionTree.verify(opening.proof, header.dataRoot, header.count, index, leaf)
        ) revert BadOpening(batchId, index);
    }

    /* INTERNAL: COMMIT */

    /// @dev Receipts given before the closing can still be kept.
    function _requireServedBefore(BatchHeader calldata header, uint40 closedAt, Pause pause) private view {
        if (header.oldestServedAt >= closedAt) revert BadServedAt(header.oldestServedAt);
        uint256 lastCommitAt = uint256(closedAt) + Limits.HORIZON_SECONDS + Limits.COMMIT_GRACE_SECONDS;
        if (block.timestamp > pause.excuse(lastCommitAt)) revert PolicyClosed(header.policyId, closedAt);
    }

    function _emitCommitted(bytes32 batchId, BatchHeader calldata header, uint40 finalAt_) private {
        emit BatchCommitted(
            batchId,
            header.operator,
            header.policyId,
            header.modelId,
            header.root,
            header.dataRoot,
            header.count,
            header.oldestServedAt,
            header.nonce,
            finalAt_
        );
    }

    function _isBondToken(address token) internal view override returns (bool) {
        return POLICIES.tokenIndexOf(token) != 0;
    }

    function _laterOf(uint40 a, uint40 b) private pure returns (uint40) {
        return a > b ? a : b;
    }
}
