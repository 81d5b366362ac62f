// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOperators} from "../../../contracts/interfaces/IOperators.sol";
import {IPolicyRegistry} from "../../../contracts/interfaces/IPolicyRegistry.sol";
import {IReceipts} from "../../../contracts/interfaces/IReceipts.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {MintableToken} from "../../../contracts/mocks/tokens/MintableToken.sol";
import {NoReturnToken} from "../../../contracts/mocks/tokens/NoReturnToken.sol";
import {BatchHeader, BatchLib} from "../../../contracts/types/Batch.sol";
import {Claim} from "../../../contracts/types/Claim.sol";
import {LeafState} from "../../../contracts/types/Leaf.sol";
import {Policy} from "../../../contracts/types/Policy.sol";
import {EvidenceKind, EvidenceRule, Status} from "../../../contracts/types/Status.sol";
import {Trees} from "../Trees.sol";
import {requireEqual, requireTrue, vm} from "../Vm.sol";
import {TruthEvidence, truthOf} from "./TruthEvidence.sol";

/// @dev What the tests know of a claim in a batch.
struct Life {
    bytes32 claimId;
    Status last; // when it was looked at last
    Status undisputed; // the last status that was not `Challenged`
    uint8 challenges;
    uint8 rejections;
    uint8 reopenings;
    uint8 reopeningsSeen;
    bool isTrue;
    bool isMember; // false: a leaf that contradicts its header
    address opener; // of the open dispute
    uint256 receipt; // its place in the list plus one; zero: none
}

struct Batch {
    BatchHeader header;
    bytes32 id;
    uint256 operator;
    uint256 policy;
    bool isTrue;
    bool isReleased;
    uint8 rejections;
    uint8 reopenings;
    Claim[] claims;
    Life[] lives;
    bytes32[] nodes;
    bytes32[] dataNodes;
}

struct Receipt {
    Claim claim;
    bytes32 claimId;
    bytes signature;
    address key;
    uint256 operator;
    uint256 policy;
    uint256 batch; // plus one; zero: not committed
    uint256 index;
    uint256 twin; // plus one; another answer to the same request
    bool isWithheld; // will never be committed
    bool isReported;
    bool isOpen;
    address reporter;
}

/// @dev A claim, by batch and index.
struct Ref {
    uint256 batch;
    uint256 index;
}

