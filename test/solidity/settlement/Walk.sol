// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IOperators} from "../../../contracts/interfaces/IOperators.sol";
import {LeafState} from "../../../contracts/types/Leaf.sol";
import {Status} from "../../../contracts/types/Status.sol";
import {requireAtMost, requireEqual, requireTrue, vm} from "../Vm.sol";
import {OtherActs} from "./OtherActs.sol";
import {Batch, Life, Receipt, Ref} from "./World.sol";

/// @notice Walks at random through everything that can be done, and says after any step whether the protocol still holds.
contract Walk is OtherActs {
    uint256 public constant ACTS = 49;
    uint256 private constant FIRST_SETTING = 36;
    /// @dev How often each act is drawn, in the order of `_act`.
    bytes private constant WEIGHTS =
        hex"0c08050b0605030601080404030d0a0808020202020203030403060604040104041a030103030302020302020303010101";
    uint256 private constant NONE = type(uint256).max;

    uint256[ACTS] public calls;
    uint256[ACTS] public successes;
    uint256 public rescues; // honest operators that only the guardian could save
    uint256 public probes;

    constructor() {
        for (uint256 i = 0; i < OPERATORS; ++i) {
            for (uint256 t = 0; t < TOKENS; ++t) {
                _stake(i, tokens[t], _isHonest(i) ? 10_000 ether : 40 ether);
            }
        }
    }

    /* STEPS */

    /// @notice One thing happens, and possibly time passes.
    function step(uint256 seed) external {
        _seed(seed);
        uint256 act = _drawAct(WEIGHTS);
        calls[act] += 1;
        if (act >= FIRST_SETTING) _unchangedBy(act);
        else if (_act(act)) successes[act] += 1;
        _observeSome();
        if (_chance(8)) _probe();
    }

    /// @notice Time passes and nobody begins anything: whatever is open comes to its end, and everybody goes home.
    function finish() external {
        // First what is still promised is kept.
        _dropKept();
        while (pending.length > 0) _passTime(block.timestamp + 1 days);
        uint256 end = block.timestamp;
        for (uint256 i = 0; i < live.length; ++i) {
            uint256 bound = _boundOf(batches[live[i]]);
            if (bound > end) end = bound;
        }
        _passTime(end);
        _settleDisputes();
        _observeAll();
        _requireAllTerminal();
        while (live.length > 0) requireTrue(_actRelease(), "I-07 a batch is never released");
        _settleReports();
        _checkMoney();
        _leave();
    }

    /// @dev Settings come last.
    function _act(uint256 act) private returns (bool) {
        function() internal returns (bool)[ACTS] memory acts = [
            _actCommit,
            _actServe,
            _actRelease,
            _actChallenge,
            _actAnswer,
            _actResolve,
            _actDisprove,
            _actVoidFaulted,
            _actVoidByGuardian,
            _actDemandReveal,
            _actReveal,
            _actResolveDemand,
            _actShow,
            _actProve,
            _actAttestBatch,
            _actReopenBatch,
            _actReopenClaim,
            _actRecord,
            _actLengthenChallengeWindow,
            _actLengthenDeadline,
            _actStake,
            _actStakeToken,
            _actUnbond,
            _actCompleteUnbonding,
            _actWithdraw,
            _actWithdrawFromReceipts,
            _actReportOmission,
            _actAnswerOmission,
            _actResolveOmission,
            _actReportEquivocation,
            _actDonate,
            _actBreakEvidence,
            _actCompromiseEnclave,
            _actPassMinutes,
            _actPassHours,
            _actPassDays,
            _actPauseCommits,
            _actResumeCommits,
            _actClosePolicy,
            _actSetSender,
            _actSetLockable,
            _actResume,
            _actAddReceiptKey,
            _actRevokeReceiptKey,
            _actMarkReceiptKey,
            _actRegisterPolicy,
            _actListEvidence,
            _actListToken,
            _actAnnounce
        ];
        return acts[act]();
    }

    function _actPassMinutes() private returns (bool) {
        _passTime(block.timestamp + 1 + _below(20 minutes));
        return true;
    }

    function _actPassHours() private returns (bool) {
        _passTime(block.timestamp + 1 + _below(_chance(80) ? 4 hours : 30 hours));
        return true;
    }

    function _actPassDays() private returns (bool) {
        _passTime(block.timestamp + 5 days + _below(27 days));
        return true;
    }

    /* HONEST OPERATORS */

    /// @dev Time passes, and honest operators do what they must at the last second.
    function _passTime(uint256 until) private {
        while (true) {
            (uint256 due, uint256 dispute, uint256 receipt, bool isReport) = _nextDuty();
            if (due > until) break;
            if (due > block.timestamp) vm.warp(due);
            if (dispute != NONE) _defend(disputes[dispute]);
            else if (isReport)
                requireTrue(_answerOmission(receiptList[receipt]), "I-08 a true receipt was not accepted");
            else _keep(receipt);
        }
        if (until > block.timestamp) vm.warp(until);
    }

    function _nextDuty() private view returns (uint256 due, uint256 dispute, uint256 receipt, bool isReport) {
        (due, dispute, receipt) = (NONE, NONE, NONE);
        for (uint256 i = 0; i < disputes.length; ++i) {
            if (!_isHonest(batches[disputes[i].batch].operator)) continue;
            (, , uint40 deadline, ) = _leafOf(disputes[i]);
            if (deadline - 1 < due) (due, dispute) = (deadline - 1, i);
        }
        for (uint256 i = 0; i < pending.length; ++i) {
            Receipt storage kept = receiptList[pending[i]];
            if (kept.batch != 0 || _isVoid(kept)) continue;
            uint256 includeBy = _includeBy(kept);
            if (includeBy < due) (due, dispute, receipt) = (includeBy, NONE, pending[i]);
        }
        for (uint256 i = 0; i < receiptList.length; ++i) {
            if (!receiptList[i].isOpen || !_isHonest(receiptList[i].operator)) continue;
            (, , , uint40 answerBy) = RECEIPTS.omissionOf(receiptList[i].claimId);
            if (answerBy - 1 < due) (due, dispute, receipt, isReport) = (answerBy - 1, NONE, i, true);
        }
    }

    function _defend(Ref memory ref) private {
        (LeafState state, , , ) = _leafOf(ref);
        if (state == LeafState.Demanded) {
            _reveal(ref);
        } else if (!_answer(ref)) {
            // Without means to answer there must be no loser. Where the means were gone before the commit already, which a
            // receipt can force, only the guardian can say so.
            bool isFaulted = _isFaulted(ref);
            if (!isFaulted) rescues += 1;
            _void(ref, isFaulted ? actors[batches[ref.batch].operator] : address(this));
        }
    }

    function _keep(uint256 place) private {
        Receipt storage receipt = receiptList[place];
        requireTrue(_commit(receipt.operator, receipt.policy), "I-08 an honest operator could not commit");
        // One batch may not have had room for all.
        _dropKept();
    }

    function _dropKept() private {
        for (uint256 i = pending.length; i > 0; --i) {
            Receipt storage receipt = receiptList[pending[i - 1]];
            if (receipt.batch == 0 && !_isVoid(receipt)) continue;
            pending[i - 1] = pending[pending.length - 1];
            pending.pop();
        }
    }

    /* CLOSING */

    /// @dev The longest a claim of the batch can take, from its commit: the window, lengthened and reopened; a demand at
    /// its end, under load; a window to look at what was revealed; a challenge at the end of that, under load. Once more
    /// for each time that its enclave's evidence was taken back. The guardian can have lengthened one deadline.
    function _boundOf(Batch storage batch) private view returns (uint256) {
        (uint40 committedAt, , , , , , , , , ) = SETTLEMENT.batchOf(batch.id);
        uint256 proveSeconds = policies[batch.policy].proveWindowSeconds;
        uint256 windowSeconds =
            uint256(policies[batch.policy].challengeWindowSeconds) + policies[batch.policy].attestedWindowSeconds;
        uint256 reopenings = 0;
        for (uint256 i = 0; i < batch.lives.length; ++i) reopenings += batch.lives[i].reopenings;
        uint256 disputeSeconds = proveSeconds + 1 days;
        return committedAt + windowSeconds + 3 days + 2 * disputeSeconds + proveSeconds * (1 + reopenings);
    }

    function _settleDisputes() private {
        for (uint256 n = disputes.length; n > 0; --n) {
            requireTrue(_actResolve() || _actResolveDemand(), "I-07 a dispute never ends");
        }
        requireEqual(disputes.length, 0, "I-07 open disputes");
    }

    function _requireAllTerminal() private view {
        for (uint256 i = 0; i < live.length; ++i) {
            for (uint256 k = 0; k < batches[live[i]].lives.length; ++k) {
                Life storage life = batches[live[i]].lives[k];
                bool isTerminal =
                    life.last == Status.Final || life.last == Status.Rejected || life.last == Status.Voided;
                requireTrue(isTerminal || !life.isMember, "I-07 a claim is never settled");
            }
        }
    }

    function _settleReports() private {
        _passTime(block.timestamp + 1 days);
        for (uint256 i = 0; i < receiptList.length; ++i) {
            _resolveOmission(receiptList[i]);
            requireTrue(!receiptList[i].isOpen, "I-07 a report never ends");
        }
    }

    /// @dev I-11 Stakes and credits all leave, and what remains was burnt or never belonged here.
    function _leave() private {
        for (uint256 i = 0; i < OPERATORS * TOKENS; ++i) {
            IOperators.Account memory account = _accountOf(i / TOKENS, tokens[i % TOKENS]);
            requireEqual(account.lockedWei, 0, "I-11 still locked");
            if (account.stakeWei == 0) continue;
            vm.prank(actors[i / TOKENS]);
            SETTLEMENT.unbond(tokens[i % TOKENS], account.stakeWei);
        }
        vm.warp(block.timestamp + 30 days);
        for (uint256 t = 0; t < TOKENS; ++t) {
            for (uint256 i = 0; i < OPERATORS; ++i) _completeUnbonding(i, tokens[t]);
            for (uint256 i = 0; i < ACTORS; ++i) {
                _withdraw(address(SETTLEMENT), actors[i], tokens[t]);
                _withdraw(address(RECEIPTS), actors[i], tokens[t]);
            }
            uint256 restWei = burntWei[tokens[t]] + donatedWei[address(SETTLEMENT)][tokens[t]];
            requireEqual(_balanceOf(address(SETTLEMENT), tokens[t]), restWei, "I-11 rest in settlement");
            uint256 restOfReceipts = donatedWei[address(RECEIPTS)][tokens[t]];
            requireEqual(_balanceOf(address(RECEIPTS), tokens[t]), restOfReceipts, "I-11 rest in receipts");
        }
    }

    /* INVARIANTS */

    function checkAll() external view {
        _checkMoney();
        _checkLocks();
        _checkDisputes();
        _checkHonest();
        _checkBatches();
        _checkCredits();
    }

    function checkMoney() external view {
        _checkMoney();
    }

    function checkCredits() external view {
        _checkCredits();
    }

    /// @dev I-06 Nobody is credited but by the table of bonds, and once.
    function _checkCredits() private view {
        for (uint256 t = 0; t < TOKENS; ++t) {
            requireEqual(SETTLEMENT.creditOf(address(0), tokens[t]), 0, "I-06 credit of nobody");
        }
        for (uint256 i = 0; i < ACTORS * TOKENS; ++i) {
            address account = actors[i / TOKENS];
            address token = tokens[i % TOKENS];
            requireEqual(
                SETTLEMENT.creditOf(account, token),
                creditWei[address(SETTLEMENT)][account][token],
                "I-06 credit in settlement"
            );
            requireEqual(
                RECEIPTS.creditOf(account, token),
                creditWei[address(RECEIPTS)][account][token],
                "I-06 credit in receipts"
            );
        }
    }

    function checkLocks() external view {
        _checkLocks();
    }

    function checkDisputes() external view {
        _checkDisputes();
    }

    function checkHonest() external view {
        _checkHonest();
    }

    function checkBatches() external view {
        _checkBatches();
    }

    /// @dev I-01 For every token: what is there is what somebody can take, what disputes hold, what was burnt and what was
    /// given away.
    function _checkMoney() private view {
        for (uint256 t = 0; t < TOKENS; ++t) {
            address token = tokens[t];
            uint256 ledgerWei = burntWei[token] + donatedWei[address(SETTLEMENT)][token];
            uint256 receiptsWei = donatedWei[address(RECEIPTS)][token];
            for (uint256 i = 0; i < OPERATORS; ++i) {
                IOperators.Account memory account = _accountOf(i, token);
                uint256 ownWei = uint256(account.stakeWei) + account.unbondingWei;
                requireEqual(ownWei, fundsWei[actors[i]][token], "I-01 an operator's funds");
                ledgerWei += ownWei;
            }
            for (uint256 i = 0; i < ACTORS; ++i) {
                ledgerWei += SETTLEMENT.creditOf(actors[i], token);
                receiptsWei += RECEIPTS.creditOf(actors[i], token);
            }
            for (uint256 i = 0; i < disputes.length; ++i) {
                Batch storage batch = batches[disputes[i].batch];
                if (policies[batch.policy].bondToken == token) ledgerWei += policies[batch.policy].challengeBondWei;
            }
            for (uint256 i = 0; i < receiptList.length; ++i) {
                if (!receiptList[i].isOpen || policies[receiptList[i].policy].bondToken != token) continue;
                receiptsWei += policies[receiptList[i].policy].challengeBondWei;
            }
            requireEqual(_balanceOf(address(SETTLEMENT), token), ledgerWei, "I-01 balance of settlement");
            requireEqual(_balanceOf(address(RECEIPTS), token), receiptsWei, "I-01 balance of receipts");
        }
    }

    /// @dev I-02 and I-03.
    function _checkLocks() private view {
        for (uint256 i = 0; i < OPERATORS * TOKENS; ++i) {
            address token = tokens[i % TOKENS];
            IOperators.Account memory account = _accountOf(i / TOKENS, token);
            requireAtMost(account.lockedWei, account.stakeWei, "I-02 locked beyond the stake");
            uint256 lockedWei = 0;
            for (uint256 n = 0; n < live.length; ++n) {
                Batch storage batch = batches[live[n]];
                if (batch.operator != i / TOKENS || policies[batch.policy].bondToken != token) continue;
                lockedWei += (batch.claims.length - batch.rejections) * policies[batch.policy].claimBondWei;
            }
            requireEqual(account.lockedWei, lockedWei, "I-03 locked");
        }
    }

    /// @dev I-05 The counter of a batch is the number of its leaves that are disputed.
    function _checkDisputes() private view {
        for (uint256 n = 0; n < live.length; ++n) {
            uint256 open = 0;
            for (uint256 i = 0; i < disputes.length; ++i) {
                if (disputes[i].batch != live[n]) continue;
                (LeafState state, , , ) = _leafOf(disputes[i]);
                requireTrue(state == LeafState.Challenged || state == LeafState.Demanded, "I-05 no dispute");
                open += 1;
            }
            (, , , , , , uint32 disputed, , , ) = SETTLEMENT.batchOf(batches[live[n]].id);
            requireEqual(disputed, open, "I-05 open disputes");
        }
    }

    /// @dev I-08 Honest operators lose nothing and are never suspended.
    function _checkHonest() private view {
        for (uint256 i = 0; i < HONEST * TOKENS; ++i) {
            requireTrue(!_accountOf(i / TOKENS, tokens[i % TOKENS]).suspended, "I-08 an honest operator was suspended");
        }
    }

    /// @dev I-10 and I-12.
    function _checkBatches() private view {
        for (uint256 n = 0; n < batches.length; ++n) {
            Batch storage batch = batches[n];
            (, , uint40 finalAt, uint40 heldUntil, , , uint32 disputed, uint32 rejected, bool released, ) = SETTLEMENT
                .batchOf(batch.id);
            requireEqual(rejected, batch.rejections, "I-10 rejected");
            requireAtMost(rejected, batch.claims.length, "I-10 rejected more than there are");
            requireTrue(released == batch.isReleased, "I-12 released");
            if (!released) continue;
            requireEqual(disputed, 0, "I-12 a released batch is disputed");
            requireTrue(block.timestamp >= finalAt && block.timestamp >= heldUntil, "I-12 released too early");
        }
    }

    /* STATUS */

    function _observeSome() private {
        for (uint256 n = 0; n < 3 && batches.length > 0; ++n) {
            // Recent batches more often; released ones too.
            uint256 id = _chance(70) && live.length > 0 ? live[_below(live.length)] : _below(batches.length);
            _observe(Ref(id, _below(batches[id].claims.length)));
        }
        for (uint256 i = 0; i < disputes.length && i < 3; ++i) _observe(disputes[i]);
    }

    function _observeAll() private {
        for (uint256 id = 0; id < batches.length; ++id) _observeBatch(id);
    }

    /// @dev I-04 and, of a claim in a released batch, I-12; I-10 for the leaf.
    function _observe(Ref memory ref) internal override {
        Batch storage batch = batches[ref.batch];
        Life storage life = batch.lives[ref.index];
        Status next = _statusOf(ref);
        requireTrue(life.isMember || next == Status.Unknown, "I-04 a leaf that is no claim has a status");
        if (!life.isMember) return;
        bool isReopened = life.reopeningsSeen != batch.reopenings + life.reopenings;
        requireTrue(_isStep(life.last, life.undisputed, next, isReopened), "I-04 the status fell");
        if (batch.isReleased) {
            bool isSettled = next == Status.Final || next == Status.Rejected || next == Status.Voided;
            requireTrue(isSettled, "I-12 a claim of a released batch is open");
        }
        requireEqual(life.rejections, next == Status.Rejected ? 1 : 0, "I-10 rejections of a leaf");
        life.last = next;
        if (next == Status.Challenged) return;
        life.undisputed = next;
        life.reopeningsSeen = batch.reopenings + life.reopenings;
    }

    function _isStep(Status last, Status undisputed, Status next, bool isReopened) private pure returns (bool) {
        if (last == next) return true;
        if (last == Status.Final || last == Status.Rejected || last == Status.Voided) return false;
        if (next == Status.Rejected || next == Status.Voided) return undisputed != Status.Proven;
        if (next == Status.Challenged) return undisputed <= Status.Attested;
        if (isReopened && undisputed == Status.Attested) return true;
        return next >= undisputed;
    }

    /* SETTINGS */

    /// @dev I-09 A setting leaves every open claim as it was.
    function _unchangedBy(uint256 act) private {
        bytes32 before = _snapshot();
        if (_act(act)) successes[act] += 1;
        requireTrue(_snapshot() == before, "I-09 a setting reached an open claim");
    }

    function _snapshot() private view returns (bytes32 hash) {
        for (uint256 n = 0; n < live.length; ++n) {
            Batch storage batch = batches[live[n]];
            (, bytes memory word) = address(SETTLEMENT).staticcall(abi.encodeCall(SETTLEMENT.batchOf, (batch.id)));
            hash = keccak256(abi.encode(hash, word));
            for (uint256 i = 0; i < batch.claims.length; ++i) {
                (, bytes memory leaf) = address(SETTLEMENT).staticcall(
                    abi.encodeCall(SETTLEMENT.leafOf, (batch.id, i))
                );
                hash = keccak256(abi.encode(hash, leaf));
            }
        }
    }

    /* PROBES */

    /// @dev What nobody may do, and what is not yet or no longer possible.
    function _probe() private {
        probes += 1;
        address stranger = actors[ACTORS - 1];
        _mustFail(
            stranger,
            address(SETTLEMENT),
            abi.encodeCall(SETTLEMENT.pauseCommits, (uint40(block.timestamp + 9)))
        );
        _mustFail(stranger, address(SETTLEMENT), abi.encodeCall(SETTLEMENT.resumeCommits, ()));
        _mustFail(stranger, address(SETTLEMENT), abi.encodeCall(SETTLEMENT.closePolicy, (policyIds[0])));
        _mustFail(address(this), address(SETTLEMENT), abi.encodeCall(IAccessManaged.setAuthority, (stranger)));
        _mustFail(
            address(this),
            address(SETTLEMENT),
            abi.encodeCall(SETTLEMENT.penalise, (policyIds[0], actors[0], stranger, stranger))
        );
        for (uint256 i = 0; i < disputes.length; ++i) _probeDispute(disputes[i]);
        if (batches.length == 0) return;
        Batch storage batch = batches[_below(batches.length)];
        _mustFail(batch.header.operator, address(SETTLEMENT), abi.encodeCall(SETTLEMENT.commit, (batch.header)));
    }

    /// @dev R-06 Before the deadline nobody resolves, from it on nobody answers, reveals, voids or lengthens.
    function _probeDispute(Ref memory ref) private {
        Batch storage batch = batches[ref.batch];
        (LeafState state, , uint40 deadline, ) = _leafOf(ref);
        address opener = _life(ref).opener;
        bytes memory call;
        if (block.timestamp >= deadline) {
            call = abi.encodeCall(SETTLEMENT.lengthenDeadline, (batch.header, ref.index, deadline + 1));
            _mustFail(address(this), address(SETTLEMENT), call);
            if (state == LeafState.Demanded) return;
            call = abi.encodeCall(SETTLEMENT.voidChallenge, (batch.id, batch.claims[ref.index], ref.index, opener));
            _mustFail(address(this), address(SETTLEMENT), call);
            bytes memory evidence = abi.encode(opener, teeSource);
            call = abi.encodeCall(
                SETTLEMENT.answer,
                (batch.id, batch.claims[ref.index], ref.index, opener, 2, opener, evidence)
            );
        } else if (state == LeafState.Challenged) {
            call = abi.encodeCall(SETTLEMENT.resolve, (batch.id, batch.claims[ref.index], ref.index, opener));
        } else {
            call = abi.encodeCall(SETTLEMENT.resolveDemand, (batch.header, ref.index, opener));
        }
        _mustFail(opener, address(SETTLEMENT), call);
    }
}
