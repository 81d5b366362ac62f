// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInferenceRequests} from "../../../contracts/interfaces/IInferenceRequests.sol";
import {IVault} from "../../../contracts/interfaces/IVault.sol";
import {Claim} from "../../../contracts/types/Claim.sol";
import {Request, RequestState} from "../../../contracts/types/Request.sol";
import {EvidenceKind, EvidenceRule, Status} from "../../../contracts/types/Status.sol";
import {requireAtMost, requireEqual, requireTrue, vm} from "../Vm.sol";
import {Batch, Ref} from "../settlement/World.sol";
import {Ask, RequestsWorld} from "./RequestsWorld.sol";
import {WalkRequester} from "./WalkRequester.sol";

/// @notice Walks at random through everything that can be done with requests, while the claims that answer them go
/// their ways in the real Settlement. Of what changes something: `request`, `fulfil`, `settle`, `expire`, `redeliver`
/// and `withdraw`, from outside and from inside callbacks.
contract RequestsWalk is RequestsWorld {
    uint256 public constant ACTS = 32;
    /// @dev What a callback may do first in the list of counts: settle, fulfil, redeliver, expire, withdraw.
    uint256 public constant NESTED = 5;
    /// @dev How often each act is drawn, in the order of `_act`.
    bytes private constant WEIGHTS = hex"3c0422080c0506050804050804061e1e18061406050310080a04043208061018";
    uint256 private constant MAX_UNENDED = 24;
    address private constant PAYEE = address(0xC000);

    uint256[ACTS] public successes;
    uint256[NESTED] public nested;

    /// @dev What is planned for inside the next callback. A zero selector: evidence for the claim.
    struct Plan {
        bytes4 selector;
        uint256 ask;
        uint256 offer;
    }
    Plan[] private _plans;

    /* STEPS */

    function step(uint256 seed) external {
        _seed(seed);
        uint256 act = _drawAct(WEIGHTS);
        if (_act(act)) successes[act] += 1;
        _noteCertain();
    }

    /// @notice I-44 Everything comes to its end, at any later time and whoever the requester is; and everybody is paid.
    function finish() external {
        vm.warp(block.timestamp + 100 days);
        while (disputes.length > 0) requireTrue(_actResolve() || _actResolveDemand(), "I-07 a dispute never ends");
        while (unended.length > 0) {
            uint256 asked = unended[unended.length - 1];
            bool isOpen = asks[asked].state == RequestState.Open;
            bytes4 refusal =
                isOpen ? _expire(asked) : _do(IInferenceRequests.settle.selector, asked, asks[asked].offer);
            requireEqual(uint32(refusal), 0, "I-44 a fee is stuck");
        }
        for (uint256 i = 0; i < REQUESTERS; ++i) _withdrawFromRequests(address(requesters[i]));
        for (uint256 i = 0; i < OPERATORS; ++i) _withdrawFromRequests(actors[i]);
        requireEqual(address(REQUESTS).balance, donatedWei[address(REQUESTS)][ETHER], "I-40 rest");
        for (uint256 i = 0; i < asks.length; ++i) _checkAsk(i);
    }

    function _act(uint256 act) private returns (bool) {
        function() internal returns (bool)[ACTS] memory acts = [
            _actAsk,
            _actAskWrongly,
            _actOffer,
            _actProve,
            _actAttestBatch,
            _actShow,
            _actChallenge,
            _actAnswer,
            _actResolve,
            _actDisprove,
            _actDemandReveal,
            _actVoidByGuardian,
            _actReveal,
            _actResolveDemand,
            _actReopen,
            _actFulfil,
            _actSettle,
            _actExpire,
            _actRedeliver,
            _actWithdrawAsRequester,
            _actWithdrawAsOperator,
            _actForceEther,
            _actSetManner,
            _actCompromiseEnclave,
            _actPassMinutes,
            _actPassHours,
            _actExpireToTheSecond,
            _actReenter,
            _actMeddle,
            _actStarve,
            _actFulfilToTheSecond,
            _actFulfilOnDoubtedWord
        ];
        return acts[act]();
    }

    /* ASKING */

    function _actAsk() private returns (bool) {
        if (unended.length >= MAX_UNENDED) return false;
        (Request memory request, uint256 requester, uint256 policy) = _newRequest();
        _expect(
            address(requesters[requester]),
            abi.encodeCall(IInferenceRequests.request, (request, "input")),
            request.feeWei,
            0
        );
        Ask storage ask = asks.push();
        (ask.request, ask.requester, ask.policy, ask.state) = (request, requester, policy, RequestState.Open);
        ask.id = REQUESTS.requestIdOf(request);
        askOf[ask.id] = asks.length;
        unended.push(asks.length - 1);
        return true;
    }

    function _newRequest() private returns (Request memory request, uint256 requester, uint256 policy) {
        requester = _below(REQUESTERS);
        request.requester = address(requesters[requester]);
        request.modelId = models[_below(MODELS)];
        policy = _below(ASKED_POLICIES);
        request.policyId = policyIds[policy];
        if (_chance(30)) request.operator = actors[HONEST + _below(OPERATORS - HONEST)];
        request.inputHash = bytes32(_below(NONE));
        request.feeWei = uint96(_chance(10) ? 0 : _below(1 ether));
        request.minStatus = Status(_chance(60) ? 1 : 1 + _below(4));
        request.expiresAt = uint40(
            block.timestamp + (_chance(70) ? 5 minutes + _below(12 hours) : 1 + _below(30 days))
        );
        if (request.expiresAt < block.timestamp + 5 minutes) request.expiresAt = uint40(block.timestamp + 30 days);
        uint32[4] memory limits = [uint32(200_000), 1_500_000, 2_500_000, 5_000_000];
        if (_chance(90)) request.callbackGasLimit = limits[_below(4)];
        request.nonce = _nextNonce();
    }

    /// @dev One term at a time is out of bounds.
    function _actAskWrongly() private returns (bool) {
        (Request memory request, uint256 requester, ) = _newRequest();
        address caller = address(requesters[requester]);
        uint256 valueWei = request.feeWei;
        bytes4 refusal;
        uint256 fault = _below(11);
        if (fault == 0) (caller, refusal) = (_anybody(), IInferenceRequests.NotRequester.selector);
        if (fault == 1) (request.minStatus, refusal) = (Status.Unknown, IInferenceRequests.BadMinStatus.selector);
        if (fault == 2) (request.minStatus, refusal) = (Status.Challenged, IInferenceRequests.BadMinStatus.selector);
        if (fault == 3) {
            request.expiresAt = uint40(block.timestamp + 5 minutes - 1);
            refusal = IInferenceRequests.BadExpiry.selector;
        }
        if (fault == 4) {
            request.expiresAt = uint40(block.timestamp + 30 days + 1);
            refusal = IInferenceRequests.BadExpiry.selector;
        }
        if (fault == 5) {
            (request.callbackGasLimit, refusal) = (5_000_001, IInferenceRequests.CallbackGasTooHigh.selector);
        }
        if (fault == 6) (request.modelId, refusal) = (bytes32(0), IInferenceRequests.NeverAnswerable.selector);
        if (fault == 7)
            (request.policyId, refusal) = (policyIds[ASKED_POLICIES], IInferenceRequests.PolicyClosed.selector);
        if (fault == 8) (request.modelId, refusal) = (UNREGISTERED, IInferenceRequests.OutputSchemeUnknown.selector);
        if (fault == 9) (valueWei, refusal) = (valueWei + 1, IVault.WrongPayment.selector);
        if (fault == 10) {
            if (asks.length == 0) return false;
            // Its terms must still be within bounds, and it may be in any state but unknown.
            Ask storage ask = asks[asks.length - 1];
            if (ask.request.expiresAt < block.timestamp + 5 minutes) return false;
            (request, caller, valueWei) = (ask.request, ask.request.requester, ask.request.feeWei);
            refusal = IInferenceRequests.RequestKnown.selector;
        }
        uint256 beforeWei = address(REQUESTS).balance;
        _expect(caller, abi.encodeCall(IInferenceRequests.request, (request, "")), valueWei, refusal);
        requireEqual(address(REQUESTS).balance, beforeWei, "I-40 paid for nothing");
        return true;
    }

    /* CLAIMS */

    /// @dev A batch of which the first claim answers an open request, if others do too all the better.
    function _actOffer() private returns (bool) {
        if (unended.length == 0) return false;
        uint256 asked = unended[_below(unended.length)];
        Ask storage ask = asks[asked];
        if (ask.state != RequestState.Open || ask.offers.length >= 3) return false;
        uint256 operator = HONEST + _below(OPERATORS - HONEST);
        for (uint256 i = 0; i < OPERATORS; ++i) if (ask.request.operator == actors[i]) operator = i;
        wanted = asked;
        // Releasing makes room for more, and changes no status.
        while (live.length > 12 && _actRelease()) continue;
        bool isCommitted = live.length < 24 && _commit(operator, ask.policy);
        wanted = NONE;
        if (isCommitted) _enterOffers();
        else _stake(operator, _policyToken(ask.policy), 50 ether);
        return isCommitted;
    }

    function _actReopen() private returns (bool) {
        return _actReopenBatch() || _actReopenClaim();
    }

    function _policyToken(uint256 policy) private view returns (address) {
        return policies[policy].bondToken;
    }

    /* THE SPECIFICATION */

    function _refusalOfFulfil(uint256 asked, uint256 with) private view returns (bytes4) {
        Ask storage ask = asks[asked];
        if (ask.state != RequestState.Open) return IInferenceRequests.WrongState.selector;
        if (block.timestamp >= ask.request.expiresAt) return IInferenceRequests.RequestOver.selector;
        if (offers[with].ask != asked) return IInferenceRequests.NotAnAnswer.selector;
        Status status = _standing(with);
        if (status < ask.request.minStatus || status > Status.Final) return IInferenceRequests.AnswerTooLow.selector;
        bool isOpenToDoubt = block.timestamp + 5 minutes <= SETTLEMENT.finalAt(batches[offers[with].ref.batch].id);
        if (!isOpenToDoubt && !_isVouchedForOrShown(with)) return IInferenceRequests.NeverShown.selector;
        return 0;
    }

    function _refusalOfSettle(uint256 asked, uint256 with) private view returns (bytes4) {
        Ask storage ask = asks[asked];
        if (ask.state != RequestState.Delivered) return IInferenceRequests.WrongState.selector;
        if (ask.offer != with) return IInferenceRequests.OtherClaim.selector;
        return _isTerminal(_standing(with)) ? bytes4(0) : IInferenceRequests.NotSettledYet.selector;
    }

    function _refusalOfExpire(uint256 asked) private view returns (bytes4) {
        if (asks[asked].state != RequestState.Open) return IInferenceRequests.WrongState.selector;
        bool isOver = block.timestamp >= asks[asked].request.expiresAt;
        return isOver ? bytes4(0) : IInferenceRequests.RequestNotOver.selector;
    }

    /// @dev But for the callback itself.
    function _refusalOfRedeliver(uint256 asked, uint256 with) private view returns (bytes4) {
        Ask storage ask = asks[asked];
        if (!ask.isUndelivered) return IInferenceRequests.NothingToRedeliver.selector;
        if (ask.offer != with) return IInferenceRequests.OtherClaim.selector;
        if (ask.state != RequestState.Delivered) return 0;
        Status status = _standing(with);
        if (status < ask.request.minStatus || status > Status.Final) return IInferenceRequests.AnswerTooLow.selector;
        return status == Status.Final ? IInferenceRequests.SettleFirst.selector : bytes4(0);
    }

    function _refusalOf(bytes4 selector, uint256 asked, uint256 with) private view returns (bytes4) {
        if (selector == IInferenceRequests.fulfil.selector) return _refusalOfFulfil(asked, with);
        if (selector == IInferenceRequests.settle.selector) return _refusalOfSettle(asked, with);
        if (selector == IInferenceRequests.redeliver.selector) return _refusalOfRedeliver(asked, with);
        if (selector == IInferenceRequests.expire.selector) return _refusalOfExpire(asked);
        return
            creditWei[address(REQUESTS)][asks[asked].request.requester][ETHER] == 0
                ? IVault.NothingToWithdraw.selector
                : bytes4(0);
    }

    /* WHAT IT COMES TO */

    /// @param status How the claim stood when the call was made: inside a callback it may have become final.
    function _apply(bytes4 selector, uint256 asked, uint256 with, Status status) private {
        Ask storage ask = asks[asked];
        if (selector == IInferenceRequests.fulfil.selector) _applyFulfil(asked, with, status);
        else if (selector == IInferenceRequests.settle.selector) _applySettle(asked, status);
        else if (selector == IInferenceRequests.redeliver.selector) {
            if (ask.state == RequestState.Delivered) ask.told = status;
            ask.isUndelivered = false;
            tells[asked][ask.state] += 1;
        } else if (selector == IInferenceRequests.expire.selector) {
            _end(asked, RequestState.Expired);
            _expectCredit(address(REQUESTS), ask.request.requester, ETHER, ask.request.feeWei);
        }
    }

    function _applyFulfil(uint256 asked, uint256 with, Status status) private {
        Ask storage ask = asks[asked];
        (ask.offer, ask.deliveredAt, ask.told) = (with, block.timestamp, status);
        if (status == Status.Final) {
            _end(asked, RequestState.Settled);
            _expectCredit(address(REQUESTS), _claimAt(with).operator, ETHER, ask.request.feeWei);
        } else ask.state = RequestState.Delivered;
        _applyCallback(asked);
    }

    function _applySettle(uint256 asked, Status status) private {
        Ask storage ask = asks[asked];
        bool isFinal = status == Status.Final;
        ask.told = status;
        _end(asked, isFinal ? RequestState.Settled : RequestState.Refunded);
        address paid = isFinal ? _claimAt(ask.offer).operator : ask.request.requester;
        _expectCredit(address(REQUESTS), paid, ETHER, ask.request.feeWei);
        bool wasLookedAt =
            ask.isCertain || _isVouchedForOrShown(ask.offer) || block.timestamp >= ask.deliveredAt + 5 minutes;
        requireTrue(!isFinal || wasLookedAt, "I-48 final unseen");
        _applyCallback(asked);
    }

    /// @dev Evidence may be taken back later, which changes nothing about what was final by then.
    function _noteCertain() private {
        for (uint256 i = 0; i < unended.length; ++i) {
            Ask storage ask = asks[unended[i]];
            if (ask.state == RequestState.Delivered && !ask.isCertain) ask.isCertain = _isVouchedForOrShown(ask.offer);
        }
    }

    /// @dev A requester that does nothing inside its callback is told or not as it will; one that does may run out of
    /// gas. Whichever it was, the contract must say the same.
    function _applyCallback(uint256 asked) private {
        Ask storage ask = asks[asked];
        ask.isUndelivered = false;
        if (ask.request.callbackGasLimit == 0) return;
        WalkRequester requester = requesters[ask.requester];
        bool isTold = requester.manner() == WalkRequester.Manner.Accept;
        if (_plans.length > 0) {
            bool wasTold = requester.tells(ask.id, ask.state) == tells[asked][ask.state] + 1;
            requireTrue(isTold || !wasTold, "I-41 told against its will");
            isTold = wasTold;
        }
        if (isTold) tells[asked][ask.state] += 1;
        else ask.isUndelivered = true;
    }

    function _end(uint256 asked, RequestState state) private {
        asks[asked].state = state;
        for (uint256 i = 0; i < unended.length; ++i) {
            if (unended[i] != asked) continue;
            unended[i] = unended[unended.length - 1];
            unended.pop();
            return;
        }
        requireTrue(false, "I-40 ended twice");
    }

    /* ACTS ON REQUESTS */

    function _actFulfil() private returns (bool) {
        return _try(IInferenceRequests.fulfil.selector);
    }

    function _actSettle() private returns (bool) {
        return _try(IInferenceRequests.settle.selector);
    }

    function _actExpire() private returns (bool) {
        if (asks.length == 0) return false;
        uint256 asked = unended.length > 0 && _chance(60) ? unended[_below(unended.length)] : _below(asks.length);
        for (uint256 i = 0; i < unended.length; ++i) {
            if (_chance(80) && _refusalOfExpire(unended[i]) == 0) asked = unended[i];
        }
        return _expire(asked) == 0;
    }

    function _actRedeliver() private returns (bool) {
        return _try(IInferenceRequests.redeliver.selector);
    }

    /// @dev Mostly where it works, now and then anywhere: what must fail, fails.
    function _try(bytes4 selector) private returns (bool) {
        (bool found, uint256 asked, uint256 with) = _find(selector, _chance(75));
        if (!found) return false;
        return _do(selector, asked, with) == 0;
    }

    function _find(bytes4 selector, bool mustWork) private returns (bool, uint256 asked, uint256 with) {
        if (offers.length == 0) return (false, 0, 0);
        if (mustWork && selector == IInferenceRequests.redeliver.selector) return _findUndelivered();
        for (uint256 tries = 0; tries < 40; ++tries) {
            bool isLive = unended.length > 0 && _chance(mustWork ? 85 : 70);
            asked = isLive ? unended[_below(unended.length)] : _below(asks.length);
            uint256 count = asks[asked].offers.length;
            bool isForeign = count == 0 || (!mustWork && _chance(20));
            with = isForeign ? _below(offers.length) : asks[asked].offers[_below(count)];
            if (!mustWork || _refusalOf(selector, asked, with) == 0) return (true, asked, with);
        }
        return (false, 0, 0);
    }

    /// @dev They are rare. Mostly one whose requester would listen now.
    function _findUndelivered() private returns (bool, uint256 asked, uint256 with) {
        uint256 from = _below(asks.length);
        for (uint256 n = 0; n < asks.length; ++n) {
            asked = (from + n) % asks.length;
            with = asks[asked].offer;
            if (!asks[asked].isUndelivered || _refusalOfRedeliver(asked, with) != 0) continue;
            bool isDeaf = requesters[asks[asked].requester].manner() != WalkRequester.Manner.Accept;
            if (!isDeaf || _chance(30)) return (true, asked, with);
        }
        return (false, 0, 0);
    }

    function _do(bytes4 selector, uint256 asked, uint256 with) private returns (bytes4 refusal) {
        refusal = _refusalOf(selector, asked, with);
        bool isRedelivery = refusal == 0 && selector == IInferenceRequests.redeliver.selector;
        if (isRedelivery && requesters[asks[asked].requester].manner() != WalkRequester.Manner.Accept) {
            refusal = IInferenceRequests.RedeliveryFailed.selector;
        }
        Status status = _standing(with);
        _expect(_anybody(), _encode(selector, asked, with), 0, refusal);
        if (refusal == 0) _apply(selector, asked, with, status);
    }

    function _expire(uint256 asked) private returns (bytes4 refusal) {
        refusal = _refusalOfExpire(asked);
        _expect(_anybody(), abi.encodeCall(IInferenceRequests.expire, (asks[asked].request)), 0, refusal);
        if (refusal == 0) _apply(IInferenceRequests.expire.selector, asked, 0, Status.Unknown);
    }

    /// @dev I-44 A second before its time a request does not expire, and could be answered; at its time it is the other
    /// way round.
    function _actExpireToTheSecond() private returns (bool) {
        for (uint256 i = 0; i < unended.length; ++i) {
            uint256 asked = unended[i];
            uint256 expiresAt = asks[asked].request.expiresAt;
            bool isNear = block.timestamp < expiresAt && expiresAt < block.timestamp + 8 hours;
            if (asks[asked].state != RequestState.Open || !isNear) continue;
            vm.warp(expiresAt - 1);
            requireTrue(_expire(asked) == IInferenceRequests.RequestNotOver.selector, "I-44 expired too early");
            if (_chance(30) && asks[asked].offers.length > 0) {
                uint256 with = asks[asked].offers[0];
                if (_do(IInferenceRequests.fulfil.selector, asked, with) == 0) return true;
            }
            vm.warp(expiresAt);
            if (offers.length > 0) {
                bytes4 refusal = _do(IInferenceRequests.fulfil.selector, asked, _below(offers.length));
                requireTrue(refusal == IInferenceRequests.RequestOver.selector, "I-44 answered too late");
            }
            requireTrue(_expire(asked) == 0, "I-44 expired too late");
            return true;
        }
        return false;
    }

    /// @dev I-48 What nobody has seen is delivered five minutes before its clock runs out, and not a second later.
    function _actFulfilToTheSecond() private returns (bool) {
        for (uint256 n = 0; n < offers.length && n < 60; ++n) {
            uint256 with = offers.length - 1 - n;
            uint256 asked = offers[with].ask;
            Ask storage ask = asks[asked];
            uint256 until = SETTLEMENT.finalAt(batches[offers[with].ref.batch].id) - 5 minutes;
            if (ask.state != RequestState.Open || until < block.timestamp || until + 1 >= ask.request.expiresAt)
                continue;
            if (_refusalOfFulfil(asked, with) != 0 || _isVouchedForOrShown(with)) continue;
            bool isLate = _chance(50);
            vm.warp(isLate ? until + 1 : until);
            bytes4 refusal = isLate ? IInferenceRequests.NeverShown.selector : bytes4(0);
            requireTrue(_do(IInferenceRequests.fulfil.selector, asked, with) == refusal, "I-48 shown too late");
            return true;
        }
        return false;
    }

    /// @dev I-48 An enclave whose key was compromised when it vouched, or later: its word counts no more, or still does.
    function _actFulfilOnDoubtedWord() private returns (bool) {
        for (uint256 n = 0; n < offers.length && n < 60; ++n) {
            uint256 with = offers.length - 1 - n;
            uint256 asked = offers[with].ask;
            if (asks[asked].state != RequestState.Open || _refusalOfFulfil(asked, with) != 0) continue;
            (bool found, uint32 source, uint40 acceptedAt) = _enclaveOf(with);
            uint256 finalAt = SETTLEMENT.finalAt(batches[offers[with].ref.batch].id);
            if (!found || block.timestamp + 5 minutes <= finalAt) continue;
            bool isFallen = _chance(50);
            TEE.markCompromised(source, isFallen ? acceptedAt : acceptedAt + 1);
            if (source == teeSource) teeSource += 1;
            bytes4 refusal = isFallen ? IInferenceRequests.NeverShown.selector : bytes4(0);
            requireTrue(_do(IInferenceRequests.fulfil.selector, asked, with) == refusal, "I-48 whose word counts");
            return true;
        }
        return false;
    }

    function _actWithdrawAsRequester() private returns (bool) {
        return _withdrawFromRequests(address(requesters[_below(REQUESTERS)]));
    }

    function _actWithdrawAsOperator() private returns (bool) {
        return _withdrawFromRequests(actors[HONEST + _below(OPERATORS - HONEST)]);
    }

    function _withdrawFromRequests(address account) private returns (bool) {
        uint256 owedWei = creditWei[address(REQUESTS)][account][ETHER];
        bytes4 refusal = owedWei == 0 ? IVault.NothingToWithdraw.selector : bytes4(0);
        uint256 beforeWei = PAYEE.balance;
        _expect(account, abi.encodeCall(IVault.withdraw, (ETHER, PAYEE)), 0, refusal);
        requireEqual(PAYEE.balance - beforeWei, owedWei, "I-40 paid out");
        creditWei[address(REQUESTS)][account][ETHER] = 0;
        return owedWei > 0;
    }

    /// @dev A call that works, and inside its callback up to three more, of which each does what it would do alone.
    function _actReenter() private returns (bool) {
        bytes4[3] memory outer = [
            IInferenceRequests.fulfil.selector,
            IInferenceRequests.settle.selector,
            IInferenceRequests.redeliver.selector
        ];
        bytes4 selector = outer[_below(3)];
        (bool found, uint256 asked, uint256 with) = (false, 0, 0);
        for (uint256 tries = 0; tries < 6 && !found; ++tries) {
            (found, asked, with) = _find(selector, true);
            found = found && asks[asked].request.callbackGasLimit >= 1_000_000;
            found = found && requesters[asks[asked].requester].manner() == WalkRequester.Manner.Accept;
        }
        if (!found) return false;

        WalkRequester requester = requesters[asks[asked].requester];
        _plan(asked, with);
        address[] memory targets = new address[](_plans.length);
        bytes[] memory payloads = new bytes[](_plans.length);
        for (uint256 i = 0; i < _plans.length; ++i) (targets[i], payloads[i]) = _payloadOf(_plans[i]);
        requester.plan(targets, payloads);
        uint256 beforeWei = PAYEE.balance;
        bool isTold = _do(selector, asked, with) == 0 && !asks[asked].isUndelivered;
        uint256 done = isTold ? requester.succeeded() : 0;
        for (uint256 i = 0; i < _plans.length; ++i) {
            if (done & (1 << i) != 0) beforeWei += _applyNested(_plans[i], address(requester));
        }
        requireEqual(PAYEE.balance, beforeWei, "I-40 paid out inside a callback");
        requester.plan(new address[](0), new bytes[](0));
        delete _plans;
        return done != 0;
    }

    function _plan(uint256 asked, uint256 with) private {
        bytes4[5] memory inner = [
            IInferenceRequests.settle.selector,
            IInferenceRequests.fulfil.selector,
            IInferenceRequests.redeliver.selector,
            IInferenceRequests.expire.selector,
            IVault.withdraw.selector
        ];
        // The claim that was just delivered becomes final inside the callback, and is settled there.
        (bool closes, ) = _closingEvidence(with);
        if (closes) {
            _plans.push(Plan(0, asked, with));
            _plans.push(Plan(inner[0], asked, with));
        }
        // The very same again.
        if (_chance(20)) _plans.push(Plan(inner[_below(3)], asked, with));
        for (uint256 n = 1 + _below(2); n > 0; --n) {
            bytes4 selector = inner[_below(5)];
            (bool found, uint256 other, uint256 otherWith) = _find(selector, true);
            if (found) _plans.push(Plan(selector, other, otherWith));
        }
        if (_plans.length == 0 || _chance(40)) _plans.push(Plan(inner[4], asked, with));
    }

    function _payloadOf(Plan storage plan) private view returns (address, bytes memory) {
        if (plan.selector == 0) {
            (, bytes memory evidence) = _closingEvidence(plan.offer);
            return (address(SETTLEMENT), evidence);
        }
        if (plan.selector == IVault.withdraw.selector) {
            return (address(REQUESTS), abi.encodeCall(IVault.withdraw, (ETHER, PAYEE)));
        }
        if (plan.selector == IInferenceRequests.expire.selector) {
            return (address(REQUESTS), abi.encodeCall(IInferenceRequests.expire, (asks[plan.ask].request)));
        }
        return (address(REQUESTS), _encode(plan.selector, plan.ask, plan.offer));
    }

    /// @dev A call of `prove` that makes the claim final at once, where its policy's rule has that.
    function _closingEvidence(uint256 offer) private view returns (bool closes, bytes memory call) {
        Ref memory ref = offers[offer].ref;
        Batch storage batch = batches[ref.batch];
        EvidenceRule rule = _policyOf(batch).rule;
        uint8 kind = rule == EvidenceRule.Tee ? EvidenceKind.TEE : EvidenceKind.ZK;
        (, uint8 kinds, , ) = _leafOf(ref);
        (bool exists, uint32 source) = _sourceFor(ref, kind);
        if (!exists || kinds & kind != 0 || !EvidenceKind.closes(rule, kinds | kind)) return (false, call);
        Status status = _statusOf(ref);
        if (status < Status.Committed || status > Status.Proven) return (false, call);
        bytes memory evidence = abi.encode(actors[0], source);
        bytes32[] memory proof = _proof(ref);
        Claim memory claim = batch.claims[ref.index];
        call = abi.encodeCall(SETTLEMENT.prove, (batch.header, claim, ref.index, proof, kind, actors[0], evidence));
        return (true, call);
    }

    function _applyNested(Plan memory plan, address caller) private returns (uint256 paidWei) {
        if (plan.selector == 0) return 0;
        if (plan.selector == IVault.withdraw.selector) {
            nested[4] += 1;
            paidWei = creditWei[address(REQUESTS)][caller][ETHER];
            creditWei[address(REQUESTS)][caller][ETHER] = 0;
            return paidWei;
        }
        requireEqual(uint32(_refusalOf(plan.selector, plan.ask, plan.offer)), 0, "I-41 done inside a callback");
        _apply(plan.selector, plan.ask, plan.offer, _standing(plan.offer));
        if (plan.selector == IInferenceRequests.settle.selector) nested[0] += 1;
        if (plan.selector == IInferenceRequests.fulfil.selector) nested[1] += 1;
        if (plan.selector == IInferenceRequests.redeliver.selector) nested[2] += 1;
        if (plan.selector == IInferenceRequests.expire.selector) nested[3] += 1;
    }

    /* WHAT MUST NOT WORK */

    /// @dev I-45 I-46 One field altered, and it is another request, another claim or another output.
    function _actMeddle() private returns (bool) {
        bytes4[2] memory selectors = [IInferenceRequests.fulfil.selector, IInferenceRequests.settle.selector];
        bytes4 selector = selectors[_below(2)];
        bool isFulfil = selector == IInferenceRequests.fulfil.selector;
        (bool found, uint256 asked, uint256 with) = _find(selector, true);
        if (!found) return false;
        Request memory request = asks[asked].request;
        Claim memory claim = _claimAt(with);
        bytes memory output = _outputOf(with);
        bytes4 refusal = isFulfil ? IInferenceRequests.NotAnAnswer.selector : IInferenceRequests.OtherClaim.selector;
        uint256 fault = _below(9);
        if (fault == 0) request.feeWei += 1;
        if (fault == 1) request.nonce += 1_000_000;
        if (fault == 2) request.expiresAt += 1;
        if (fault < 3) refusal = IInferenceRequests.WrongState.selector;
        if (fault == 3) claim.requester = address(1);
        if (fault == 4) claim.inputHash = bytes32(uint256(1));
        if (fault == 5) claim.requestId = bytes32(uint256(1));
        if (fault == 6) claim.policyId = policyIds[ASKED_POLICIES];
        if (fault > 6) {
            // A part of an output, or none.
            output = fault == 7 ? bytes("") : abi.encodePacked(output, uint8(0));
            refusal = IInferenceRequests.WrongOutput.selector;
        }
        _expect(_anybody(), _encodeWith(selector, request, with, claim, output), 0, refusal);
        return true;
    }

    /// @dev I-43 With less gas than the callback was promised there is no trace; with enough there is.
    function _actStarve() private returns (bool) {
        bool isFulfil = _chance(50);
        bytes4 selector = isFulfil ? IInferenceRequests.fulfil.selector : IInferenceRequests.settle.selector;
        (bool found, uint256 asked, uint256 with) = _find(selector, true);
        uint256 limit = found ? asks[asked].request.callbackGasLimit : 0;
        if (limit == 0) return false;
        vm.prank(_anybody());
        (bool isDone, ) = address(REQUESTS).call{gas: limit + _below(limit / 63)}(_encode(selector, asked, with));
        requireTrue(!isDone, "I-43 a callback was starved");
        return true;
    }

    /* THE WORLD */

    /// @dev Ether cannot be refused.
    function _actForceEther() private returns (bool) {
        uint256 amountWei = 1 + _below(1 ether);
        vm.deal(address(REQUESTS), address(REQUESTS).balance + amountWei);
        donatedWei[address(REQUESTS)][ETHER] += amountWei;
        return true;
    }

    function _actSetManner() private returns (bool) {
        requesters[_below(REQUESTERS)].setManner(WalkRequester.Manner(_chance(55) ? 0 : 1 + _below(2)));
        return true;
    }

    function _actPassMinutes() private returns (bool) {
        vm.warp(block.timestamp + 1 + _below(20 minutes));
        return true;
    }

    function _actPassHours() private returns (bool) {
        vm.warp(block.timestamp + 1 + _below(_chance(90) ? 2 hours : 30 hours));
        return true;
    }

    /* INVARIANTS */

    function checkAll() external view {
        // I-40 Exactly: what was forced in is known here.
        uint256 owedWei = donatedWei[address(REQUESTS)][ETHER];
        for (uint256 i = 0; i < unended.length; ++i) owedWei += asks[unended[i]].request.feeWei;
        for (uint256 i = 0; i < REQUESTERS; ++i) owedWei += _checkCredit(address(requesters[i]));
        for (uint256 i = 0; i < OPERATORS; ++i) owedWei += _checkCredit(actors[i]);
        requireEqual(address(REQUESTS).balance, owedWei, "I-40 balance");
        for (uint256 i = 0; i < unended.length; ++i) _checkAsk(unended[i]);
        if (asks.length > 0) _checkAsk(uint256(keccak256(abi.encode(block.timestamp, owedWei))) % asks.length);
    }

    function _checkCredit(address account) private view returns (uint256) {
        requireEqual(REQUESTS.creditOf(account, ETHER), creditWei[address(REQUESTS)][account][ETHER], "I-40 credit");
        return creditWei[address(REQUESTS)][account][ETHER];
    }

    /// @dev I-41 and that states only go forward: the walk's own never go back.
    function _checkAsk(uint256 asked) private view {
        Ask storage ask = asks[asked];
        (RequestState state, Status status, bool isUndelivered) = REQUESTS.stateOf(ask.id);
        requireEqual(uint256(state), uint256(ask.state), "state of a request");
        requireEqual(uint256(status), uint256(ask.told), "status last told");
        requireTrue(isUndelivered == ask.isUndelivered, "I-41 undelivered");
        WalkRequester requester = requesters[ask.requester];
        for (uint256 i = 1; i <= uint256(RequestState.Expired); ++i) {
            uint256 count = requester.tells(ask.id, RequestState(i));
            requireAtMost(count, 1, "I-41 told twice, or told what is not so");
            requireEqual(count, tells[asked][RequestState(i)], "I-41 callbacks of a state");
        }
    }
}
