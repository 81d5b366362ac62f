// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import {IBatchEvidence, IEvidence} from "./interfaces/IEvidence.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";
import {Limits} from "./Limits.sol";
import {Policy} from "./types/Policy.sol";
import {EvidenceKind, EvidenceRule} from "./types/Status.sol";

/// @title PolicyRegistry
contract PolicyRegistry is IPolicyRegistry, AccessManaged {
    struct Entry {
        Policy policy;
        uint40 registeredAt;
    }

    struct ListedToken {
        uint8 index;
        bool allowed;
    }

    mapping(bytes32 policyId => Entry) private _entries;
    mapping(uint8 kind => mapping(address evidence => bool)) private _allowed;
    mapping(address token => ListedToken) private _tokens;
    uint8 private _tokenCount;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc IPolicyRegistry
    function register(Policy calldata policy) external returns (bytes32 policyId) {
        _requireEvidenceAllowed(EvidenceKind.ZK, policy.zkEvidence);
        _requireEvidenceAllowed(EvidenceKind.TEE, policy.teeEvidence);
        _requireEvidenceAllowed(EvidenceKind.QUORUM, policy.quorumEvidence);
        if (policy.bondToken != address(0) && !_tokens[policy.bondToken].allowed) {
            revert BondTokenNotAllowed(policy.bondToken);
        }
        _requireRuleServed(policy);
        _requireAnswerable(policy);
        _requireWindows(policy);
        _requireBonds(policy);

        policyId = policy.id();
        Entry storage entry = _entries[policyId];
        if (entry.registeredAt != 0) revert PolicyKnown(policyId);
        entry.policy = policy;
        entry.registeredAt = uint40(block.timestamp);
        emit PolicyRegistered(policyId, policy);
    }

    /// @inheritdoc IPolicyRegistry
    function allowEvidence(uint8 kind, address evidence) external restricted {
        if (!_isEvidence(kind, evidence)) revert EvidenceNotAllowed(kind, evidence);
        _allowed[kind][evidence] = true;
        emit EvidenceSet(kind, evidence, true);
    }

    /// @inheritdoc IPolicyRegistry
    function disallowEvidence(uint8 kind, address evidence) external restricted {
        _allowed[kind][evidence] = false;
        emit EvidenceSet(kind, evidence, false);
    }

    /// @inheritdoc IPolicyRegistry
    function allowBondToken(address token) external restricted {
        ListedToken storage listed = _tokens[token];
        if (token.code.length == 0) revert BondTokenNotAllowed(token);
        // The checked increment ends the list at its 255th token.
        if (listed.index == 0) listed.index = ++_tokenCount;
        listed.allowed = true;
        emit BondTokenSet(token, listed.index, true);
    }

    /// @inheritdoc IPolicyRegistry
    function disallowBondToken(address token) external restricted {
        ListedToken storage listed = _tokens[token];
        listed.allowed = false;
        emit BondTokenSet(token, listed.index, false);
    }

    /// @inheritdoc IPolicyRegistry
    function policyOf(bytes32 policyId) external view returns (Policy memory policy, uint40 registeredAt) {
        Entry storage entry = _entries[policyId];
        return (entry.policy, entry.registeredAt);
    }

    /// @inheritdoc IPolicyRegistry
    function termsOf(bytes32 policyId) external view returns (Terms memory) {
        Entry storage entry = _entries[policyId];
        if (entry.registeredAt == 0) revert PolicyUnknown(policyId);
        Policy memory policy = entry.policy;
        uint8 tokenIndex = policy.bondToken == address(0) ? 0 : _tokens[policy.bondToken].index;
        return
            Terms(
                policy.commitTerms(tokenIndex),
                policy.disputeTerms(tokenIndex),
                policy.bondToken,
                policy.zkEvidence,
                policy.teeEvidence,
                policy.quorumEvidence
            );
    }

    /// @inheritdoc IPolicyRegistry
    function tokenIndexOf(address token) external view returns (uint8) {
        return _tokens[token].index;
    }

    /// @inheritdoc IPolicyRegistry
    function isEvidenceAllowed(uint8 kind, address evidence) external view returns (bool) {
        return _allowed[kind][evidence];
    }

    /// @inheritdoc IPolicyRegistry
    function isBondTokenAllowed(address token) external view returns (bool) {
        return _tokens[token].allowed;
    }

    function _isEvidence(uint8 kind, address evidence) private view returns (bool) {
        bool knownKind = kind == EvidenceKind.ZK || kind == EvidenceKind.TEE || kind == EvidenceKind.QUORUM;
        if (!knownKind || !ERC165Checker.supportsInterface(evidence, type(IEvidence).interfaceId)) return false;
        // An enclave vouches for whole batches too.
        return kind != EvidenceKind.TEE || ERC165Checker.supportsInterface(evidence, type(IBatchEvidence).interfaceId);
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
                (policy.teeEvidence == address(0) ? 0 : EvidenceKind.TEE) |
                (policy.quorumEvidence == address(0) ? 0 : EvidenceKind.QUORUM);
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

    /// @dev A challenge that costs more than it can win would be open to nobody.
    function _requireBonds(Policy calldata policy) private pure {
        _requireBond(policy.claimBondWei, type(uint88).max);
        _requireBond(policy.challengeBondWei, policy.claimBondWei);
        uint256 paidBps = uint256(policy.challengerBps) + policy.requesterBps;
        if (policy.challengerBps < Limits.MIN_CHALLENGER_BPS || paidBps > Limits.BPS - Limits.MIN_BURN_BPS) {
            revert BadSplit(policy.challengerBps, policy.requesterBps);
        }
    }

    function _requireBond(uint88 bondWei, uint88 maxWei) private pure {
        if (bondWei < Limits.MIN_BOND_WEI || bondWei > maxWei) {
            revert BondOutOfBounds(bondWei, Limits.MIN_BOND_WEI, maxWei);
        }
    }
}
