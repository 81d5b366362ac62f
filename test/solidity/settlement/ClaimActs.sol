// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {IOperators} from "../../../contracts/interfaces/IOperators.sol";
import {BatchHeader, BatchLib} from "../../../contracts/types/Batch.sol";
import {Claim} from "../../../contracts/types/Claim.sol";
import {LeafState} from "../../../contracts/types/Leaf.sol";
import {Policy} from "../../../contracts/types/Policy.sol";
import {EvidenceKind, EvidenceRule, Status} from "../../../contracts/types/Status.sol";
import {Trees} from "../Trees.sol";
import {requireEqual, requireTrue, vm} from "../Vm.sol";
import {truthOf} from "./TruthEvidence.sol";
import {Batch, Life, Receipt, Ref, World} from "./World.sol";

/// @notice Everything that happens to batches and claims. An act looks for somewhere to happen; where there is none it
/// says false, where there is one it must succeed.
abstract contract ClaimActs is World {
    uint256 private constant MAX_LIVE = 20;
    uint256 private constant MAX_CLAIMS = 5;

    /* COMMIT AND RELEASE */

    function _actCommit() internal returns (bool) {
        if (live.length >= MAX_LIVE) return false;
        return _commit(_below(OPERATORS), _below(policies.length));
    }

    /// @dev Commits what the operator has promised under the policy, and a few claims that nobody has a receipt for.
    function _commit(uint256 operator, uint256 policy) internal returns (bool) {
        (, uint40 pausedUntil) = SETTLEMENT.pauseOf();
        if (block.timestamp < pausedUntil) return false;
        bool isClosed = SETTLEMENT.closedAtOf(policyIds[policy]) != 0;
        Batch storage batch = batches.push();
        uint256 id = batches.length - 1;
        (batch.operator, batch.policy, batch.isTrue) = (operator, policy, true);
        _addPromised(id, isClosed);
        uint256 fresh = isClosed ? 0 : 1 + _below(MAX_CLAIMS);
        uint256 model = _chance(75) ? _below(MODELS) : MODELS;
        while (batch.claims.length < MAX_CLAIMS && fresh > 0) {
            _addFresh(batch, model);
            fresh -= 1;
        }
        if (batch.claims.length == 0 || !_covers(batch)) {
            _forget(batch);
            batches.pop();
            return false;
        }
        _fillHeader(batch);
        _sendCommit(batch);
        live.push(id);
        return true;
    }

    function _actRelease() internal returns (bool) {
        BatchHeader[] memory headers = new BatchHeader[](3);
        uint256 count = 0;
        uint256 from = _below(1 + live.length);
        for (uint256 n = 0; n < live.length && count < 2; ++n) {
            uint256 id = live[(from + n) % live.length];
            if (!_isReleasable(batches[id])) continue;
            headers[count++] = batches[id].header;
            batches[id].isReleased = true;
        }
        if (count == 0) return false;
        // Naming one twice changes nothing.
        headers[count] = headers[0];
        BatchHeader[] memory cut = new BatchHeader[](count + 1);
        for (uint256 i = 0; i <= count; ++i) cut[i] = headers[i];
        vm.prank(_anybody());
        SETTLEMENT.release(cut);
        for (uint256 i = live.length; i > 0; --i) {
            if (!batches[live[i - 1]].isReleased) continue;
            _observeBatch(live[i - 1]);
            live[i - 1] = live[live.length - 1];
            live.pop();
        }
        return true;
    }

    /* EVIDENCE */

    function _actProve() internal returns (bool) {
        for (uint256 tries = 0; tries < 20; ++tries) {
            uint8 kind = _chance(60) ? EvidenceKind.TEE : uint8(1 << _below(3));
            (bool found, Ref memory ref) = _anyClaim();
            if (!found) return false;
            Status status = _statusOf(ref);
            (, uint8 kinds, , ) = _leafOf(ref);
            (bool exists, uint32 source) = _sourceFor(ref, kind);
            if (status < Status.Committed || status > Status.Proven || kinds & kind != 0 || !exists) continue;
            _observe(ref);
            _prove(ref, kind, source);
            _observe(ref);
            return true;
        }
        return false;
    }

    function _actAttestBatch() internal returns (bool) {
        for (uint256 n = 0; n < 8; ++n) {
            if (live.length == 0) return false;
            Batch storage batch = batches[live[_below(live.length)]];
            (, uint40 attestedAt, uint40 finalAt, , , , , , , ) = SETTLEMENT.batchOf(batch.id);
            bool isSuitable = block.timestamp < finalAt && attestedAt == 0 && batch.header.modelId != 0;
            bool isForged = !batch.isTrue;
            if (!isSuitable || TEE.isBroken(batch.header.modelId)) continue;
            if (isForged && (_isHonest(batch.operator) || TEE.isRevoked(ROGUE))) continue;
            uint32 source = isForged ? ROGUE : teeSource;
            TEE.signBatch(batch.id, source);
            _once(
                _anybody(),
                address(SETTLEMENT),
                abi.encodeCall(SETTLEMENT.attestBatch, (batch.header, abi.encode(source)))
            );
            return true;
        }
        return false;
    }

    function _actReopenBatch() internal returns (bool) {
        for (uint256 n = 0; n < live.length; ++n) {
            Batch storage batch = batches[live[n]];
            (, uint40 attestedAt, uint40 finalAt, , uint32 source, uint32 touched, , , , ) = SETTLEMENT.batchOf(
                batch.id
            );
            uint40 since = source == 0 ? 0 : TEE.compromisedSince(source);
            if (block.timestamp >= finalAt || since == 0 || attestedAt < since) continue;
            // Some claim may be final by this attestation and a proof.
            if (touched != 0 && _policyOf(batch).rule == EvidenceRule.TeeAndZk) {
                _mustFail(address(this), address(SETTLEMENT), abi.encodeCall(SETTLEMENT.reopenBatch, (batch.header)));
                continue;
            }
            _observeBatch(live[n]);
            _once(_anybody(), address(SETTLEMENT), abi.encodeCall(SETTLEMENT.reopenBatch, (batch.header)));
            batch.reopenings += 1;
            _observeBatch(live[n]);
            return true;
        }
        return false;
    }

    function _actReopenClaim() internal returns (bool) {
        (bool found, Ref memory ref) = _findClaim(_isReopenable);
        if (!found) return false;
        Batch storage batch = batches[ref.batch];
        Claim memory claim = batch.claims[ref.index];
        bytes32[] memory proof = _proof(ref);
        _observe(ref);
        vm.prank(_anybody());
        SETTLEMENT.reopenClaim(batch.header, claim, ref.index, proof, EvidenceKind.TEE);
        _life(ref).reopenings += 1;
        _observe(ref);
        return true;
    }

    /* CHALLENGES */

    function _actChallenge() internal returns (bool) {
        (bool found, Ref memory ref) = _findClaim(_isChallengeable);
        if (!found) return false;
        Batch storage batch = batches[ref.batch];
        Policy storage policy = _policyOf(batch);
        address challenger = _stranger();
        _fund(challenger, policy.bondToken, address(SETTLEMENT), policy.challengeBondWei);
        bytes32[] memory proof = _proof(ref);
        uint256 valueWei = _valueOf(policy.bondToken, policy.challengeBondWei);
        vm.prank(challenger);
        SETTLEMENT.challenge{value: valueWei}(batch.header, batch.claims[ref.index], ref.index, proof);
        Life storage life = _life(ref);
        life.challenges += 1;
        requireTrue(life.challenges <= 1 + life.reopenings, "I-05 challenged twice");
        _opened(ref, challenger);
        return true;
    }

    function _actAnswer() internal returns (bool) {
        (bool found, Ref memory ref) = _findDispute(LeafState.Challenged, true);
        if (!found) return false;
        return _answer(ref);
    }

    function _answer(Ref memory ref) internal returns (bool) {
        uint256 first = _below(3);
        for (uint256 n = 0; n < 3; ++n) {
            uint8 kind = uint8(1 << ((first + n) % 3));
            (bool exists, uint32 source) = _sourceFor(ref, kind);
            if (!exists || _policyOf(batches[ref.batch]).answerKinds & kind == 0) continue;
            address beneficiary = _anybody();
            _once(_anybody(), address(SETTLEMENT), _answerCall(ref, kind, beneficiary, source));
            _closed(ref);
            _expectBond(ref, beneficiary);
            return true;
        }
        return false;
    }

    function _answerCall(
        Ref memory ref,
        uint8 kind,
        address beneficiary,
        uint32 source
    ) private view returns (bytes memory) {
        Batch storage batch = batches[ref.batch];
        Claim memory claim = batch.claims[ref.index];
        address opener = batch.lives[ref.index].opener;
        bytes memory evidence = abi.encode(beneficiary, source);
        return abi.encodeCall(SETTLEMENT.answer, (batch.id, claim, ref.index, opener, kind, beneficiary, evidence));
    }

    /// @dev The challenge bond goes to the account.
    function _expectBond(Ref memory ref, address account) private {
        Policy storage policy = _policyOf(batches[ref.batch]);
        _expectCredit(address(SETTLEMENT), account, policy.bondToken, policy.challengeBondWei);
    }

    function _actResolve() internal returns (bool) {
        (bool found, Ref memory ref) = _findDispute(LeafState.Challenged, false);
        if (!found) return false;
        Batch storage batch = batches[ref.batch];
        Claim storage claim = batch.claims[ref.index];
        address challenger = _life(ref).opener;
        _once(
            _anybody(),
            address(SETTLEMENT),
            abi.encodeCall(SETTLEMENT.resolve, (batch.id, claim, ref.index, challenger))
        );
        _closed(ref);
        _rejected(ref, challenger, claim.requester, _policyOf(batch).challengeBondWei);
        return true;
    }

    function _actDisprove() internal returns (bool) {
        (bool found, Ref memory ref) = _findClaim(_isDisprovable);
        if (!found) return false;
        (LeafState state, , , ) = _leafOf(ref);
        address challenger = _life(ref).opener;
        address beneficiary = _anybody();
        _once(_anybody(), address(SETTLEMENT), _disproveCall(ref, beneficiary));
        if (state == LeafState.Challenged) {
            _closed(ref);
            _expectBond(ref, challenger);
        }
        _rejected(ref, beneficiary, batches[ref.batch].claims[ref.index].requester, 0);
        return true;
    }

    function _disproveCall(Ref memory ref, address beneficiary) private view returns (bytes memory) {
        Batch storage batch = batches[ref.batch];
        Claim memory claim = batch.claims[ref.index];
        bytes32[] memory proof = _proof(ref);
        address challenger = batch.lives[ref.index].opener;
        bytes32 truth = truthOf(claim.modelId, claim.inputHash);
        bytes memory evidence = abi.encode(beneficiary, 0);
        return
            abi.encodeCall(
                SETTLEMENT.disprove,
                (batch.header, claim, ref.index, proof, challenger, truth, beneficiary, evidence)
            );
    }

    function _actVoidFaulted() internal returns (bool) {
        for (uint256 i = 0; i < disputes.length; ++i) {
            (LeafState state, , uint40 deadline, ) = _leafOf(disputes[i]);
            bool isOpen = state == LeafState.Challenged && block.timestamp < deadline;
            if (!isOpen || !_isFaulted(disputes[i])) continue;
            uint256 operator = batches[disputes[i].batch].operator;
            _void(disputes[i], actors[operator]);
            return true;
        }
        return false;
    }

    function _actVoidByGuardian() internal returns (bool) {
        (bool found, Ref memory ref) = _findDispute(LeafState.Challenged, true);
        if (!found) return false;
        _void(ref, address(this));
        return true;
    }

    function _void(Ref memory ref, address caller) internal {
        Batch storage batch = batches[ref.batch];
        Policy storage policy = _policyOf(batch);
        address challenger = _life(ref).opener;
        Claim memory claim = batch.claims[ref.index];
        _once(
            caller,
            address(SETTLEMENT),
            abi.encodeCall(SETTLEMENT.voidChallenge, (batch.id, claim, ref.index, challenger))
        );
        _closed(ref);
        _expectCredit(address(SETTLEMENT), challenger, policy.bondToken, policy.challengeBondWei);
    }

    /* DEMANDS */

    function _actDemandReveal() internal returns (bool) {
        (bool found, Ref memory ref) = _findClaim(_isDemandable);
        if (!found) return false;
        Batch storage batch = batches[ref.batch];
        Policy storage policy = _policyOf(batch);
        address demander = _stranger();
        _fund(demander, policy.bondToken, address(SETTLEMENT), policy.challengeBondWei);
        uint256 valueWei = _valueOf(policy.bondToken, policy.challengeBondWei);
        vm.prank(demander);
        SETTLEMENT.demandReveal{value: valueWei}(batch.header, ref.index);
        _opened(ref, demander);
        return true;
    }

    function _actReveal() internal returns (bool) {
        (bool found, Ref memory ref) = _findDispute(LeafState.Demanded, true);
        if (!found || !_life(ref).isMember) return false;
        _reveal(ref);
        return true;
    }

    /// @dev Unasked, and for nothing.
    function _actShow() internal returns (bool) {
        (bool found, Ref memory ref) = _findClaim(_isShowable);
        if (!found) return false;
        _once(_anybody(), address(SETTLEMENT), _revelation(ref));
        _observe(ref);
        return true;
    }

    function _reveal(Ref memory ref) internal {
        Batch storage batch = batches[ref.batch];
        Policy storage policy = _policyOf(batch);
        _once(_anybody(), address(SETTLEMENT), _revelation(ref));
        _closed(ref);
        _expectCredit(address(SETTLEMENT), actors[batch.operator], policy.bondToken, policy.challengeBondWei);
    }

    function _revelation(Ref memory ref) private view returns (bytes memory) {
        Batch storage batch = batches[ref.batch];
        Policy storage policy = _policyOf(batch);
        Claim memory claim = batch.claims[ref.index];
        bytes32[] memory proof = _proof(ref);
        ISettlement.Opening memory opening;
        if (policy.publicData) {
            opening = ISettlement.Opening(
                Trees.proofOf(batch.dataNodes, ref.index),
                abi.encode(claim.inputHash),
                claim.requestId,
                abi.encode(claim.outputHash)
            );
        }
        return abi.encodeCall(SETTLEMENT.reveal, (batch.header, claim, ref.index, proof, opening));
    }

    function _actResolveDemand() internal returns (bool) {
        (bool found, Ref memory ref) = _findDispute(LeafState.Demanded, false);
        if (!found) return false;
        Batch storage batch = batches[ref.batch];
        address demander = _life(ref).opener;
        _once(
            _anybody(),
            address(SETTLEMENT),
            abi.encodeCall(SETTLEMENT.resolveDemand, (batch.header, ref.index, demander))
        );
        _closed(ref);
        _rejected(ref, demander, address(0), _policyOf(batch).challengeBondWei);
        return true;
    }

    /* RECORDS AND THE GUARDIAN */

    function _actRecord() internal returns (bool) {
        (bool found, Ref memory ref) = _findClaim(_isFinal);
        if (!found) return false;
        Batch storage batch = batches[ref.batch];
        Claim memory claim = batch.claims[ref.index];
        bytes32[] memory proof = _proof(ref);
        vm.prank(_anybody());
        SETTLEMENT.record(batch.header, claim, ref.index, proof);
        bytes32 recorded = SETTLEMENT.recordedOutputOf(_life(ref).claimId);
        requireEqual(uint256(recorded), uint256(claim.outputHash), "recorded output");
        return true;
    }

    function _actLengthenChallengeWindow() internal returns (bool) {
        if (live.length == 0) return false;
        Batch storage batch = batches[live[_below(live.length)]];
        (uint40 committedAt, , uint40 finalAt, , , , , , , ) = SETTLEMENT.batchOf(batch.id);
        uint40 max = committedAt + _policyOf(batch).challengeWindowSeconds + 3 days;
        if (block.timestamp >= finalAt || finalAt >= max) return false;
        SETTLEMENT.lengthenChallengeWindow(batch.header, uint40(finalAt + 1 + _below(max - finalAt)));
        return true;
    }

    function _actLengthenDeadline() internal returns (bool) {
        (bool found, Ref memory ref) = _findDispute(_chance(60) ? LeafState.Challenged : LeafState.Demanded, true);
        if (!found) return false;
        Batch storage batch = batches[ref.batch];
        Policy storage policy = _policyOf(batch);
        (uint40 committedAt, , , , , , , , , ) = SETTLEMENT.batchOf(batch.id);
        (, , uint40 deadline, ) = _leafOf(ref);
        uint40 max = committedAt + policy.challengeWindowSeconds + policy.proveWindowSeconds + 1 days + 3 days;
        if (deadline >= max) return false;
        uint256 room = max - deadline < 1 hours ? max - deadline : 1 hours;
        SETTLEMENT.lengthenDeadline(batch.header, ref.index, uint40(deadline + 1 + _below(room)));
        return true;
    }

    /* WHERE ACTS CAN HAPPEN */

    function _anyClaim() internal returns (bool, Ref memory ref) {
        if (live.length == 0) return (false, ref);
        ref.batch = live[_below(live.length)];
        ref.index = _below(batches[ref.batch].claims.length);
        return (true, ref);
    }

    /// @dev The first suitable claim from a random one on.
    function _findClaim(
        function(Ref memory) internal view returns (bool) suits
    ) internal returns (bool, Ref memory ref) {
        uint256 from = _below(1 + live.length);
        uint256 turn = _below(MAX_CLAIMS);
        for (uint256 n = 0; n < live.length; ++n) {
            ref.batch = live[(from + n) % live.length];
            uint256 count = batches[ref.batch].claims.length;
            for (uint256 i = 0; i < count; ++i) {
                ref.index = (turn + i) % count;
                if (suits(ref)) return (true, ref);
            }
        }
        return (false, ref);
    }

    function _findDispute(LeafState wanted, bool beforeDeadline) internal returns (bool, Ref memory ref) {
        uint256 from = _below(1 + disputes.length);
        for (uint256 n = 0; n < disputes.length; ++n) {
            ref = disputes[(from + n) % disputes.length];
            (LeafState state, , uint40 deadline, ) = _leafOf(ref);
            if (state == wanted && (block.timestamp < deadline) == beforeDeadline) return (true, ref);
        }
        return (false, ref);
    }

    function _isReleasable(Batch storage batch) internal view returns (bool) {
        (, , uint40 finalAt, uint40 heldUntil, , , uint32 disputed, , bool released, ) = SETTLEMENT.batchOf(batch.id);
        return !released && disputed == 0 && block.timestamp >= finalAt && block.timestamp >= heldUntil;
    }

    function _isFinal(Ref memory ref) private view returns (bool) {
        return _statusOf(ref) == Status.Final;
    }

    function _isChallengeable(Ref memory ref) private view returns (bool) {
        (LeafState state, , , ) = _leafOf(ref);
        if (state != LeafState.Quiet && state != LeafState.Revealed) return false;
        Status status = _statusOf(ref);
        return status == Status.Committed || status == Status.Attested;
    }

    function _isDisprovable(Ref memory ref) private view returns (bool) {
        Life storage life = _life(ref);
        if (life.isTrue || !life.isMember || ZK.isBroken(batches[ref.batch].claims[ref.index].modelId)) return false;
        (LeafState state, , uint40 deadline, ) = _leafOf(ref);
        if (state == LeafState.Challenged) return block.timestamp < deadline;
        Status status = _statusOf(ref);
        return status == Status.Committed || status == Status.Attested;
    }

    function _isDemandable(Ref memory ref) private view returns (bool) {
        Batch storage batch = batches[ref.batch];
        (LeafState state, uint8 kinds, uint40 deadline, ) = _leafOf(ref);
        (, uint40 attestedAt, uint40 finalAt, , , , , , , ) = SETTLEMENT.batchOf(batch.id);
        EvidenceRule rule = _policyOf(batch).rule;
        bool isUntouched = state == LeafState.Quiet && kinds == 0 && deadline == 0;
        bool isClosed = attestedAt != 0 && (rule == EvidenceRule.Tee || rule == EvidenceRule.TeeOrZk);
        return isUntouched && !isClosed && block.timestamp < finalAt;
    }

    function _isShowable(Ref memory ref) private view returns (bool) {
        (, , uint40 finalAt, , , , , , , ) = SETTLEMENT.batchOf(batches[ref.batch].id);
        uint256 until = block.timestamp + _policyOf(batches[ref.batch]).proveWindowSeconds;
        return _life(ref).isMember && _isDemandable(ref) && until <= finalAt;
    }

    function _isReopenable(Ref memory ref) private view returns (bool) {
        (LeafState state, uint8 kinds, uint40 deadline, uint200 tag) = _leafOf(ref);
        if (kinds & EvidenceKind.TEE == 0 || uint32(tag) == 0) return false;
        Status status = _statusOf(ref);
        if (status != Status.Attested) return false;
        (uint40 committedAt, , , , , , , , , ) = SETTLEMENT.batchOf(batches[ref.batch].id);
        uint40 since = TEE.compromisedSince(uint32(tag));
        return since != 0 && (state == LeafState.Revealed ? committedAt : deadline) >= since;
    }

    /* HELPERS OF COMMIT AND PROVE */

    function _prove(Ref memory ref, uint8 kind, uint32 source) private {
        Batch storage batch = batches[ref.batch];
        address beneficiary = _anybody();
        bytes memory evidence = abi.encode(beneficiary, source);
        bytes32[] memory proof = _proof(ref);
        vm.prank(_anybody());
        SETTLEMENT.prove(batch.header, batch.claims[ref.index], ref.index, proof, kind, beneficiary, evidence);
    }

    function _addPromised(uint256 id, bool isClosed) private {
        Batch storage batch = batches[id];
        for (uint256 n = 0; n < receiptList.length && batch.claims.length < MAX_CLAIMS; ++n) {
            Receipt storage receipt = receiptList[receiptList.length - 1 - n];
            if (n > 40 && !_isHonest(batch.operator)) return;
            bool isDue = receipt.operator == batch.operator && receipt.policy == batch.policy && receipt.batch == 0;
            if (!isDue || receipt.isWithheld || (isClosed && !_isServedBeforeClosing(receipt))) continue;
            receipt.batch = id + 1;
            receipt.index = batch.claims.length;
            _add(
                batch,
                receipt.claim,
                receipt.claim.outputHash == truthOf(receipt.claim.modelId, receipt.claim.inputHash)
            );
            batch.lives[receipt.index].receipt = receiptList.length - n;
        }
    }

    function _isServedBeforeClosing(Receipt storage receipt) private view returns (bool) {
        uint256 closedAt = SETTLEMENT.closedAtOf(receipt.claim.policyId);
        return receipt.claim.servedAt < closedAt && block.timestamp <= _includeBy(receipt);
    }

    function _addFresh(Batch storage batch, uint256 model) private {
        bool isHonest = _isHonest(batch.operator);
        bool isTrue = isHonest || _chance(50);
        uint256 first = model == MODELS ? _below(MODELS) : model;
        Claim memory claim = _claimOf(batch.operator, batch.policy, first, isTrue);
        // A dishonest operator sometimes commits what can never be shown.
        bool isJunk = !isHonest && _chance(12);
        if (isJunk) claim.commitBy = claim.servedAt + 1 days + 1;
        _add(batch, claim, isTrue);
        if (isJunk) batch.lives[batch.lives.length - 1].isMember = false;
    }

    function _add(Batch storage batch, Claim memory claim, bool isTrue) private {
        batch.claims.push(claim);
        Life storage life = batch.lives.push();
        life.claimId = SETTLEMENT.claimIdOf(claim);
        (life.isTrue, life.isMember) = (isTrue, true);
        if (!isTrue) batch.isTrue = false;
    }

    function _covers(Batch storage batch) private view returns (bool) {
        Policy storage policy = _policyOf(batch);
        IOperators.Account memory account = _accountOf(batch.operator, policy.bondToken);
        uint256 lockableWei = (uint256(account.stakeWei) * account.lockableBps) / 10_000;
        return lockableWei >= account.lockedWei + batch.claims.length * policy.claimBondWei;
    }

    function _forget(Batch storage batch) private {
        for (uint256 i = 0; i < batch.lives.length; ++i) {
            if (batch.lives[i].receipt != 0) receiptList[batch.lives[i].receipt - 1].batch = 0;
        }
        delete batch.header;
        delete batch.nodes;
        delete batch.dataNodes;
        while (batch.claims.length > 0) batch.claims.pop();
        while (batch.lives.length > 0) batch.lives.pop();
        (batch.isTrue, batch.isReleased) = (false, false);
        (batch.rejections, batch.reopenings) = (0, 0);
    }

    function _fillHeader(Batch storage batch) private {
        uint256 count = batch.claims.length;
        bytes32[] memory leaves = new bytes32[](count);
        bytes32[] memory openings = new bytes32[](count);
        bytes32 modelId = batch.claims[0].modelId;
        uint64 oldest = batch.claims[0].servedAt;
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = BatchLib.leaf(i, batch.lives[i].claimId);
            openings[i] = _openingOf(batch.claims[i], i);
            if (batch.claims[i].modelId != modelId) modelId = 0;
            if (batch.claims[i].servedAt < oldest) oldest = batch.claims[i].servedAt;
        }
        batch.nodes = Trees.nodesOf(leaves);
        batch.dataNodes = Trees.nodesOf(openings);
        batch.header = BatchHeader({
            operator: actors[batch.operator],
            policyId: policyIds[batch.policy],
            modelId: modelId,
            root: batch.nodes[0],
            dataRoot: batch.dataNodes[0],
            count: uint32(count),
            oldestServedAt: oldest,
            nonce: uint64(batches.length)
        });
        batch.id = SETTLEMENT.batchIdOf(batch.header);
    }

    function _sendCommit(Batch storage batch) private {
        address sender = actors[OPERATORS + batch.operator];
        bool isSender = SETTLEMENT.isSender(actors[batch.operator], sender, batch.header.policyId);
        bool isSuspended = _accountOf(batch.operator, _policyOf(batch).bondToken).suspended;
        address caller = isSender && !isSuspended ? sender : actors[batch.operator];
        vm.prank(caller);
        SETTLEMENT.commit(batch.header);
    }
}
