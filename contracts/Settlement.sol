// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IBatchEvidence, IEvidence} from "./interfaces/IEvidence.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Limits} from "./Limits.sol";
import {Operators} from "./Operators.sol";
import {BatchHeader, BatchLib, BatchWord, BatchWordLib} from "./types/Batch.sol";
import {Claim, ClaimWord} from "./types/Claim.sol";
import {CommitTerms, DisputeTerms} from "./types/Policy.sol";
import {PositionTree} from "./types/PositionTree.sol";
import {EvidenceKind, EvidenceRule, Status} from "./types/Status.sol";

/// @title Settlement
/// @notice One word is stored per batch, and one per claim that was challenged or proven. The status of every other
/// claim is derived from its batch's word and the clock.
/// @dev Evidence contracts are called with STATICCALL and money is only ever pulled, so no call made here can re-enter
/// a function that changes state half way through.
contract Settlement is ISettlement, Operators, EIP712 {
    /* IMMUTABLES */

    /// @notice Where the policies are.
    IPolicyRegistry public immutable POLICIES;

    /* STORAGE */

    mapping(bytes32 batchId => BatchWord) private _batches;

    /// @dev Keyed by batch, index and claim id. A word that is not zero proves that the claim is at this index of this
    /// batch: it was written after the Merkle proof was checked, so `answer` and `resolve` need no proof.
    mapping(bytes32 key => ClaimWord) private _claims;

    constructor(IPolicyRegistry policies) EIP712("Meantime", "1") {
        if (address(policies) == address(0)) revert ZeroArgument();
        POLICIES = policies;
    }

    /* COMMIT AND RELEASE */

    /// @inheritdoc ISettlement
    function commit(BatchHeader calldata header) external {
        _requireSender(header.operator);
        if (header.count == 0 || header.count > Limits.MAX_BATCH_COUNT) {
            revert BadCount(header.count, Limits.MAX_BATCH_COUNT);
        }
        if (header.oldestServedAt > block.timestamp) revert ServedInFuture(header.oldestServedAt);

        CommitTerms terms = POLICIES.commitTermsOf(header.policyId);
        if (!terms.isRegistered() || terms.retiredAt() != 0) revert PolicyNotOpen(header.policyId);

        bytes32 batchId = _batchId(header);
        if (_batches[batchId].exists()) revert BatchKnown(batchId);

        uint40 now_ = uint40(block.timestamp);
        uint40 finalAt_ = now_ + terms.challengeWindowSeconds();
        _batches[batchId] = BatchWordLib.create(now_, finalAt_, terms.rule());
        _lock(header.operator, uint256(header.count) * terms.claimBondWei());

        _emitCommitted(batchId, header, finalAt_);
    }

    /// @inheritdoc ISettlement
    function release(BatchHeader[] calldata headers) external {
        for (uint256 i = 0; i < headers.length; ++i) {
            BatchHeader calldata header = headers[i];
            (bytes32 batchId, BatchWord batch) = _requireBatch(header);
            if (batch.released()) revert BatchAlreadyReleased(batchId);
            if (block.timestamp < batch.finalAt() || batch.challenged() != 0) {
                revert BatchOpen(batchId, batch.finalAt(), batch.challenged());
            }

            // The bonds of rejected claims left the stake when they were slashed.
            uint256 survivors = header.count - batch.rejected();
            uint256 unlockedWei = survivors * POLICIES.commitTermsOf(header.policyId).claimBondWei();
            _batches[batchId] = batch.release();
            _unlock(header.operator, unlockedWei);
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
        _requireEvidence(claim, claimId, kind, beneficiary, evidence);
        _acceptUnprompted(batch, batchId, index, claimId, kind);
        emit EvidenceAccepted(batchId, claimId, beneficiary, index, kind);
    }

    /// @inheritdoc ISettlement
    function attestBatch(BatchHeader calldata header, bytes calldata evidence) external {
        (bytes32 batchId, BatchWord batch) = _requireBatch(header);
        if (header.modelId == 0) revert MixedBatch(batchId);
        if (batch.attestedAt() != 0) revert EvidenceKnown(batchId, EvidenceKind.TEE);
        if (block.timestamp >= batch.finalAt()) revert BatchFinal(batchId, batch.finalAt());

        address checker = POLICIES.evidenceOf(header.policyId, EvidenceKind.TEE);
        if (checker == address(0)) revert EvidenceKindNotAccepted(header.policyId, EvidenceKind.TEE);
        if (IBatchEvidence(checker).checkBatch(header, batchId, evidence) != IBatchEvidence.checkBatch.selector)
            revert EvidenceRejected(EvidenceKind.TEE);

        uint40 finalAt_ = _finalAtOnceAttested(batch, header.policyId);
        _batches[batchId] = batch.attest(uint40(block.timestamp), finalAt_);
        emit BatchAttested(batchId, finalAt_);
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
        bytes32 key = _claimKey(batchId, index, claimId);
        ClaimWord word = _claims[key];
        if (word.challenger() != address(0)) revert AlreadyChallenged(claimId);
        Status status = _status(batch, word);
        if (status != Status.Committed && status != Status.Attested) revert WrongStatus(claimId, status);

        DisputeTerms terms = POLICIES.disputeTermsOf(header.policyId);
        if (msg.value != terms.challengeBondWei()) {
            revert WrongChallengeBond(msg.value, terms.challengeBondWei());
        }

        uint40 proveBy = uint40(block.timestamp) + terms.proveWindowSeconds();
        _batches[batchId] = (word.isZero() ? batch.touch() : batch).openChallenge();
        _claims[key] = word.challenge(msg.sender, proveBy);
        emit ClaimChallenged(batchId, claimId, msg.sender, index, proveBy);
    }

    /// @inheritdoc ISettlement
    function answer(
        bytes32 batchId,
        Claim calldata claim,
        uint256 index,
        uint8 kind,
        address beneficiary,
        bytes calldata evidence
    ) external {
        (bytes32 claimId, bytes32 key, ClaimWord word) = _requireChallenged(batchId, claim, index);
        if (block.timestamp >= word.proveBy()) revert AnswerTooLate(claimId, word.proveBy());
        // The policy id carries the kinds that may answer: no storage read.
        if (uint256(claim.policyId) & kind == 0) revert EvidenceKindNotAccepted(claim.policyId, kind);

        _requireEvidence(claim, claimId, kind, beneficiary, evidence);
        _batches[batchId] = _batches[batchId].closeChallenge();
        _claims[key] = word.withStatus(Status.Unknown).withKind(kind);
        _credit(beneficiary, POLICIES.disputeTermsOf(claim.policyId).challengeBondWei());
        emit EvidenceAccepted(batchId, claimId, beneficiary, index, kind);
    }

    /// @inheritdoc ISettlement
    function resolve(bytes32 batchId, Claim calldata claim, uint256 index) external {
        (bytes32 claimId, bytes32 key, ClaimWord word) = _requireChallenged(batchId, claim, index);
        if (block.timestamp < word.proveBy()) revert ResolveTooEarly(claimId, word.proveBy());

        DisputeTerms terms = POLICIES.disputeTermsOf(claim.policyId);
        (uint256 challengerWei, uint256 requesterWei, uint256 burnWei) = terms.split();
        if (claim.requester == address(0)) {
            burnWei += requesterWei;
            requesterWei = 0;
        }

        _batches[batchId] = _batches[batchId].closeChallenge().reject();
        _claims[key] = word.withStatus(Status.Rejected);
        _slash(claim.operator, terms.claimBondWei());
        _credit(word.challenger(), terms.challengeBondWei() + challengerWei);
        if (requesterWei != 0) _credit(claim.requester, requesterWei);
        // The burnt share stays here: it is in nobody's account.
        emit ClaimRejected(batchId, claimId, claim.operator, index, challengerWei, requesterWei, burnWei);
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
        (Status status, bytes32 claimId) = _statusOf(header, claim, index, proof);
        if (status < atLeast || status > Status.Final) revert StatusTooLow(claimId, status, atLeast);
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
            uint40 finalAt_,
            uint32 touched,
            uint32 challenged,
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
            batch.touched(),
            batch.challenged(),
            batch.rejected(),
            batch.released(),
            batch.rule()
        );
    }

    /// @inheritdoc ISettlement
    function claimOf(
        bytes32 batchId,
        uint256 index,
        bytes32 claimId
    ) external view returns (Status status, address challenger, uint40 proveBy, uint8 kinds) {
        ClaimWord word = _claims[_claimKey(batchId, index, claimId)];
        return (word.status(), word.challenger(), word.proveBy(), word.kinds());
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
        return _hashTypedDataV4(header.structHash());
    }

    function _claimId(Claim calldata claim) private view returns (bytes32) {
        return _hashTypedDataV4(claim.structHash());
    }

    function _claimKey(bytes32 batchId, uint256 index, bytes32 claimId) private pure returns (bytes32) {
        return keccak256(abi.encode(batchId, index, claimId));
    }

    function _requireBatch(BatchHeader calldata header) private view returns (bytes32 batchId, BatchWord batch) {
        batchId = _batchId(header);
        batch = _batches[batchId];
        if (!batch.exists()) revert BatchUnknown(batchId);
    }

    function _requireMember(
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) private view returns (bytes32 batchId, bytes32 claimId, BatchWord batch) {
        (batchId, batch) = _requireBatch(header);
        claimId = _claimId(claim);
        if (!_isMember(header, claim, claimId, index, proof)) revert ClaimNotInBatch(batchId, claimId, index);
        if (EvidenceKind.shared(claim.modelId, claim.policyId) == 0) {
            revert ClaimNotAnswerable(claim.modelId, claim.policyId);
        }
    }

    /// @dev A leaf whose claim contradicts its header is in no batch: nothing can be done with it, and it never becomes
    /// final.
    function _isMember(
        BatchHeader calldata header,
        Claim calldata claim,
        bytes32 claimId,
        uint256 index,
        bytes32[] calldata proof
    ) private pure returns (bool) {
        return
            claim.operator == header.operator &&
            claim.policyId == header.policyId &&
            (header.modelId == 0 || claim.modelId == header.modelId) &&
            claim.servedAt >= header.oldestServedAt &&
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
        if (
            !batch.exists() ||
            EvidenceKind.shared(claim.modelId, claim.policyId) == 0 ||
            !_isMember(header, claim, claimId, index, proof)
        ) return (Status.Unknown, claimId);

        // No claim of this batch has a word of its own: spare the read.
        ClaimWord word = batch.touched() == 0 ? ClaimWord.wrap(0) : _claims[_claimKey(batchId, index, claimId)];
        return (_status(batch, word), claimId);
    }

    /// @custom:invariant A claim's status only climbs, but for Committed or Attested -> Challenged -> a step at least
    /// as high as before, or Rejected.
    function _status(BatchWord batch, ClaimWord word) private view returns (Status) {
        Status stored = word.status();
        if (stored != Status.Unknown) return stored;
        if (block.timestamp >= batch.finalAt()) return Status.Final;

        uint8 kinds = word.kinds();
        if (batch.attestedAt() != 0) kinds |= EvidenceKind.TEE;
        if (EvidenceKind.closes(batch.rule(), kinds)) return Status.Final;
        if (kinds & EvidenceKind.ZK != 0) return Status.Proven;
        if (kinds & EvidenceKind.TEE != 0) return Status.Attested;
        return Status.Committed;
    }

    /* INTERNAL: DISPUTES */

    function _requireChallenged(
        bytes32 batchId,
        Claim calldata claim,
        uint256 index
    ) private view returns (bytes32 claimId, bytes32 key, ClaimWord word) {
        claimId = _claimId(claim);
        key = _claimKey(batchId, index, claimId);
        word = _claims[key];
        if (word.status() != Status.Challenged) revert WrongStatus(claimId, word.status());
    }

    /// @dev Passes only on the magic value; see `IEvidence`. `kind` may be any number: a policy has contracts for the
    /// known kinds alone.
    function _requireEvidence(
        Claim calldata claim,
        bytes32 claimId,
        uint8 kind,
        address beneficiary,
        bytes calldata evidence
    ) private view {
        address checker = POLICIES.evidenceOf(claim.policyId, kind);
        if (checker == address(0)) revert EvidenceKindNotAccepted(claim.policyId, kind);
        if (beneficiary == address(0)) revert ZeroArgument();
        if (IEvidence(checker).check(claim, claimId, beneficiary, evidence) != IEvidence.check.selector) {
            revert EvidenceRejected(kind);
        }
    }

    function _acceptUnprompted(BatchWord batch, bytes32 batchId, uint256 index, bytes32 claimId, uint8 kind) private {
        bytes32 key = _claimKey(batchId, index, claimId);
        ClaimWord word = _claims[key];
        Status status = _status(batch, word);
        if (status < Status.Committed || status > Status.Proven) revert WrongStatus(claimId, status);
        if (word.kinds() & kind != 0) revert EvidenceKnown(claimId, kind);

        if (word.isZero()) _batches[batchId] = batch.touch();
        _claims[key] = word.withKind(kind);
    }

    /// @dev An attestation brings the end of the challenge window nearer, never further away.
    function _finalAtOnceAttested(BatchWord batch, bytes32 policyId) private view returns (uint40) {
        EvidenceRule rule = batch.rule();
        if (rule == EvidenceRule.Tee || rule == EvidenceRule.TeeOrZk) return uint40(block.timestamp);
        if (rule != EvidenceRule.TeeThenWindow) return batch.finalAt();

        uint40 shortened = uint40(block.timestamp) + POLICIES.commitTermsOf(policyId).attestedWindowSeconds();
        return shortened < batch.finalAt() ? shortened : batch.finalAt();
    }

    /* INTERNAL: EVENTS */

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
}
