// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {AuthorityUtils} from "@openzeppelin/contracts/access/manager/AuthorityUtils.sol";
import {Domain} from "./Domain.sol";
import {IBatchEvidence, IEvidence} from "./interfaces/IEvidence.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Limits} from "./Limits.sol";
import {Operators} from "./Operators.sol";
import {Policies} from "./Policies.sol";
import {Receipts} from "./Receipts.sol";
import {Setbacks} from "./Setbacks.sol";
import {BatchHeader, BatchLib, BatchWord, BatchWordLib} from "./types/Batch.sol";
import {Book, BookLib} from "./types/Book.sol";
import {Claim} from "./types/Claim.sol";
import {Leaf, LeafLib, LeafState} from "./types/Leaf.sol";
import {Pause, PauseLib} from "./types/Pause.sol";
import {AnswerTerms, CommitTerms, DisputeTerms} from "./types/Policy.sol";
import {PositionTree} from "./types/PositionTree.sol";
import {Standing} from "./types/Standing.sol";
import {EvidenceKind, EvidenceRule, Status} from "./types/Status.sol";

/// @title Settlement
/// @notice One word is stored per batch, and one per leaf that was disputed or proven. The status of every other claim
/// is derived from its batch's word and the clock.
/// @dev Evidence contracts are called with STATICCALL, ether leaves only when its owner pulls it, and a token is moved
/// after everything else is written. So no call made here can re-enter a function that changes state half way through.
/// What is out of the ordinary is in `Setbacks`, a library that is linked into this code.
contract Settlement is ISettlement, Operators, Policies, AccessManaged, Domain {
    /* IMMUTABLES */

    /// @inheritdoc ISettlement
    address public immutable RECEIPTS;

    /* STORAGE */

    Book private _book;

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
        if (_book.batches[batchId].exists()) revert BatchKnown(batchId);

        uint40 now_ = uint40(block.timestamp);
        uint40 finalAt_ = now_ + terms.challengeWindowSeconds();
        _book.batches[batchId] = BatchWordLib.create(now_, finalAt_, terms.rule());
        _lock(header.operator, _tokenOf(terms.tokenIndex()), uint256(header.count) * terms.claimBondWei());

        _emitCommitted(batchId, header, finalAt_);
    }

    /// @inheritdoc ISettlement
    function release(BatchHeader[] calldata headers) external {
        for (uint256 i = 0; i < headers.length; ++i) {
            BatchHeader calldata header = headers[i];
            (bytes32 batchId, BatchWord batch) = _requireBatch(header);
            if (batch.released()) continue;
            uint40 freeAt = Standing.laterOf(batch.finalAt(), batch.heldUntil());
            if (block.timestamp < freeAt || batch.disputed() != 0) {
                revert BatchOpen(batchId, freeAt, batch.disputed());
            }

            // The bonds of rejected claims left the stake when they were slashed.
            CommitTerms terms = _commitTermsOf(header.policyId);
            uint256 unlockedWei = uint256(header.count - batch.rejected()) * terms.claimBondWei();
            _book.batches[batchId] = batch.release();
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
        _book.batches[batchId] = batch.attest(uint40(block.timestamp), source).withFinalAt(finalAt_);
        emit BatchAttested(batchId, finalAt_, source);
    }

    /// @inheritdoc ISettlement
    function reopenBatch(BatchHeader calldata header) external {
        (bytes32 batchId, ) = _requireOpenBatch(header);
        Setbacks.reopenBatch(_book, _terms, batchId, header.policyId);
    }

    /// @inheritdoc ISettlement
    function reopenClaim(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        uint8 kind
    ) external {
        (bytes32 batchId, bytes32 claimId, ) = _requireMember(header, claim, index, proof);
        Setbacks.reopenClaim(_book, _terms, batchId, claimId, index, claim.modelId, claim.policyId, kind);
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
        (bytes32 key, Leaf leaf) = _book.leafAt(batchId, index);
        Standing.requireDisputable(batch, leaf, claimId);
        if (leaf.isIn(LeafState.Answered)) revert AlreadyChallenged(claimId);

        DisputeTerms terms = _disputeTermsOf(header.policyId);
        uint40 proveBy = Standing.disputeDeadline(batch, terms);
        _book.batches[batchId] = Standing.touched(batch, leaf).openDispute();
        _book.leaves[key] = leaf.enter(LeafState.Challenged, proveBy, LeafLib.tagOf(claimId, msg.sender));
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
        Standing.requireBefore(leaf.deadline(), claimId);
        // The policy id carries the kinds that may answer: no storage read.
        if (uint256(claim.policyId) & kind == 0) revert EvidenceKindNotAccepted(claim.policyId, kind);

        AnswerTerms terms = _answerTermsOf(claim.policyId, kind);
        uint32 source = _requireEvidence(terms.evidence(), claim, claimId, kind, beneficiary, evidence);
        _book.batches[batchId] = _book.batches[batchId].closeDispute();
        _book.leaves[key] = leaf.withKinds(leaf.kinds() | kind).enter(
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
        Standing.requireAfter(leaf.deadline(), claimId);

        _rejectUnanswered(
            Rejection(batchId, claimId, index, claim.operator, claim.requester, challenger),
            _book.batches[batchId],
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
        Standing.requireBefore(leaf.deadline(), claimId);
        BatchWord batch = _book.batches[batchId];
        // The guardian first: nothing that an evidence contract does can stop it.
        if (!_isGuardian()) {
            _requireSender(claim.operator, claim.policyId);
            if (!_isFaulted(claim, batch)) revert NotFaulted(claimId);
        }

        _book.batches[batchId] = batch.closeDispute();
        _book.leaves[key] = leaf.end(LeafState.Voided);
        _creditBond(_disputeTermsOf(claim.policyId), challenger);
        emit ClaimVoided(batchId, claimId, challenger, index);
    }

    /* DEMANDS */

    /// @inheritdoc ISettlement
    function demandReveal(BatchHeader calldata header, uint256 index) external payable {
        (bytes32 batchId, ) = _requireBatch(header);
        if (index >= header.count) revert ClaimNotInBatch(batchId, 0, index);
        Setbacks.demandReveal(_book, _terms, batchId, header.policyId, index);
        _collectBond(_disputeTermsOf(header.policyId));
    }

    /// @inheritdoc ISettlement
    function reveal(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        Opening calldata opening
    ) external {
        (bytes32 batchId, bytes32 claimId, ) = _requireMember(header, claim, index, proof);
        (uint40 challengeableUntil, bool demanded) = Setbacks.reveal(
            _book,
            _terms,
            batchId,
            claimId,
            header,
            index,
            opening
        );
        if (demanded) _creditBond(_disputeTermsOf(header.policyId), header.operator);
        // Encoding from memory is code that evidence needs anyway.
        Claim memory shown = claim;
        emit ClaimRevealed(batchId, claimId, index, shown, proof, opening, challengeableUntil);
    }

    /// @inheritdoc ISettlement
    function resolveDemand(BatchHeader calldata header, uint256 index, address demander) external {
        (bytes32 batchId, BatchWord batch) = _requireBatch(header);
        (bytes32 key, Leaf leaf) = _book.leafAt(batchId, index);
        if (!leaf.isIn(LeafState.Demanded) || leaf.tag() != LeafLib.demandTagOf(demander, leaf.tag())) {
            revert NotDisputedBy(batchId, index, demander);
        }
        Standing.requireAfter(leaf.deadline(), batchId);

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
        bytes32 claimId = _requireAtLeast(header, claim, index, proof, Status.Final);
        if (claim.outputHash == bytes32(type(uint256).max)) revert Unrecordable(claimId);
        _records[claimId] = ~claim.outputHash;
        emit OutputRecorded(claimId, claim.outputHash);
    }

    /* GOVERNANCE */

    /// @inheritdoc ISettlement
    function pauseCommits(uint40 until) external restricted {
        if (
            until <= block.timestamp ||
            until > block.timestamp + Limits.MAX_PAUSE_SECONDS ||
            block.timestamp < uint256(_pause.until()) + Limits.PAUSE_COOLDOWN_SECONDS
        ) revert BadPause(until);
        _pause = PauseLib.create(uint40(block.timestamp), until);
        emit CommitsPaused(until);
    }

    /// @inheritdoc ISettlement
    function resumeCommits() external restricted {
        uint40 now_ = uint40(block.timestamp);
        Pause pause = _pause;
        if (now_ >= pause.until()) revert BadPause(now_);
        _pause = PauseLib.create(pause.from(), now_);
        emit CommitsResumed();
    }

    /// @inheritdoc ISettlement
    function closePolicy(bytes32 policyId) external restricted {
        _closePolicy(policyId);
    }

    /// @inheritdoc ISettlement
    function lengthenChallengeWindow(BatchHeader calldata header, uint40 finalAt_) external restricted {
        (bytes32 batchId, ) = _requireOpenBatch(header);
        Setbacks.lengthenChallengeWindow(_book, _terms, batchId, header.policyId, finalAt_);
    }

    /// @inheritdoc ISettlement
    function lengthenDeadline(BatchHeader calldata header, uint256 index, uint40 deadline) external restricted {
        (bytes32 batchId, ) = _requireBatch(header);
        Setbacks.lengthenDeadline(_book, _terms, batchId, header.policyId, index, deadline);
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
        _requireAtLeast(header, claim, index, proof, atLeast);
    }

    /// @inheritdoc ISettlement
    function inclusionOf(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external view returns (uint40 committedAt) {
        BatchWord batch = _book.batches[_batchId(header)];
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
        return _book.batches[batchId].finalAt();
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
        BatchWord batch = _book.batches[batchId];
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
        Leaf leaf = _book.leaves[BookLib.leafKey(batchId, index)];
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

    function _requireBatch(BatchHeader calldata header) private view returns (bytes32 batchId, BatchWord batch) {
        batchId = _batchId(header);
        batch = _book.batches[batchId];
        if (!batch.exists()) revert BatchUnknown(batchId);
    }

    function _requireOpenBatch(BatchHeader calldata header) private view returns (bytes32 batchId, BatchWord batch) {
        (batchId, batch) = _requireBatch(header);
        if (block.timestamp >= batch.finalAt()) revert BatchFinal(batchId, batch.finalAt());
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
        BatchWord batch = _book.batches[batchId];
        claimId = _claimId(claim);
        if (!batch.exists() || !_isMember(header, batch, claim, claimId, index, proof)) {
            return (Status.Unknown, claimId);
        }

        // No leaf of this batch has a word of its own: spare the read.
        Leaf leaf = batch.touched() == 0 ? Leaf.wrap(0) : _book.leaves[BookLib.leafKey(batchId, index)];
        return (Standing.statusOf(batch, leaf), claimId);
    }

    function _requireAtLeast(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof,
        Status atLeast
    ) private view returns (bytes32 claimId) {
        Status status;
        (status, claimId) = _statusOf(header, claim, index, proof);
        if (status < atLeast || status > Status.Final) revert StatusTooLow(claimId, status, atLeast);
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
        (bytes32 key, Leaf leaf) = _book.leafAt(batchId, index);
        Standing.requireStatus(batch, leaf, claimId, Status.Committed, Status.Proven);
        if (leaf.kinds() & kind != 0) revert EvidenceKnown(claimId, kind);

        _book.batches[batchId] = Standing.touched(batch, leaf);
        _book.leaves[key] = _withEvidence(leaf, batch.rule(), kind, source);
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

    /// @dev An attestation brings the end of the challenge window nearer, never further away.
    function _finalAtOnceAttested(BatchWord batch, bytes32 policyId) private view returns (uint40) {
        EvidenceRule rule = batch.rule();
        if (EvidenceKind.closes(rule, EvidenceKind.TEE)) return uint40(block.timestamp);
        if (rule != EvidenceRule.TeeThenWindow) return batch.finalAt();

        uint40 shortened = uint40(block.timestamp) + _commitTermsOf(policyId).attestedWindowSeconds();
        return shortened < batch.finalAt() ? shortened : batch.finalAt();
    }

    function _isFaulted(Claim calldata claim, BatchWord batch) private view returns (bool) {
        return
            Setbacks.isFaulted(
                _terms,
                claim.modelId,
                claim.policyId,
                claim.servedAt,
                batch.committedAt(),
                _pause.until()
            );
    }

    function _isGuardian() private view returns (bool) {
        (bool immediate, ) = AuthorityUtils.canCallWithDelay(authority(), msg.sender, address(this), msg.sig);
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
        (key, leaf) = _book.leafAt(batchId, index);
        _requireChallenger(batchId, index, leaf, claimId, challenger);
    }

    function _requireChallenger(
        bytes32 batchId,
        uint256 index,
        Leaf leaf,
        bytes32 claimId,
        address challenger
    ) private pure {
        if (!leaf.isIn(LeafState.Challenged) || leaf.tag() != LeafLib.tagOf(claimId, challenger)) {
            revert NotDisputedBy(batchId, index, challenger);
        }
    }

    function _collectBond(DisputeTerms terms) private {
        _collect(_tokenOf(terms.tokenIndex()), terms.challengeBondWei());
    }

    function _creditBond(DisputeTerms terms, address account) private {
        _credit(account, _tokenOf(terms.tokenIndex()), terms.challengeBondWei());
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
        _book.batches[rejection.batchId] = batch.closeDispute().reject();
        _book.leaves[key] = leaf.end(LeafState.Rejected);
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
        (bytes32 key, Leaf leaf) = _book.leafAt(batchId, index);
        if (leaf.isIn(LeafState.Challenged)) {
            _requireChallenger(batchId, index, leaf, claimId, challenger);
            Standing.requireBefore(leaf.deadline(), claimId);
            batch = batch.closeDispute();
            _creditBond(_disputeTermsOf(header.policyId), challenger);
        } else {
            Standing.requireDisputable(batch, leaf, claimId);
            batch = Standing.touched(batch, leaf);
        }
        _book.batches[batchId] = batch.reject();
        _book.leaves[key] = leaf.end(LeafState.Rejected);
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
}
