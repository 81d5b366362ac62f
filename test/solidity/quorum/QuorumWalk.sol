// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IEvidence} from "../../../contracts/interfaces/IEvidence.sol";
import {IQuorumEvidence} from "../../../contracts/interfaces/IQuorumEvidence.sol";
import {IVault} from "../../../contracts/interfaces/IVault.sol";
import {BatchHeader, BatchLib} from "../../../contracts/types/Batch.sol";
import {Claim} from "../../../contracts/types/Claim.sol";
import {LeafState} from "../../../contracts/types/Leaf.sol";
import {EvidenceKind} from "../../../contracts/types/Status.sol";
import {requireAtMost, requireEqual, requireTrue, vm} from "../Vm.sol";
import {QuorumWorld, Seat} from "./QuorumWorld.sol";

/// @notice Walks at random through everything that can be done with a committee, its verdicts on claims in the real
/// Settlement among it. Of what changes something: `addSigner`, `removeSigner`, `stakeFor`, `resign`, `completeExit`,
/// `reportContradiction`, `withdraw` and `setAuthority`.
contract QuorumWalk is QuorumWorld {
    uint256 public constant ACTS = 23;
    /// @dev How often each act is drawn, in the order of `_act`.
    bytes private constant WEIGHTS = hex"0e16061e03060408040808030318100c12180810040c06";
    uint256 private constant NONE = type(uint256).max;
    uint256 private constant MAX_SEATS = 60;
    uint256 private constant EXPIRY_SECONDS = 1 weeks; // of what the curator announced

    /// @dev A call of `addSigner` that the curator has announced.
    struct Announcement {
        uint256 seat;
        uint256 manager;
        uint256 readyAt;
    }

    /// @dev A claim in a batch of its own, and the dispute about it.
    struct Case {
        BatchHeader header;
        Claim claim;
        bytes32 batchId;
        uint256 committedAt;
        address challenger; // zero: not challenged
        bool isOver;
    }

    uint256[ACTS] public successes;
    Announcement[] private _announcements;
    mapping(uint256 seat => bool) private _isAnnounced;
    Case[] private _cases;

    /* STEPS */

    function step(uint256 seed) external {
        _seed(seed);
        uint256 act = _drawAct(WEIGHTS);
        if (_act(act)) successes[act] += 1;
    }

    /// @notice Everybody leaves; what remains was burnt or never belonged here.
    function finish() external {
        for (uint256 i = 0; i < seats.length; ++i) {
            if (seats[i].standing == IQuorumEvidence.Standing.Member) _resign(i, seats[i].owner);
        }
        vm.warp(block.timestamp + EXIT_SECONDS);
        for (uint256 i = 0; i < seats.length; ++i) _completeExit(i);
        for (uint256 i = 0; i < ACTORS; ++i) _withdraw(actors[i]);
        uint256 restWei = burntStakeWei + donatedWei[address(COMMITTEE)][ETHER];
        requireEqual(address(COMMITTEE).balance, restWei, "I-51 rest");
    }

    function _act(uint256 act) private returns (bool) {
        function() internal returns (bool)[ACTS] memory acts = [
            _actAnnounce,
            _actAddSigner,
            _actRemoveSigner,
            _actStakeFor,
            _actResign,
            _actCompleteExit,
            _actExitToTheSecond,
            _actActivateToTheSecond,
            _actReportContradiction,
            _actReportWrongly,
            _actWithdraw,
            _actForceEther,
            _actReplaceManager,
            _actCheck,
            _actCheckWrongly,
            _actCommit,
            _actChallenge,
            _actAnswer,
            _actResolve,
            _actVoid,
            _actTrespass,
            _actPassHours,
            _actPassDays
        ];
        return acts[act]();
    }

    /* CURATOR AND GUARDIAN */

    /// @dev Now and then of a key that was there before. A key is announced at one manager at a time.
    function _actAnnounce() private returns (bool) {
        if (seats.length >= MAX_SEATS || _announcements.length > 8) return false;
        uint256 seat = _chance(15) ? _below(seats.length) : seats.length;
        if (seat == seats.length) _newSeat();
        if (_isAnnounced[seat]) return false;
        _isAnnounced[seat] = true;
        vm.prank(CURATOR);
        IAccessManager(managers[manager]).schedule(address(COMMITTEE), _additionOf(seat), 0);
        _announcements.push(Announcement(seat, manager, block.timestamp + CURATOR_DELAY_SECONDS));
        return true;
    }

    function _actAddSigner() private returns (bool) {
        if (_announcements.length == 0) return false;
        uint256 place = _below(_announcements.length);
        Announcement memory announced = _announcements[place];
        // The last moment at which it cannot be done yet, and the first at which it can.
        if (block.timestamp < announced.readyAt && _chance(60)) {
            vm.warp(announced.readyAt - 1);
            _add(announced);
            vm.warp(announced.readyAt);
        }
        bytes4 refusal = _add(announced);
        bool isExpired = refusal == IAccessManager.AccessManagerExpired.selector;
        if (refusal == 0 || isExpired) {
            // Its old manager goes on to have what has expired.
            _isAnnounced[announced.seat] = isExpired;
            _announcements[place] = _announcements[_announcements.length - 1];
            _announcements.pop();
        }
        return refusal == 0;
    }

    function _add(Announcement memory announced) private returns (bytes4 refusal) {
        Seat storage seat = seats[announced.seat];
        if (announced.manager != manager) refusal = IAccessManager.AccessManagerNotScheduled.selector;
        else if (block.timestamp < announced.readyAt) refusal = IAccessManager.AccessManagerNotReady.selector;
        else if (block.timestamp >= announced.readyAt + EXPIRY_SECONDS) {
            refusal = IAccessManager.AccessManagerExpired.selector;
        } else if (seat.standing != IQuorumEvidence.Standing.None) refusal = IQuorumEvidence.SignerKnown.selector;
        else if (_countOfMembers() >= MAX_MEMBERS) refusal = IQuorumEvidence.CommitteeFull.selector;
        _expect(CURATOR, _additionOf(announced.seat), 0, refusal);
        if (refusal == 0) _seated(seat, block.timestamp + ACTIVATION_SECONDS);
    }

    function _additionOf(uint256 seat) private view returns (bytes memory) {
        return abi.encodeCall(IQuorumEvidence.addSigner, (seats[seat].signer, seats[seat].owner));
    }

    /// @dev I-55 A removal alone sets the mark, and only when it takes the quorum away.
    function _actRemoveSigner() private returns (bool) {
        Seat storage seat = seats[_anySeat(80)];
        bool isMember = seat.standing == IQuorumEvidence.Standing.Member;
        // A committee that is nearly gone is seldom thinned out.
        if (isMember && _countOfMembers() < MAX_MEMBERS - 1 && _chance(60)) return false;
        bool hadQuorum = _countOfCounting() >= THRESHOLD;
        bytes memory call = abi.encodeCall(IQuorumEvidence.removeSigner, (seat.signer));
        _expect(GUARDIAN, call, 0, isMember ? bytes4(0) : IQuorumEvidence.NotMember.selector);
        if (!isMember) return false;
        _leaves(seat);
        if (hadQuorum && _countOfCounting() < THRESHOLD) expectedFaultedAt = block.timestamp;
        return true;
    }

    function _leaves(Seat storage seat) private {
        seat.standing = IQuorumEvidence.Standing.Leaving;
        seat.exitAt = block.timestamp + EXIT_SECONDS;
    }

    /// @dev The administrator hands the committee to another manager: what was announced at the last one is worth
    /// nothing there.
    function _actReplaceManager() private returns (bool) {
        IAccessManager(managers[manager]).updateAuthority(address(COMMITTEE), managers[1 - manager]);
        manager = 1 - manager;
        return true;
    }

    /// @dev What is for others alone to do.
    function _actTrespass() private returns (bool) {
        Seat storage seat = seats[_below(seats.length)];
        bytes4 refusal = IAccessManaged.AccessManagedUnauthorized.selector;
        _expect(_anybody(), abi.encodeCall(IQuorumEvidence.removeSigner, (seat.signer)), 0, refusal);
        _expect(CURATOR, abi.encodeCall(IQuorumEvidence.removeSigner, (seat.signer)), 0, refusal);
        bytes memory call = abi.encodeCall(IQuorumEvidence.addSigner, (address(0xBAD), _anybody()));
        _expect(GUARDIAN, call, 0, refusal);
        _expect(CURATOR, call, 0, IAccessManager.AccessManagerNotScheduled.selector);
        call = abi.encodeCall(IAccessManaged.setAuthority, (address(this)));
        _expect(_anybody(), call, 0, refusal);
        _expect(managers[1 - manager], call, 0, refusal);
        return true;
    }

    /* STAKES */

    function _actStakeFor() private returns (bool) {
        Seat storage seat = seats[_anySeat(90)];
        uint256 amountWei = _chance(15) ? _below(MIN_STAKE_WEI) : MIN_STAKE_WEI - 1 + _below(3 ether);
        if (_chance(5)) amountWei = uint256(type(uint96).max) + 1 - seat.stakeWei;
        if (_chance(3)) amountWei = 0;
        bytes4 refusal;
        if (amountWei == 0) refusal = IVault.ZeroArgument.selector;
        else if (seat.standing != IQuorumEvidence.Standing.Member) refusal = IQuorumEvidence.NotMember.selector;
        else if (seat.stakeWei + amountWei > type(uint96).max) refusal = IQuorumEvidence.SignerStakeTooLarge.selector;
        _expect(_anybody(), abi.encodeCall(IQuorumEvidence.stakeFor, (seat.signer)), amountWei, refusal);
        if (refusal == 0) seat.stakeWei += amountWei;
        return refusal == 0;
    }

    function _actResign() private returns (bool) {
        uint256 seat = _anySeat(70);
        // Owners may own several.
        return _resign(seat, _chance(70) ? seats[seat].owner : _anybody());
    }

    function _resign(uint256 at_, address caller) private returns (bool) {
        Seat storage seat = seats[at_];
        bytes4 refusal;
        // A key that was only announced has no owner.
        bool isOwner = seat.standing != IQuorumEvidence.Standing.None && caller == seat.owner;
        if (!isOwner) refusal = IQuorumEvidence.NotOwnerOf.selector;
        else if (seat.standing != IQuorumEvidence.Standing.Member) refusal = IQuorumEvidence.NotMember.selector;
        _expect(caller, abi.encodeCall(IQuorumEvidence.resign, (seat.signer)), 0, refusal);
        if (refusal == 0) _leaves(seat);
        return refusal == 0;
    }

    function _actCompleteExit() private returns (bool) {
        uint256 from = _below(seats.length);
        for (uint256 n = 0; n < seats.length && _chance(95); ++n) {
            uint256 seat = (from + n) % seats.length;
            if (_isExitable(seats[seat])) return _completeExit(seat);
        }
        return _completeExit(from);
    }

    function _isExitable(Seat storage seat) private view returns (bool) {
        return seat.standing == IQuorumEvidence.Standing.Leaving && block.timestamp >= seat.exitAt;
    }

    function _completeExit(uint256 at_) private returns (bool) {
        Seat storage seat = seats[at_];
        bytes4 refusal = _isExitable(seat) ? bytes4(0) : IQuorumEvidence.NotExitable.selector;
        _expect(_anybody(), abi.encodeCall(IQuorumEvidence.completeExit, (seat.signer)), 0, refusal);
        if (refusal != 0) return false;
        _expectCredit(address(COMMITTEE), seat.owner, ETHER, seat.stakeWei);
        (seat.stakeWei, seat.standing) = (0, IQuorumEvidence.Standing.Exited);
        return true;
    }

    /// @dev I-54 A second before `exitAt` a stake can be slashed and not be had; at `exitAt` it is the other way round.
    function _actExitToTheSecond() private returns (bool) {
        for (uint256 i = 0; i < seats.length; ++i) {
            Seat storage seat = seats[i];
            if (seat.standing != IQuorumEvidence.Standing.Leaving || block.timestamp >= seat.exitAt) continue;
            if (_chance(40)) continue;
            vm.warp(seat.exitAt - 1);
            requireTrue(!_completeExit(i), "I-54 paid out too early");
            if (_isLiar(i) && _chance(50)) return _report(i, _anybody());
            vm.warp(seat.exitAt);
            if (_isLiar(i)) requireTrue(!_report(i, _anybody()), "I-54 slashed too late");
            return _completeExit(i);
        }
        return false;
    }

    /// @dev I-52 A second before `activeFrom` a signer does not count, at `activeFrom` it does.
    function _actActivateToTheSecond() private returns (bool) {
        for (uint256 i = 0; i < seats.length; ++i) {
            Seat storage seat = seats[i];
            bool isPending = seat.standing == IQuorumEvidence.Standing.Member && block.timestamp < seat.activeFrom;
            if (!isPending || seat.stakeWei < MIN_STAKE_WEI) continue;
            vm.warp(seat.activeFrom - 1);
            requireTrue(!COMMITTEE.isActive(seat.signer), "I-52 counts too early");
            vm.warp(seat.activeFrom);
            requireTrue(COMMITTEE.isActive(seat.signer), "I-52 counts too late");
            return true;
        }
        return false;
    }

    function _actWithdraw() private returns (bool) {
        uint256 from = _below(ACTORS);
        for (uint256 n = 0; n < ACTORS && _chance(95); ++n) {
            address account = actors[(from + n) % ACTORS];
            if (creditWei[address(COMMITTEE)][account][ETHER] != 0) return _withdraw(account);
        }
        return _withdraw(actors[from]);
    }

    function _withdraw(address account) private returns (bool) {
        uint256 owedWei = creditWei[address(COMMITTEE)][account][ETHER];
        address to = address(0xD0);
        uint256 beforeWei = to.balance;
        bytes4 refusal = owedWei == 0 ? IVault.NothingToWithdraw.selector : bytes4(0);
        _expect(account, abi.encodeCall(IVault.withdraw, (ETHER, to)), 0, refusal);
        requireEqual(to.balance - beforeWei, owedWei, "I-51 paid out");
        creditWei[address(COMMITTEE)][account][ETHER] = 0;
        return owedWei != 0;
    }

    /// @dev Ether cannot be refused.
    function _actForceEther() private returns (bool) {
        uint256 amountWei = 1 + _below(1 ether);
        vm.deal(address(COMMITTEE), address(COMMITTEE).balance + amountWei);
        donatedWei[address(COMMITTEE)][ETHER] += amountWei;
        return true;
    }

    /* CONTRADICTIONS */

    function _actReportContradiction() private returns (bool) {
        for (uint256 tries = 0; tries < 6; ++tries) {
            uint256 seat = _anySeat(50);
            if (_isLiar(seat)) return _report(seat, _chance(20) ? seats[seat].owner : _anybody());
        }
        return false;
    }

    /// @dev I-56 The whole stake, once: a fifth to whoever reports it, the rest burnt.
    function _report(uint256 at_, address reporter) private returns (bool) {
        Seat storage seat = seats[at_];
        Claim memory claim = _newClaim(RERUN);
        IQuorumEvidence.Verdict memory a = _verdict(at_, claim, _anybody());
        claim.outputHash = keccak256(abi.encode(claim.outputHash));
        if (_chance(50)) claim.requestId = bytes32(0);
        IQuorumEvidence.Verdict memory b = _verdict(at_, claim, _anybody());
        bool isLeaving = seat.standing == IQuorumEvidence.Standing.Leaving && block.timestamp < seat.exitAt;
        bool isAtRisk = seat.standing == IQuorumEvidence.Standing.Member || isLeaving;
        bytes4 refusal = isAtRisk ? bytes4(0) : IQuorumEvidence.NothingAtStake.selector;
        _expect(reporter, abi.encodeCall(IQuorumEvidence.reportContradiction, (a, b)), 0, refusal);
        if (!isAtRisk) return false;
        uint256 reporterWei = seat.stakeWei / 5;
        _expectCredit(address(COMMITTEE), reporter, ETHER, reporterWei);
        burntStakeWei += seat.stakeWei - reporterWei;
        (seat.stakeWei, seat.standing) = (0, IQuorumEvidence.Standing.Slashed);
        return true;
    }

    function _verdict(
        uint256 seat,
        Claim memory claim,
        address beneficiary
    ) private view returns (IQuorumEvidence.Verdict memory) {
        // A copy: the caller may go on to alter the claim.
        Claim memory copy = abi.decode(abi.encode(claim), (Claim));
        bytes memory signature = _signed(seat, SETTLEMENT.claimIdOf(copy), beneficiary);
        return IQuorumEvidence.Verdict(copy, beneficiary, signature);
    }

    /// @dev I-57 Whatever a signer signs that is no contradiction costs it nothing.
    function _actReportWrongly() private returns (bool) {
        uint256 seat = _anySeat(90);
        uint256 other = seat;
        uint256 fault = _below(7);
        Claim memory claim = _newClaim(fault == 3 ? SAMPLED : RERUN);
        address beneficiary = _anybody();
        IQuorumEvidence.Verdict memory a = _verdict(seat, claim, beneficiary);
        bytes4 refusal = IQuorumEvidence.NoContradiction.selector;
        if (fault == 0) claim.inputHash = bytes32(uint256(1));
        if (fault == 1) claim.requestId = bytes32(uint256(1));
        if (fault == 2) claim.modelId = SAMPLED;
        if (fault < 6 && fault != 1) claim.outputHash = bytes32(uint256(1));
        if (fault == 3) refusal = IQuorumEvidence.ModelNotReexecutable.selector;
        if (fault == 4 || fault == 5) refusal = IQuorumEvidence.SignersDiffer.selector;
        if (fault == 4) other = (seat + 1) % seats.length;
        IQuorumEvidence.Verdict memory b = _verdict(other, claim, beneficiary);
        // Signed for somebody else, it is some other key's word.
        if (fault == 5) b.beneficiary = address(0xBAD);
        _expect(_anybody(), abi.encodeCall(IQuorumEvidence.reportContradiction, (a, b)), 0, refusal);
        return true;
    }

    /* VERDICTS */

    function _actCheck() private returns (bool) {
        uint256[] memory chosen = _quorum(THRESHOLD + _below(3));
        if (chosen.length < THRESHOLD) return false;
        Claim memory claim = _newClaim(RERUN);
        bytes32 claimId = SETTLEMENT.claimIdOf(claim);
        address beneficiary = _anybody();
        bytes memory evidence = _evidenceOf(chosen, claimId, beneficiary);
        (bytes4 magic, uint32 source) = COMMITTEE.check(claim, claimId, beneficiary, evidence);
        requireTrue(magic == IEvidence.check.selector && source == 0, "I-53 a quorum was not believed");
        return true;
    }

    /// @dev I-53 One thing is wrong with a quorum's evidence.
    function _actCheckWrongly() private returns (bool) {
        uint256 fault = _below(10);
        uint256[] memory chosen = _quorum(fault == 0 || fault == 4 ? THRESHOLD - 1 : THRESHOLD);
        if (chosen.length < (fault == 0 || fault == 4 ? THRESHOLD - 1 : THRESHOLD)) return false;
        if (fault == 4) {
            (bool found, uint256 idle) = _idle();
            if (!found) return false;
            chosen = _with(chosen, idle);
        }
        if (fault == 2) chosen[2] = chosen[1];
        if (fault == 3) (chosen[0], chosen[2]) = (chosen[2], chosen[0]);
        Claim memory claim = _newClaim(fault == 7 ? SAMPLED : RERUN);
        bytes32 claimId = SETTLEMENT.claimIdOf(claim);
        address beneficiary = _anybody();
        bytes memory evidence = _evidenceOf(chosen, claimId, beneficiary);
        if (fault == 1) evidence = bytes.concat(evidence, bytes1(0));
        if (fault == 5) beneficiary = address(0xBAD);
        if (fault == 6) claimId = keccak256(abi.encode(claimId));
        if (fault > 7) {
            address committee = fault == 8 ? address(0xBAD) : address(COMMITTEE);
            bytes32 digest = _digestOf(claimId, beneficiary, committee, block.chainid + fault - 8);
            evidence = "";
            for (uint256 i = 0; i < chosen.length; ++i) {
                evidence = bytes.concat(evidence, _signedFor(chosen[i], digest));
            }
        }
        bytes4 refusal = IQuorumEvidence.SignerNotActive.selector;
        if (fault < 2) refusal = IQuorumEvidence.BadSignatures.selector;
        else if (fault < 4) refusal = IQuorumEvidence.SignersNotAscending.selector;
        else if (fault == 7) refusal = IQuorumEvidence.ModelNotReexecutable.selector;
        _expect(_anybody(), abi.encodeCall(IEvidence.check, (claim, claimId, beneficiary, evidence)), 0, refusal);
        return true;
    }

    /// @dev Somebody that does not count: not yet, not any more, with too little at stake, or never.
    function _idle() private returns (bool, uint256 seat) {
        uint256 from = _below(seats.length);
        for (uint256 n = 0; n < seats.length; ++n) {
            seat = (from + n) % seats.length;
            if (!_counts(seats[seat])) return (true, seat);
        }
        return (false, 0);
    }

    function _with(uint256[] memory chosen, uint256 seat) private view returns (uint256[] memory more) {
        more = new uint256[](chosen.length + 1);
        for (uint256 i = 0; i < chosen.length; ++i) more[i] = chosen[i];
        more[chosen.length] = seat;
        _ascending(more);
    }

    /* CLAIMS IN SETTLEMENT */

    function _actCommit() private returns (bool) {
        Claim memory claim = _newClaim(RERUN);
        Case storage case_ = _cases.push();
        case_.claim = claim;
        case_.committedAt = block.timestamp;
        case_.header = BatchHeader({
            operator: OPERATOR,
            policyId: POLICY,
            modelId: RERUN,
            root: BatchLib.leaf(0, SETTLEMENT.claimIdOf(claim)),
            dataRoot: 0,
            count: 1,
            oldestServedAt: claim.servedAt,
            nonce: uint64(_cases.length)
        });
        case_.batchId = SETTLEMENT.batchIdOf(case_.header);
        vm.prank(OPERATOR);
        SETTLEMENT.commit(case_.header);
        return true;
    }

    function _actChallenge() private returns (bool) {
        for (uint256 i = _cases.length; i > 0; --i) {
            Case storage case_ = _cases[i - 1];
            if (case_.challenger != address(0) || case_.isOver) continue;
            if (block.timestamp >= case_.committedAt + 14 days) return false;
            if (_chance(30)) continue;
            case_.challenger = _anybody();
            vm.deal(case_.challenger, case_.challenger.balance + 0.3 ether);
            vm.prank(case_.challenger);
            SETTLEMENT.challenge{value: 0.3 ether}(case_.header, case_.claim, 0, new bytes32[](0));
            return true;
        }
        return false;
    }

    /// @dev I-52 Whoever answers was in the committee before the claim was committed.
    function _actAnswer() private returns (bool) {
        (bool found, uint256 place) = _disputed(true);
        if (!found) return false;
        Case storage case_ = _cases[place];
        uint256[] memory chosen = _quorum(THRESHOLD + _below(3));
        address beneficiary = _anybody();
        bytes32 claimId = SETTLEMENT.claimIdOf(case_.claim);
        if (chosen.length < THRESHOLD) {
            (bool isIdle, uint256 idle) = _idle();
            if (isIdle) chosen = _with(chosen, idle);
        }
        bool isQuorum = chosen.length >= THRESHOLD;
        for (uint256 i = 0; i < chosen.length; ++i) isQuorum = isQuorum && _counts(seats[chosen[i]]);
        bytes memory evidence = _evidenceOf(chosen, claimId, beneficiary);
        vm.prank(_anybody());
        (bool isAnswered, ) = address(SETTLEMENT).call(
            abi.encodeCall(
                SETTLEMENT.answer,
                (case_.batchId, case_.claim, 0, case_.challenger, EvidenceKind.QUORUM, beneficiary, evidence)
            )
        );
        requireTrue(isAnswered == isQuorum, "I-53 whether an answer is believed");
        if (!isAnswered) return false;
        for (uint256 i = 0; i < chosen.length; ++i) {
            requireAtMost(seats[chosen[i]].addedAt, case_.committedAt, "I-52 a judge brought in later");
        }
        case_.isOver = true;
        return true;
    }

    function _actResolve() private returns (bool) {
        (bool found, uint256 place) = _disputed(false);
        if (!found) return false;
        Case storage case_ = _cases[place];
        SETTLEMENT.resolve(case_.batchId, case_.claim, 0, case_.challenger);
        case_.isOver = true;
        return true;
    }

    /// @dev I-55 The operator may void its challenge where the guardian took the quorum away after the claim was
    /// served.
    function _actVoid() private returns (bool) {
        (bool found, uint256 place) = _disputed(true);
        if (!found) return false;
        Case storage case_ = _cases[place];
        bool isFaulted = expectedFaultedAt >= case_.claim.servedAt;
        vm.prank(OPERATOR);
        (bool isVoided, ) = address(SETTLEMENT).call(
            abi.encodeCall(SETTLEMENT.voidChallenge, (case_.batchId, case_.claim, 0, case_.challenger))
        );
        requireTrue(isVoided == isFaulted, "I-55 whether a challenge is voided");
        case_.isOver = isVoided;
        return isVoided;
    }

    function _disputed(bool isInTime) private view returns (bool, uint256 place) {
        for (; place < _cases.length; ++place) {
            Case storage case_ = _cases[place];
            if (case_.challenger == address(0) || case_.isOver) continue;
            (LeafState state, , uint40 deadline, ) = SETTLEMENT.leafOf(case_.batchId, 0);
            if (state == LeafState.Challenged && (block.timestamp < deadline) == isInTime) return (true, place);
        }
        return (false, 0);
    }

    /* TIME */

    function _actPassHours() private returns (bool) {
        vm.warp(block.timestamp + 1 + _below(20 hours));
        return true;
    }

    function _actPassDays() private returns (bool) {
        vm.warp(block.timestamp + 1 + _below(6 days));
        return true;
    }

    function _anySeat(uint256 percentOfMembers) private returns (uint256 seat) {
        uint256 from = _below(seats.length);
        if (!_chance(percentOfMembers)) return from;
        for (uint256 n = 0; n < seats.length; ++n) {
            seat = (from + n) % seats.length;
            if (seats[seat].standing == IQuorumEvidence.Standing.Member) return seat;
        }
        return from;
    }

    /* INVARIANTS */

    function checkAll() external view {
        // I-51 Exactly: what was forced in is known here.
        uint256 owedWei = burntStakeWei + donatedWei[address(COMMITTEE)][ETHER];
        uint256 memberCount = 0;
        for (uint256 i = 0; i < seats.length; ++i) {
            owedWei += seats[i].stakeWei;
            if (seats[i].standing == IQuorumEvidence.Standing.Member) memberCount += 1;
            _checkSeat(seats[i]);
        }
        for (uint256 i = 0; i < ACTORS; ++i) {
            uint256 ownWei = creditWei[address(COMMITTEE)][actors[i]][ETHER];
            requireEqual(COMMITTEE.creditOf(actors[i], ETHER), ownWei, "I-51 credit");
            owedWei += ownWei;
        }
        requireEqual(address(COMMITTEE).balance, owedWei, "I-51 balance");
        requireEqual(COMMITTEE.activeCount(), _countOfCounting(), "I-53 members that count");
        requireEqual(COMMITTEE.faultedAt(RERUN), expectedFaultedAt, "I-55 faulted");
        requireEqual(COMMITTEE.compromisedSince(0), 0, "nothing is taken back");
        _checkMembers(memberCount);
    }

    /// @dev I-50 The list is what the ledger has as members, each once.
    function _checkMembers(uint256 memberCount) private view {
        address[] memory members = COMMITTEE.members();
        requireAtMost(members.length, MAX_MEMBERS, "I-50 members");
        requireEqual(members.length, memberCount, "I-50 members of the ledger");
        for (uint256 i = 0; i < members.length; ++i) {
            uint256 place = seatOf[members[i]];
            requireTrue(place != 0, "I-50 a stranger in the committee");
            bool isMember = seats[place - 1].standing == IQuorumEvidence.Standing.Member;
            requireTrue(isMember, "I-50 somebody stayed in the committee");
            for (uint256 k = 0; k < i; ++k) requireTrue(members[k] != members[i], "I-50 twice in the committee");
        }
    }

    function _checkSeat(Seat storage seat) private view {
        IQuorumEvidence.Signer memory entry = COMMITTEE.signerOf(seat.signer);
        requireEqual(uint256(entry.standing), uint256(seat.standing), "I-54 standing");
        requireEqual(entry.stakeWei, seat.stakeWei, "I-51 stake");
        requireEqual(entry.activeFrom, seat.activeFrom, "I-52 active from");
        requireEqual(entry.exitAt, seat.exitAt, "I-54 exit");
        requireTrue(COMMITTEE.isActive(seat.signer) == _counts(seat), "I-53 who counts");
    }
}
