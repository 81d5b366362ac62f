// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader} from "../../../contracts/types/Batch.sol";
import {Claim} from "../../../contracts/types/Claim.sol";
import {Pause, PauseLib} from "../../../contracts/types/Pause.sol";
import {Policy} from "../../../contracts/types/Policy.sol";
import {EvidenceKind, EvidenceRule, Status} from "../../../contracts/types/Status.sol";
import {requireEqual, requireTrue, vm} from "../Vm.sol";
import {Batch, Ref, World} from "./World.sol";

/// @notice What reviews and random walks have found, each as the shortest story that shows it.
contract RegressionsTest is World {
    uint256 private constant KEY = 0xA11CE;

    /// R-10 I-01 A report under a policy that nobody has registered yet pays no bond, so it must never earn one back:
    /// otherwise its reporter registers the policy afterwards and takes what others put up.
    function test_R_10_I_01_aReportPaysTheBondItGetsBack() external {
        address thief = actors[OPERATORS];
        vm.prank(thief);
        RECEIPTS.addReceiptKey(vm.addr(KEY));
        // Somebody else's bond is what there is to steal.
        vm.deal(address(RECEIPTS), 5 ether);

        Policy memory policy = policies[0];
        policy.claimBondWei = 5 ether;
        policy.challengeBondWei = 5 ether;
        Claim memory claim = _claimOf(2, 0, 0, true);
        claim.operator = thief;
        // The id is known before the policy is registered.
        claim.policyId = _idOf(policy);
        bytes32[] memory accepted = new bytes32[](1);
        accepted[0] = claim.policyId;
        vm.prank(thief);
        RECEIPTS.acceptPolicies(accepted);
        claim.servedAt = uint64(block.timestamp);
        claim.commitBy = claim.servedAt;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, SETTLEMENT.claimIdOf(claim));
        bytes memory signature = abi.encodePacked(r, s, v);

        vm.warp(block.timestamp + 1 hours + 1);
        vm.prank(thief);
        (bool reported, ) = address(RECEIPTS).call(abi.encodeCall(RECEIPTS.reportOmission, (claim, signature)));
        if (!reported) return;
        REGISTRY.register(policy);
        vm.warp(block.timestamp + 1 days);
        vm.prank(thief);
        (bool resolved, ) = address(RECEIPTS).call(abi.encodeCall(RECEIPTS.resolveOmission, (claim)));
        requireTrue(!resolved || RECEIPTS.creditOf(thief, address(0)) == 0, "a report without a bond was paid one");
    }

    /// R-08 I-04 What is final by both kinds of evidence stays final when the batch's attestation is taken back.
    function test_R_08_I_04_finalByBothKindsStaysFinal() external {
        _seed(1);
        uint256 policy = 4;
        requireEqual(uint256(policies[policy].rule), uint256(EvidenceRule.TeeAndZk), "rule");
        address operator = actors[2];
        _fund(operator, tokens[1], address(SETTLEMENT), 10 ether);
        vm.prank(operator);
        SETTLEMENT.stakeToken(operator, tokens[1], 10 ether);
        Ref memory ref = _commitOne(2, policy);
        Batch storage batch = batches[ref.batch];

        TEE.signBatch(batch.id, 1);
        SETTLEMENT.attestBatch(batch.header, abi.encode(uint32(1)));
        SETTLEMENT.prove(
            batch.header,
            batch.claims[0],
            0,
            _proof(ref),
            EvidenceKind.ZK,
            operator,
            abi.encode(operator, uint32(0))
        );
        requireEqual(uint256(_statusOf(ref)), uint256(Status.Final), "status by both kinds");

        TEE.markCompromised(1, uint40(block.timestamp));
        try SETTLEMENT.reopenBatch(batch.header) {} catch {}
        requireEqual(uint256(_statusOf(ref)), uint256(Status.Final), "status after the attestation was taken back");
    }

    /// R-52 A commit is still in time at the very second of its deadline, so a pause from that second on excuses it.
    function test_R_52_aPauseAtTheDeadlineExcuses() external pure {
        uint40 deadline = 1_900_000_000;
        Pause pause = PauseLib.create(deadline, deadline + 7 days);
        requireEqual(pause.excuse(deadline), uint256(deadline) + 7 days + 1 hours, "excused deadline");
    }

    /// R-36 What an excused receipt promised can still be reported when the excuse has run out.
    function test_R_36_anExcusedReceiptCanStillBeReported() external {
        address operator = actors[2];
        vm.prank(operator);
        RECEIPTS.addReceiptKey(vm.addr(KEY));
        Claim memory claim = _claimOf(2, 0, 0, true);
        claim.commitBy = claim.servedAt;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, SETTLEMENT.claimIdOf(claim));
        uint256 deadline = block.timestamp + 1 hours;
        vm.warp(deadline - 1);
        SETTLEMENT.pauseCommits(uint40(block.timestamp + 7 days));
        vm.warp(block.timestamp + 7 days + 1 hours + 1);
        address reporter = actors[12];
        _fund(reporter, address(0), address(RECEIPTS), policies[0].challengeBondWei);
        vm.prank(reporter);
        RECEIPTS.reportOmission{value: policies[0].challengeBondWei}(claim, abi.encodePacked(r, s, v));
    }

    /// I-08 A receipt forces an honest operator to commit. When the means to answer are taken away one after the other
    /// between receipt and commit, it must not be slashed for what nobody could answer any more.
    function test_I_08_meansLostBetweenReceiptAndCommit() external {
        _seed(2);
        _stakeFor(2);
        uint64 servedAt = uint64(block.timestamp);
        // Served now; the enclaves are revoked, then the proof system falls, and only then is the claim committed.
        TEE.setBroken(models[2], true, uint40(block.timestamp));
        vm.warp(block.timestamp + 10);
        ZK.setBroken(models[2], true, type(uint40).max);
        vm.warp(block.timestamp + 10);
        Ref memory ref = _commitOne(2, 0, 2, servedAt);
        Batch storage batch = batches[ref.batch];
        address challenger = actors[12];
        _fund(challenger, address(0), address(SETTLEMENT), policies[0].challengeBondWei);
        bytes32[] memory proof = _proof(ref);
        vm.prank(challenger);
        SETTLEMENT.challenge{value: policies[0].challengeBondWei}(batch.header, batch.claims[0], 0, proof);
        vm.prank(actors[2]);
        SETTLEMENT.voidChallenge(batch.id, batch.claims[0], 0, challenger);
    }

    function _observe(Ref memory) internal pure override {}

    function _stakeFor(uint256 operator) private {
        vm.deal(address(this), 10 ether);
        SETTLEMENT.stake{value: 10 ether}(actors[operator]);
    }

    function _commitOne(uint256 operator, uint256 policy) private returns (Ref memory) {
        return _commitOne(operator, policy, 0, uint64(block.timestamp));
    }

    function _commitOne(
        uint256 operator,
        uint256 policy,
        uint256 model,
        uint64 servedAt
    ) private returns (Ref memory ref) {
        Batch storage batch = batches.push();
        (batch.operator, batch.policy, ref.batch) = (operator, policy, batches.length - 1);
        Claim memory claim = _claimOf(operator, policy, model, true);
        (claim.servedAt, claim.commitBy) = (servedAt, servedAt + 1 days);
        batch.claims.push(claim);
        batch.lives.push().isTrue = true;
        bytes32 id = SETTLEMENT.claimIdOf(claim);
        bytes32 leafHash = keccak256(
            abi.encode(keccak256(abi.encode(keccak256("MeantimeLeaf(uint256 index,bytes32 claimId)"), 0, id)))
        );
        batch.nodes.push(leafHash);
        batch.header = BatchHeader(
            claim.operator,
            claim.policyId,
            claim.modelId,
            leafHash,
            leafHash,
            1,
            claim.servedAt,
            uint64(batches.length)
        );
        batch.id = SETTLEMENT.batchIdOf(batch.header);
        vm.prank(claim.operator);
        SETTLEMENT.commit(batch.header);
    }

    function _idOf(Policy memory policy) private pure returns (bytes32) {
        bytes32 typehash = keccak256(
            "Policy(uint8 rule,uint8 answerKinds,bool publicData,address bondToken,address zkEvidence,address teeEvidence,address quorumEvidence,uint32 challengeWindowSeconds,uint32 attestedWindowSeconds,uint32 proveWindowSeconds,uint88 claimBondWei,uint88 challengeBondWei,uint16 challengerBps,uint16 requesterBps)"
        );
        return EvidenceKind.tag(keccak256(abi.encode(typehash, policy)), policy.answerKinds);
    }
}
