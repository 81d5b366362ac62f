// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOperators} from "../../../contracts/interfaces/IOperators.sol";
import {IReceipts} from "../../../contracts/interfaces/IReceipts.sol";
import {MintableToken} from "../../../contracts/mocks/tokens/MintableToken.sol";
import {Claim} from "../../../contracts/types/Claim.sol";
import {Policy} from "../../../contracts/types/Policy.sol";
import {EvidenceKind, EvidenceRule} from "../../../contracts/types/Status.sol";
import {requireEqual, requireTrue, vm} from "../Vm.sol";
import {ClaimActs} from "./ClaimActs.sol";
import {truthOf} from "./TruthEvidence.sol";
import {Batch, Receipt, Ref} from "./World.sol";

/// @notice Everything else that can be called: stakes, receipts, reports, settings; and what the world does by itself.
abstract contract OtherActs is ClaimActs {
    /// @dev What an honest operator keeps of its stake: enough for all it may have promised.
    uint96 private constant RESERVE_WEI = 500 ether;

    /* STAKES */

    function _actStake() internal returns (bool) {
        return _stake(_below(OPERATORS), address(0), 20 ether + _below(20 ether));
    }

    function _actStakeToken() internal returns (bool) {
        return _stake(_below(OPERATORS), tokens[1 + _below(TOKENS - 1)], 20 ether + _below(20 ether));
    }

    function _stake(uint256 operator, address token, uint256 amountWei) internal returns (bool) {
        address payer = _anybody();
        _fund(payer, token, address(SETTLEMENT), amountWei);
        fundsWei[actors[operator]][token] += amountWei;
        vm.prank(payer);
        if (token == address(0)) SETTLEMENT.stake{value: amountWei}(actors[operator]);
        else SETTLEMENT.stakeToken(actors[operator], token, uint96(amountWei));
        return true;
    }

    function _actUnbond() internal returns (bool) {
        uint256 operator = _below(OPERATORS);
        address token = tokens[_below(TOKENS)];
        IOperators.Account memory account = _accountOf(operator, token);
        uint96 freeWei = account.stakeWei - account.lockedWei;
        uint96 keptWei = _isHonest(operator) ? RESERVE_WEI : 0;
        if (freeWei <= keptWei) return false;
        uint96 amountWei = uint96(1 + _below((freeWei - keptWei) / 4 + 1));
        vm.prank(actors[operator]);
        SETTLEMENT.unbond(token, amountWei);
        return true;
    }

    function _actCompleteUnbonding() internal returns (bool) {
        uint256 from = _below(OPERATORS * TOKENS);
        for (uint256 n = 0; n < OPERATORS * TOKENS; ++n) {
            uint256 slot = (from + n) % (OPERATORS * TOKENS);
            if (_completeUnbonding(slot % OPERATORS, tokens[slot / OPERATORS])) return true;
        }
        return false;
    }

    function _completeUnbonding(uint256 operator, address token) internal returns (bool) {
        IOperators.Account memory account = _accountOf(operator, token);
        if (account.unbondingWei == 0 || block.timestamp < account.unbondableAt) return false;
        address to = _anybody();
        uint256 beforeWei = _balanceOf(to, token);
        vm.prank(actors[operator]);
        SETTLEMENT.completeUnbonding(token, to);
        requireEqual(_balanceOf(to, token) - beforeWei, account.unbondingWei, "unbonded payment");
        fundsWei[actors[operator]][token] -= account.unbondingWei;
        return true;
    }

    function _actSetSender() internal returns (bool) {
        uint256 operator = _below(OPERATORS);
        bytes32[] memory ids = new bytes32[](2);
        (ids[0], ids[1]) = (policyIds[_below(policyIds.length)], policyIds[_below(policyIds.length)]);
        bool allowed = _chance(70);
        vm.prank(actors[operator]);
        SETTLEMENT.setSender(actors[OPERATORS + operator], ids, allowed);
        return true;
    }

    function _actSetLockable() internal returns (bool) {
        uint256 operator = _below(OPERATORS);
        uint16 bps = uint16(_isHonest(operator) ? 8_000 + _below(1_001) : 1 + _below(9_000));
        address token = tokens[_below(TOKENS)];
        vm.prank(actors[operator]);
        SETTLEMENT.setLockable(token, bps);
        return true;
    }

    function _actResume() internal returns (bool) {
        for (uint256 i = HONEST * TOKENS; i < OPERATORS * TOKENS; ++i) {
            address token = tokens[i % TOKENS];
            if (!_accountOf(i / TOKENS, token).suspended) continue;
            vm.prank(actors[i / TOKENS]);
            SETTLEMENT.resume(token);
            return true;
        }
        return false;
    }

    function _actWithdraw() internal returns (bool) {
        return _withdrawSomewhere(address(SETTLEMENT));
    }

    function _actWithdrawFromReceipts() internal returns (bool) {
        return _withdrawSomewhere(address(RECEIPTS));
    }

    function _withdrawSomewhere(address holder) private returns (bool) {
        uint256 from = _below(ACTORS * TOKENS);
        for (uint256 n = 0; n < ACTORS * TOKENS; ++n) {
            uint256 slot = (from + n) % (ACTORS * TOKENS);
            if (_withdraw(holder, actors[slot / TOKENS], tokens[slot % TOKENS])) return true;
        }
        return false;
    }

    function _withdraw(address holder, address account, address token) internal returns (bool) {
        uint256 owedWei = creditWei[holder][account][token];
        if (owedWei == 0) return false;
        address to = _anybody();
        uint256 beforeWei = _balanceOf(to, token);
        creditWei[holder][account][token] = 0;
        vm.prank(account);
        uint256 paidWei = holder == address(SETTLEMENT) ? SETTLEMENT.withdraw(token, to) : RECEIPTS.withdraw(token, to);
        requireEqual(paidWei, owedWei, "I-06 withdrawn");
        requireEqual(_balanceOf(to, token) - beforeWei, owedWei, "I-06 paid");
        return true;
    }

    /* RECEIPTS */

    function _actServe() internal returns (bool) {
        uint256 operator = _below(OPERATORS);
        uint256 policy = _below(policies.length);
        if (SETTLEMENT.closedAtOf(policyIds[policy]) != 0) return false;
        if (_isHonest(operator) && pending.length >= 12) return false;
        if (!_hasKey(operator) && !_addKey(operator)) return false;
        bool isHonest = _isHonest(operator);
        Claim memory claim = _claimOf(operator, policy, _below(MODELS), isHonest || _chance(50));
        _sign(claim, operator, policy, !isHonest && _chance(50));
        if (isHonest) pending.push(receiptList.length - 1);
        if (isHonest || !_chance(60)) return true;
        claim.outputHash = keccak256(abi.encode(claim.outputHash));
        if (_chance(50)) claim.policyId = policyIds[_below(policies.length)];
        _sign(claim, operator, policy, true);
        receiptList[receiptList.length - 1].twin = receiptList.length - 1;
        return true;
    }

    function _actAddReceiptKey() internal returns (bool) {
        return _addKey(_below(OPERATORS));
    }

    function _actRevokeReceiptKey() internal returns (bool) {
        uint256 operator = _below(OPERATORS);
        if (!_hasKey(operator)) return false;
        address key = vm.addr(_keyOf(operator));
        vm.prank(actors[operator]);
        RECEIPTS.revokeReceiptKey(key);
        return true;
    }

    function _actMarkReceiptKey() internal returns (bool) {
        if (receiptList.length == 0) return false;
        Receipt storage receipt = receiptList[_below(receiptList.length)];
        (uint40 from, uint40 until) = RECEIPTS.receiptKeyOf(receipt.claim.operator, receipt.key);
        uint40 since = uint40(receipt.claim.servedAt + _below(2));
        if (since > block.timestamp || since < from || since >= until) return false;
        try RECEIPTS.markCompromised(receipt.claim.operator, receipt.key, since) {
            return true;
        } catch {
            return false; // marked earlier, since a time that its revocation hides
        }
    }

    function _actAnnounce() internal returns (bool) {
        uint256 operator = _below(OPERATORS);
        vm.prank(actors[operator]);
        RECEIPTS.announce(actors[operator], policyIds[0], "https://operator.example");
        return true;
    }

    function _actReportOmission() internal returns (bool) {
        for (uint256 n = 0; n < receiptList.length && n < 60; ++n) {
            Receipt storage receipt = receiptList[receiptList.length - 1 - n];
            uint256 includeBy = _includeBy(receipt);
            bool isTimely = block.timestamp > includeBy && block.timestamp < includeBy + 7 days;
            if (receipt.isReported || !isTimely || !_isBinding(receipt) || _isVoid(receipt)) continue;
            _report(receipt);
            return true;
        }
        return false;
    }

    function _actAnswerOmission() internal returns (bool) {
        for (uint256 n = 0; n < receiptList.length && n < 80; ++n) {
            if (_answerOmission(receiptList[receiptList.length - 1 - n])) return true;
        }
        return false;
    }

    function _answerOmission(Receipt storage receipt) internal returns (bool) {
        if (!receipt.isOpen || receipt.batch == 0) return false;
        (, , uint40 includeBy, uint40 answerBy) = RECEIPTS.omissionOf(receipt.claimId);
        Batch storage batch = batches[receipt.batch - 1];
        (uint40 committedAt, , , , , , , , , ) = SETTLEMENT.batchOf(batch.id);
        if (block.timestamp >= answerBy || committedAt > includeBy) return false;
        bytes32[] memory proof = _proof(Ref(receipt.batch - 1, receipt.index));
        _once(
            _anybody(),
            address(RECEIPTS),
            abi.encodeCall(RECEIPTS.answerOmission, (receipt.claim, batch.header, receipt.index, proof))
        );
        receipt.isOpen = false;
        _expectReceiptsCredit(receipt, receipt.claim.operator);
        return true;
    }

    function _actResolveOmission() internal returns (bool) {
        for (uint256 n = 0; n < receiptList.length && n < 80; ++n) {
            if (_resolveOmission(receiptList[receiptList.length - 1 - n])) return true;
        }
        return false;
    }

    function _resolveOmission(Receipt storage receipt) internal returns (bool) {
        if (!receipt.isOpen) return false;
        (, , , uint40 answerBy) = RECEIPTS.omissionOf(receipt.claimId);
        if (block.timestamp < answerBy) return false;
        bool isVoid = !_isBinding(receipt);
        if (!isVoid) _expectPenalty(receipt.operator, receipt.policy, receipt.reporter, receipt.claim.requester);
        _once(receipt.reporter, address(RECEIPTS), abi.encodeCall(RECEIPTS.resolveOmission, (receipt.claim)));
        receipt.isOpen = false;
        _expectReceiptsCredit(receipt, receipt.reporter);
        return true;
    }

    function _actReportEquivocation() internal returns (bool) {
        for (uint256 n = 0; n < receiptList.length && n < 60; ++n) {
            Receipt storage second = receiptList[receiptList.length - 1 - n];
            if (second.twin == 0) continue;
            Receipt storage first = receiptList[second.twin - 1];
            uint256 until = uint256(first.claim.commitBy) + 1 hours + 7 days;
            if (block.timestamp >= until || !_isBinding(first) || !_isBinding(second)) continue;
            if (_isVoid(first) || _isVoid(second)) continue;
            address reporter = _anybody();
            bytes memory report = abi.encodeCall(
                RECEIPTS.reportEquivocation,
                (first.claim, first.signature, second.claim, second.signature)
            );
            second.twin = 0;
            if (isConvicted[first.key][first.policy]) {
                _mustFail(reporter, address(RECEIPTS), report);
                continue;
            }
            isConvicted[first.key][first.policy] = true;
            _expectPenalty(first.operator, first.policy, reporter, first.claim.requester);
            _once(reporter, address(RECEIPTS), report);
            return true;
        }
        return false;
    }

    /* THE GUARDIAN AND THE CURATOR */

    function _actPauseCommits() internal returns (bool) {
        (, uint40 until) = SETTLEMENT.pauseOf();
        if (until != 0 && block.timestamp < uint256(until) + 7 days + 1 hours) return false;
        SETTLEMENT.pauseCommits(uint40(block.timestamp + 1 + _below(_chance(50) ? 7 days : 6 hours)));
        return true;
    }

    function _actResumeCommits() internal returns (bool) {
        (, uint40 until) = SETTLEMENT.pauseOf();
        if (block.timestamp >= until) return false;
        SETTLEMENT.resumeCommits();
        return true;
    }

    function _actClosePolicy() internal returns (bool) {
        // The first six are there at the start; only what was registered later, and one of each pair of the first, is
        // ever closed, so that work goes on.
        uint256 policy = _below(policies.length);
        if (policy < 4 || SETTLEMENT.closedAtOf(policyIds[policy]) != 0) return false;
        if (policy < 6 && policies.length < 9) return false;
        SETTLEMENT.closePolicy(policyIds[policy]);
        return true;
    }

    function _actRegisterPolicy() internal returns (bool) {
        if (policies.length >= 14) return false;
        uint256 token = _below(TOKENS);
        if (!REGISTRY.isEvidenceAllowed(EvidenceKind.ZK, address(ZK))) return false;
        if (token != 0 && !REGISTRY.isBondTokenAllowed(tokens[token])) return false;
        EvidenceRule rule = EvidenceRule(_below(6));
        uint8 kinds = rule == EvidenceRule.Zk ? EvidenceKind.ZK : ALL_KINDS;
        uint32 attested = rule == EvidenceRule.TeeThenWindow ? 10 minutes : 0;
        _addPolicy(rule, kinds, token, _chance(50), uint32(1 hours + _below(5 hours)), attested);
        return true;
    }

    function _actListEvidence() internal returns (bool) {
        if (REGISTRY.isEvidenceAllowed(EvidenceKind.ZK, address(ZK))) {
            REGISTRY.disallowEvidence(EvidenceKind.ZK, address(ZK));
        } else {
            REGISTRY.allowEvidence(EvidenceKind.ZK, address(ZK));
        }
        return true;
    }

    function _actListToken() internal returns (bool) {
        address token = tokens[1 + _below(TOKENS - 1)];
        if (REGISTRY.isBondTokenAllowed(token)) REGISTRY.disallowBondToken(token);
        else REGISTRY.allowBondToken(token);
        return true;
    }

    /* THE WORLD */

    /// @dev Ether cannot be refused, and neither can a token.
    function _actDonate() internal returns (bool) {
        address holder = _chance(50) ? address(SETTLEMENT) : address(RECEIPTS);
        address token = tokens[_below(TOKENS)];
        uint256 amountWei = 1 + _below(1 ether);
        if (token == address(0)) vm.deal(holder, holder.balance + amountWei);
        else MintableToken(token).mint(holder, amountWei);
        donatedWei[holder][token] += amountWei;
        return true;
    }

    /// @dev The means go away and come back; proofs of the last model, once lost, are lost for good.
    function _actBreakEvidence() internal returns (bool) {
        uint8 kind = uint8(1 << _below(3));
        bytes32 modelId = models[_below(MODELS)];
        bool isBroken = _checkerOf(kind).isBroken(modelId);
        // Mended more often than broken.
        if (!isBroken && _chance(60)) return false;
        if (!isBroken && _chance(35)) {
            // Now and then everything that vouched for a model goes at once.
            for (kind = 1; kind <= 4; kind *= 2) _checkerOf(kind).setBroken(modelId, true, uint40(block.timestamp));
            return true;
        }
        if (kind == EvidenceKind.ZK && modelId == models[MODELS - 1]) {
            ZK.setBroken(modelId, true, type(uint40).max);
            return true;
        }
        _checkerOf(kind).setBroken(modelId, !isBroken, uint40(block.timestamp));
        return true;
    }

    /// @dev An honest operator's enclave key is replaced at once.
    function _actCompromiseEnclave() internal returns (bool) {
        bool isRogue = _chance(20);
        if (isRogue && TEE.isRevoked(ROGUE)) return false;
        TEE.markCompromised(isRogue ? ROGUE : teeSource, uint40(block.timestamp - _below(4 hours)));
        for (uint256 i = 0; i < MODELS; ++i) TEE.setFaulted(models[i], uint40(block.timestamp));
        if (!isRogue) teeSource += 1;
        return true;
    }

    /* HELPERS */

    function _hasKey(uint256 operator) private view returns (bool) {
        if (keyCount[operator] == 0) return false;
        (, uint40 until) = RECEIPTS.receiptKeyOf(actors[operator], vm.addr(_keyOf(operator)));
        return until == type(uint40).max;
    }

    function _addKey(uint256 operator) private returns (bool) {
        keyCount[operator] += 1;
        address key = vm.addr(_keyOf(operator));
        vm.prank(actors[operator]);
        RECEIPTS.addReceiptKey(key);
        return true;
    }

    function _sign(Claim memory claim, uint256 operator, uint256 policy, bool isWithheld) private {
        Receipt storage receipt = receiptList.push();
        receipt.claim = claim;
        receipt.claimId = SETTLEMENT.claimIdOf(claim);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keyOf(operator), receipt.claimId);
        receipt.signature = abi.encodePacked(r, s, v);
        receipt.key = vm.addr(_keyOf(operator));
        (receipt.operator, receipt.isWithheld) = (operator, isWithheld);
        // A second answer may be promised under another policy.
        receipt.policy = policy;
        for (uint256 i = 0; i < policyIds.length; ++i) {
            if (policyIds[i] == claim.policyId) receipt.policy = i;
        }
    }

    function _report(Receipt storage receipt) private {
        Policy storage policy = policies[receipt.policy];
        address reporter = _stranger();
        _fund(reporter, policy.bondToken, address(RECEIPTS), policy.challengeBondWei);
        uint256 valueWei = _valueOf(policy.bondToken, policy.challengeBondWei);
        vm.prank(reporter);
        RECEIPTS.reportOmission{value: valueWei}(receipt.claim, receipt.signature);
        (receipt.isReported, receipt.isOpen, receipt.reporter) = (true, true, reporter);
    }

    function _expectReceiptsCredit(Receipt storage receipt, address account) private {
        Policy storage policy = policies[receipt.policy];
        _expectCredit(address(RECEIPTS), account, policy.bondToken, policy.challengeBondWei);
    }

    function _expectPenalty(uint256 operator, uint256 policyIndex, address reporter, address requester) private {
        Policy storage policy = policies[policyIndex];
        IOperators.Account memory account = _accountOf(operator, policy.bondToken);
        uint256 withinReachWei = uint256(account.stakeWei) - account.lockedWei + account.unbondingWei;
        uint256 lostWei = withinReachWei < policy.claimBondWei ? withinReachWei : policy.claimBondWei;
        // A quarter is shared.
        _expectLoss(operator, policy, lostWei, lostWei / 4, reporter, requester, 0);
    }
}
