// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {Limits} from "./Limits.sol";
import {CommitTerms, DisputeTerms, Policy} from "./types/Policy.sol";
import {EvidenceKind, EvidenceRule} from "./types/Status.sol";

/// @title PolicyRegistry
contract PolicyRegistry is IPolicyRegistry, AccessManaged {
    mapping(bytes32 policyId => CommitTerms) private _commitTerms;
    mapping(bytes32 policyId => DisputeTerms) private _disputeTerms;
    mapping(bytes32 policyId => mapping(uint8 kind => address)) private _evidence;
    mapping(uint8 kind => mapping(address evidence => bool)) private _allowed;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc IPolicyRegistry
    function register(Policy calldata policy) external returns (bytes32 policyId) {
        _requireEvidenceAllowed(EvidenceKind.ZK, policy.zkEvidence);
        _requireEvidenceAllowed(EvidenceKind.TEE, policy.teeEvidence);
        _requireRuleServed(policy);
        _requireAnswerable(policy);
        _requireWindows(policy);
        _requireBonds(policy);

        policyId = policy.id();
        if (_commitTerms[policyId].isRegistered()) revert PolicyKnown(policyId);
        _commitTerms[policyId] = policy.commitTerms(uint40(block.timestamp));
        _disputeTerms[policyId] = policy.disputeTerms();
        if (policy.zkEvidence != address(0)) _evidence[policyId][EvidenceKind.ZK] = policy.zkEvidence;
        if (policy.teeEvidence != address(0)) _evidence[policyId][EvidenceKind.TEE] = policy.teeEvidence;
        emit PolicyRegistered(policyId, policy);
    }

    /// @inheritdoc IPolicyRegistry
    function retire(bytes32 policyId) external restricted {
        CommitTerms terms = _commitTerms[policyId];
        if (!terms.isRegistered()) revert PolicyUnknown(policyId);
        if (terms.retiredAt() != 0) revert PolicyAlreadyRetired(policyId);

        uint40 retiredAt = uint40(block.timestamp);
        _commitTerms[policyId] = terms.retire(retiredAt);
        emit PolicyRetired(policyId, retiredAt);
    }

    /// @inheritdoc IPolicyRegistry
    function allowEvidence(uint8 kind, address evidence) external restricted {
        if ((kind != EvidenceKind.ZK && kind != EvidenceKind.TEE) || evidence.code.length == 0) {
            revert EvidenceNotAllowed(kind, evidence);
        }
        _allowed[kind][evidence] = true;
        emit EvidenceSet(kind, evidence, true);
    }

    /// @inheritdoc IPolicyRegistry
    function disallowEvidence(uint8 kind, address evidence) external restricted {
        _allowed[kind][evidence] = false;
        emit EvidenceSet(kind, evidence, false);
    }

    /// @inheritdoc IPolicyRegistry
    function commitTermsOf(bytes32 policyId) external view returns (CommitTerms) {
        return _commitTerms[policyId];
    }

    /// @inheritdoc IPolicyRegistry
    function disputeTermsOf(bytes32 policyId) external view returns (DisputeTerms) {
        return _disputeTerms[policyId];
    }

    /// @inheritdoc IPolicyRegistry
    function evidenceOf(bytes32 policyId, uint8 kind) external view returns (address) {
        return _evidence[policyId][kind];
    }

    /// @inheritdoc IPolicyRegistry
    function policyOf(
        bytes32 policyId
    ) external view returns (Policy memory policy, uint40 registeredAt, uint40 retiredAt) {
        CommitTerms commitTerms = _commitTerms[policyId];
        DisputeTerms disputeTerms = _disputeTerms[policyId];
        policy = Policy({
            rule: commitTerms.rule(),
            answerKinds: commitTerms.answerKinds(),
            zkEvidence: _evidence[policyId][EvidenceKind.ZK],
            teeEvidence: _evidence[policyId][EvidenceKind.TEE],
            challengeWindowSeconds: commitTerms.challengeWindowSeconds(),
            attestedWindowSeconds: commitTerms.attestedWindowSeconds(),
            proveWindowSeconds: disputeTerms.proveWindowSeconds(),
            claimBondWei: disputeTerms.claimBondWei(),
            challengeBondWei: disputeTerms.challengeBondWei(),
            challengerBps: disputeTerms.challengerBps(),
            requesterBps: disputeTerms.requesterBps()
        });
        return (policy, commitTerms.registeredAt(), commitTerms.retiredAt());
    }

    /// @inheritdoc IPolicyRegistry
    function isEvidenceAllowed(uint8 kind, address evidence) external view returns (bool) {
        return _allowed[kind][evidence];
    }

    function _requireEvidenceAllowed(uint8 kind, address evidence) private view {
        if (evidence != address(0) && !_allowed[kind][evidence]) revert EvidenceNotAllowed(kind, evidence);
    }

    function _requireRuleServed(Policy calldata policy) private pure {
        EvidenceRule rule = policy.rule;
        bool needsZk = rule == EvidenceRule.Zk || rule == EvidenceRule.TeeAndZk || rule == EvidenceRule.TeeOrZk;
        bool needsTee = rule != EvidenceRule.Window && rule != EvidenceRule.Zk;
        if (needsZk && policy.zkEvidence == address(0)) revert RuleNeedsEvidence(EvidenceKind.ZK);
        if (needsTee && policy.teeEvidence == address(0)) revert RuleNeedsEvidence(EvidenceKind.TEE);
    }

    /// @dev Without a way to answer, every challenge would win.
    function _requireAnswerable(Policy calldata policy) private pure {
        uint8 available =
            (policy.zkEvidence == address(0) ? 0 : EvidenceKind.ZK) |
                (policy.teeEvidence == address(0) ? 0 : EvidenceKind.TEE);
        uint8 kinds = policy.answerKinds;
        if (kinds == 0 || kinds & ~available != 0) revert BadAnswerKinds(kinds);
    }

    function _requireWindows(Policy calldata policy) private pure {
        _requireWindow(policy.challengeWindowSeconds, Limits.MIN_WINDOW_SECONDS, Limits.MAX_CHALLENGE_WINDOW_SECONDS);
        _requireWindow(policy.proveWindowSeconds, Limits.MIN_WINDOW_SECONDS, Limits.MAX_PROVE_WINDOW_SECONDS);
        // A second window only where the rule has one; elsewhere zero, so that equal terms have one id.
        bool hasSecond = policy.rule == EvidenceRule.TeeThenWindow;
        _requireWindow(
            policy.attestedWindowSeconds,
            hasSecond ? Limits.MIN_WINDOW_SECONDS : 0,
            hasSecond ? policy.challengeWindowSeconds : 0
        );
    }

    function _requireWindow(uint32 windowSeconds, uint32 minSeconds, uint32 maxSeconds) private pure {
        if (windowSeconds < minSeconds || windowSeconds > maxSeconds) {
            revert WindowOutOfBounds(windowSeconds, minSeconds, maxSeconds);
        }
    }

    function _requireBonds(Policy calldata policy) private pure {
        if (policy.claimBondWei < Limits.MIN_BOND_WEI) revert BondTooSmall(policy.claimBondWei, Limits.MIN_BOND_WEI);
        if (policy.challengeBondWei < Limits.MIN_BOND_WEI) {
            revert BondTooSmall(policy.challengeBondWei, Limits.MIN_BOND_WEI);
        }
        uint256 paidBps = uint256(policy.challengerBps) + policy.requesterBps;
        if (policy.challengerBps == 0 || paidBps > Limits.BPS - Limits.MIN_BURN_BPS) {
            revert BadSplit(policy.challengerBps, policy.requesterBps);
        }
    }
}