/// @notice A protocol with four operators, of which two are honest; policies of every rule and three bond tokens; and
/// what all of it should come to, kept by the rules of the specification and never read off the contracts.
abstract contract World {
    uint256 internal constant OPERATORS = 4;
    uint256 internal constant HONEST = 2;
    uint256 internal constant TOKENS = 3;
    uint256 internal constant ACTORS = 13;
    uint256 internal constant MODELS = 3;
    uint32 internal constant ROGUE = 1_000_000;
    uint8 internal constant ALL_KINDS = 7;

    address internal immutable MANAGER;
    IPolicyRegistry internal immutable REGISTRY;
    ISettlement internal immutable SETTLEMENT;
    IReceipts internal immutable RECEIPTS;
    TruthEvidence internal immutable ZK;
    TruthEvidence internal immutable TEE;
    TruthEvidence internal immutable QUORUM;

    address[TOKENS] internal tokens; // the first is ether
    address[ACTORS] internal actors; // operators first, then their senders, then everybody else
    bytes32[MODELS] internal models;
    Policy[] internal policies;
    bytes32[] internal policyIds;

    Batch[] internal batches;
    uint256[] internal live; // batches that are not released
    Ref[] internal disputes; // that are open
    Receipt[] internal receiptList;
    uint256[] internal pending; // honest operators' receipts that are to be committed
    uint32 internal teeSource = 1;
    mapping(uint256 operator => uint256) internal keyCount;
    mapping(address receiptKey => mapping(uint256 policy => bool)) internal isConvicted;

    mapping(address token => uint256) internal burntWei;
    mapping(address holder => mapping(address token => uint256)) internal donatedWei;
    mapping(address operator => mapping(address token => uint256)) internal fundsWei; // staked and unbonding
    mapping(address holder => mapping(address account => mapping(address token => uint256))) internal creditWei;

    uint256 private _random;

    constructor() {
        vm.warp(1_900_000_000);
        MANAGER = _deploy("AccessManager", abi.encode(address(this)));
        REGISTRY = IPolicyRegistry(_deploy("PolicyRegistry", abi.encode(MANAGER)));
        SETTLEMENT = ISettlement(_deploy("Settlement", abi.encode(MANAGER, REGISTRY)));
        RECEIPTS = IReceipts(SETTLEMENT.RECEIPTS());
        ZK = new TruthEvidence();
        TEE = new TruthEvidence();
        QUORUM = new TruthEvidence();
        TEE.setRogue(ROGUE);
        REGISTRY.allowEvidence(EvidenceKind.ZK, address(ZK));
        REGISTRY.allowEvidence(EvidenceKind.TEE, address(TEE));
        REGISTRY.allowEvidence(EvidenceKind.QUORUM, address(QUORUM));
        tokens[1] = address(new MintableToken("Plain", "PLAIN"));
        tokens[2] = address(new NoReturnToken());
        REGISTRY.allowBondToken(tokens[1]);
        REGISTRY.allowBondToken(tokens[2]);
        for (uint256 i = 0; i < ACTORS; ++i) actors[i] = address(uint160(0xA11CE000 + i));
        for (uint256 i = 0; i < MODELS; ++i) models[i] = EvidenceKind.tag(keccak256(abi.encode("model", i)), ALL_KINDS);
        _addPolicy(EvidenceRule.Window, EvidenceKind.ZK | EvidenceKind.TEE, 0, false, 4 hours, 0);
        _addPolicy(EvidenceRule.Tee, EvidenceKind.ZK | EvidenceKind.TEE, 1, false, 6 hours, 0);
        _addPolicy(EvidenceRule.TeeThenWindow, EvidenceKind.ZK | EvidenceKind.TEE, 0, true, 8 hours, 1 hours);
        _addPolicy(EvidenceRule.Zk, EvidenceKind.ZK, 2, false, 4 hours, 0);
        _addPolicy(EvidenceRule.TeeAndZk, ALL_KINDS, 1, true, 8 hours, 0);
        _addPolicy(EvidenceRule.TeeOrZk, EvidenceKind.TEE | EvidenceKind.QUORUM, 0, false, 5 hours, 0);
    }

    /// @dev Deploys what the build made, so that the tests run what is deployed and need not compile it again.
    function _deploy(string memory name, bytes memory arguments) internal returns (address deployed) {
        bytes memory code = bytes.concat(vm.getCode(name), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        requireTrue(deployed != address(0), name);
    }

    /* CHANCE */

    function _seed(uint256 seed) internal {
        _random = seed;
    }

    /// @dev A number below `bound`.
    function _below(uint256 bound) internal returns (uint256) {
        _random = uint256(keccak256(abi.encode(_random)));
        return _random % bound;
    }

    /// @dev One of the acts that have these weights, an octet each.
    function _drawAct(bytes memory weights) internal returns (uint256 act) {
        uint256 total = 0;
        for (uint256 i = 0; i < weights.length; ++i) total += uint8(weights[i]);
        uint256 left = _below(total);
        for (; left >= uint8(weights[act]); ++act) left -= uint8(weights[act]);
    }

    function _chance(uint256 percent) internal returns (bool) {
        return _below(100) < percent;
    }

    function _anybody() internal returns (address) {
        return actors[_below(ACTORS)];
    }

    /// @dev Anybody who would act against an honest operator's interest; not itself.
    function _stranger() internal returns (address) {
        return actors[HONEST + _below(ACTORS - HONEST)];
    }

    /* POLICIES */

    function _addPolicy(
        EvidenceRule rule,
        uint8 kinds,
        uint256 token,
        bool publicData,
        uint32 challengeWindowSeconds,
        uint32 attestedWindowSeconds
    ) internal {
        // Odd amounts, so that shares are rounded.
        policies.push(
            Policy({
                rule: rule,
                answerKinds: kinds,
                publicData: publicData,
                bondToken: tokens[token],
                zkEvidence: address(ZK),
                teeEvidence: address(TEE),
                quorumEvidence: address(QUORUM),
                challengeWindowSeconds: challengeWindowSeconds,
                attestedWindowSeconds: attestedWindowSeconds,
                proveWindowSeconds: uint32(30 minutes + 600 * policies.length),
                claimBondWei: uint88(1 ether + 7 + policies.length),
                challengeBondWei: uint88(0.3 ether + 11 + policies.length),
                challengerBps: 3_333,
                requesterBps: 2_221
            })
        );
        policyIds.push(REGISTRY.register(policies[policies.length - 1]));
        bytes32[] memory accepted = new bytes32[](1);
        accepted[0] = policyIds[policyIds.length - 1];
        for (uint256 i = 0; i < OPERATORS; ++i) {
            vm.prank(actors[i]);
            RECEIPTS.acceptPolicies(accepted);
        }
    }

    function _policyOf(Batch storage batch) internal view returns (Policy storage) {
        return policies[batch.policy];
    }

    /* MONEY */

    /// @dev Gives the account what it is about to pay, and lets the payee take it.
    function _fund(address account, address token, address payee, uint256 amountWei) internal {
        if (token == address(0)) {
            vm.deal(account, account.balance + amountWei);
            return;
        }
        MintableToken(token).mint(account, amountWei);
        vm.prank(account);
        NoReturnToken(token).approve(payee, amountWei);
    }

    function _valueOf(address token, uint256 amountWei) internal pure returns (uint256) {
        return token == address(0) ? amountWei : 0;
    }

    function _balanceOf(address holder, address token) internal view returns (uint256) {
        return token == address(0) ? holder.balance : MintableToken(token).balanceOf(holder);
    }

    function _accountOf(uint256 operator, address token) internal view returns (IOperators.Account memory) {
        return SETTLEMENT.operatorOf(actors[operator], token);
    }

    function _isHonest(uint256 operator) internal pure returns (bool) {
        return operator < HONEST;
    }

    function _expectCredit(address holder, address account, address token, uint256 amountWei) internal {
        creditWei[holder][account][token] += amountWei;
    }

    /// @dev Enters what a loss of `lostWei` means, of which the policy splits `sharedWei`: shares rounded down, the rest
    /// burnt.
    function _expectLoss(
        uint256 operator,
        Policy storage policy,
        uint256 lostWei,
        uint256 sharedWei,
        address rewarded,
        address requester,
        uint256 refundWei
    ) internal {
        requireTrue(!_isHonest(operator), "I-08 an honest operator lost a bond");
        uint256 rewardedWei = (sharedWei * policy.challengerBps) / 10_000;
        uint256 requesterWei = requester == address(0) ? 0 : (sharedWei * policy.requesterBps) / 10_000;
        fundsWei[actors[operator]][policy.bondToken] -= lostWei;
        burntWei[policy.bondToken] += lostWei - rewardedWei - requesterWei;
        _expectCredit(address(SETTLEMENT), rewarded, policy.bondToken, rewardedWei + refundWei);
        _expectCredit(address(SETTLEMENT), requester, policy.bondToken, requesterWei);
    }

    /* CALLS */

    /// @dev Makes a call that must succeed now, and must fail when it is made again: R-19.
    function _once(address caller, address target, bytes memory call) internal {
        vm.prank(caller);
        (bool done, bytes memory result) = target.call(call);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
        _mustFail(caller, target, call);
    }

    function _mustFail(address caller, address target, bytes memory call) internal {
        vm.prank(caller);
        (bool done, ) = target.call(call);
        requireTrue(!done, "R-06 R-19 R-51 something forbidden was done");
    }

    /* CLAIMS */

    function _claimOf(
        uint256 operator,
        uint256 policy,
        uint256 model,
        bool isTrue
    ) internal virtual returns (Claim memory claim) {
        claim.modelId = models[model];
        claim.policyId = policyIds[policy];
        claim.operator = actors[operator];
        claim.requester = _chance(25) ? address(0) : actors[8 + _below(ACTORS - 8)];
        claim.requestId = bytes32(_below(type(uint256).max));
        claim.inputHash = bytes32(_below(type(uint256).max));
        claim.outputHash = isTrue ? truthOf(claim.modelId, claim.inputHash) : bytes32(_below(type(uint256).max));
        claim.servedAt = uint64(block.timestamp);
        claim.commitBy = uint64(block.timestamp + _below(1 days + 1));
    }

    function _openingOf(Claim memory claim, uint256 index) internal pure returns (bytes32) {
        bytes memory fields = abi.encode(
            BatchLib.OPENING_TYPEHASH,
            index,
            keccak256(abi.encode(claim.inputHash)),
            claim.requestId,
            keccak256(abi.encode(claim.outputHash))
        );
        return keccak256(abi.encode(keccak256(fields)));
    }

    function _proof(Ref memory ref) internal view returns (bytes32[] memory) {
        return Trees.proofOf(batches[ref.batch].nodes, ref.index);
    }

    function _statusOf(Ref memory ref) internal view returns (Status) {
        Batch storage batch = batches[ref.batch];
        return SETTLEMENT.statusOf(batch.header, batch.claims[ref.index], ref.index, _proof(ref));
    }

    function _leafOf(
        Ref memory ref
    ) internal view returns (LeafState state, uint8 kinds, uint40 deadline, uint200 tag) {
        return SETTLEMENT.leafOf(batches[ref.batch].id, ref.index);
    }

    function _life(Ref memory ref) internal view returns (Life storage) {
        return batches[ref.batch].lives[ref.index];
    }

    /// @dev Looks at a claim's status, and at how it got there since the last look.
    function _observe(Ref memory ref) internal virtual;

    function _observeBatch(uint256 id) internal {
        for (uint256 i = 0; i < batches[id].claims.length; ++i) _observe(Ref(id, i));
    }

    /* DISPUTES */

    /// @dev R-14 However late it is opened, a dispute has the whole window, and a minute more for each that is open.
    function _opened(Ref memory ref, address opener) internal {
        _observe(ref);
        uint256 open = 0;
        for (uint256 i = 0; i < disputes.length; ++i) {
            if (disputes[i].batch == ref.batch) open += 1;
        }
        (, , uint40 deadline, ) = _leafOf(ref);
        uint256 windowSeconds = _policyOf(batches[ref.batch]).proveWindowSeconds + open * 1 minutes;
        requireEqual(deadline, block.timestamp + windowSeconds, "R-14 window of a dispute");
        _life(ref).opener = opener;
        disputes.push(ref);
    }

    function _closed(Ref memory ref) internal {
        _life(ref).opener = address(0);
        for (uint256 i = 0; i < disputes.length; ++i) {
            if (disputes[i].batch != ref.batch || disputes[i].index != ref.index) continue;
            disputes[i] = disputes[disputes.length - 1];
            disputes.pop();
            return;
        }
        requireEqual(0, 1, "I-05 a dispute was closed that was not open");
    }

    function _rejected(Ref memory ref, address rewarded, address requester, uint256 refundWei) internal {
        Batch storage batch = batches[ref.batch];
        _life(ref).rejections += 1;
        batch.rejections += 1;
        uint256 bondWei = _policyOf(batch).claimBondWei;
        _expectLoss(batch.operator, _policyOf(batch), bondWei, bondWei, rewarded, requester, refundWei);
    }

    /* EVIDENCE */

    function _checkerOf(uint8 kind) internal view returns (TruthEvidence) {
        if (kind == EvidenceKind.ZK) return ZK;
        return kind == EvidenceKind.TEE ? TEE : QUORUM;
    }

    /// @dev A source that would vouch for the claim now; zero where nobody has to be believed. Rogue ones are there for
    /// dishonest operators alone.
    function _sourceFor(Ref memory ref, uint8 kind) internal view returns (bool exists, uint32 source) {
        Batch storage batch = batches[ref.batch];
        if (_checkerOf(kind).isBroken(batch.claims[ref.index].modelId)) return (false, 0);
        if (batch.lives[ref.index].isTrue) return (true, kind == EvidenceKind.TEE ? teeSource : 0);
        bool isForged = kind == EvidenceKind.TEE && !TEE.isRevoked(ROGUE) && !_isHonest(batch.operator);
        return (isForged, ROGUE);
    }

    /// @dev Whether the specification lets the operator void the challenge: every kind that could answer was taken
    /// away since the claim was served, or a day and an hour before the commit where that is later.
    function _isFaulted(Ref memory ref) internal view returns (bool) {
        Batch storage batch = batches[ref.batch];
        (uint40 committedAt, , , , , , , , , ) = SETTLEMENT.batchOf(batch.id);
        uint256 servedAt = batch.claims[ref.index].servedAt;
        uint256 since = servedAt + 25 hours > committedAt ? servedAt : committedAt - 25 hours;
        uint8 kinds = _policyOf(batch).answerKinds & ALL_KINDS;
        bytes32 modelId = batch.claims[ref.index].modelId;
        for (uint8 kind = 1; kind <= 4; kind *= 2) {
            if (kinds & kind != 0 && _checkerOf(kind).faultedAt(modelId) < since) return false;
        }
        return true;
    }

    /* RECEIPTS */

    function _keyOf(uint256 operator) internal view returns (uint256 privateKey) {
        return uint256(keccak256(abi.encode("receipt key", operator, keyCount[operator])));
    }

    function _isBinding(Receipt storage receipt) internal view returns (bool) {
        (uint40 from, uint40 until) = RECEIPTS.receiptKeyOf(receipt.claim.operator, receipt.key);
        return receipt.claim.servedAt >= from && receipt.claim.servedAt < until;
    }

    /// @dev A receipt for what was served once its policy was closed cannot be kept, and binds nobody.
    function _isVoid(Receipt storage receipt) internal view returns (bool) {
        uint256 closedAt = SETTLEMENT.closedAtOf(receipt.claim.policyId);
        return closedAt != 0 && receipt.claim.servedAt >= closedAt;
    }

    /// @dev Until when a receipt can be kept: an hour after it promised, or after a pause that was in the way.
    function _includeBy(Receipt storage receipt) internal view returns (uint256) {
        uint256 includeBy = uint256(receipt.claim.commitBy) + 1 hours;
        (uint40 from, uint40 until) = SETTLEMENT.pauseOf();
        bool isExcused = from <= includeBy && uint256(until) + 1 hours > includeBy;
        return isExcused ? uint256(until) + 1 hours : includeBy;
    }
}
