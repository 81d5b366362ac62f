// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IEvidence} from "../../interfaces/IEvidence.sol";
import {IModelRegistry} from "../../interfaces/IModelRegistry.sol";
import {IQuorumEvidence} from "../../interfaces/IQuorumEvidence.sol";
import {ISettlement} from "../../interfaces/ISettlement.sol";
import {Limits} from "../../Limits.sol";
import {Claim} from "../../types/Claim.sol";
import {Vault} from "../../Vault.sol";

/// @title QuorumEvidence
/// @custom:invariant I-50 The committee has at most `2 * THRESHOLD - 1` members.
/// @custom:invariant I-51 The balance is never less than the sum of stakes and credits. The difference is what was
/// burnt and what was sent here unasked.
contract QuorumEvidence is IQuorumEvidence, Vault, AccessManaged, EIP712 {
    bytes32 public constant VERDICT_TYPEHASH = keccak256("ClaimVerdict(bytes32 claimId,address beneficiary)");

    /// @notice How long after it was added a signer counts: as long as a claim can be open that was neither revealed
    /// on demand nor reopened, so that nobody is brought in to judge what was committed before.
    uint40 public constant ACTIVATION_SECONDS =
        Limits.MAX_CHALLENGE_WINDOW_SECONDS +
            Limits.MAX_PROVE_WINDOW_SECONDS +
            Limits.MAX_LOAD_SECONDS +
            Limits.MAX_LENGTHENING_SECONDS;

    /// @notice How long the stake of a signer that is gone stays at risk: until claims that it vouched for are final.
    uint40 public constant EXIT_SECONDS = Limits.UNBONDING_SECONDS;

    /// @notice The reporter's share of a slashed stake. Colluding signers can report each other, so a contradiction
    /// costs them what is burnt and no more; a fifth is far above the gas of a report.
    uint16 public constant REPORTER_BPS = 2_000;

    /// @dev A committee of one is a key. The largest has 31 members, which a loop can count.
    uint256 private constant MIN_THRESHOLD = 2;
    uint256 private constant MAX_THRESHOLD = 16;
    uint256 private constant SIGNATURE_BYTES = 65;

    /// @notice Where the models are.
    IModelRegistry public immutable MODELS;
    /// @notice Whose claims the signers answer for with their stake.
    ISettlement public immutable SETTLEMENT;
    /// @notice How many signatures are evidence.
    uint256 public immutable THRESHOLD;
    /// @notice What a signer must have staked to count.
    uint96 public immutable MIN_STAKE_WEI;

    mapping(address signer => Signer) private _signers;
    address[] private _members;
    uint40 private _faultedAt;

    /// @param founders Count at once: no claim is older than the committee that its policy names.
    constructor(
        address authority,
        IModelRegistry models,
        ISettlement settlement,
        uint256 threshold,
        uint96 minStakeWei,
        Seat[] memory founders
    ) AccessManaged(authority) EIP712("Meantime Quorum", "1") {
        if (
            authority == address(0) ||
            address(models) == address(0) ||
            address(settlement) == address(0) ||
            minStakeWei == 0
        ) revert ZeroArgument();
        if (threshold < MIN_THRESHOLD || threshold > MAX_THRESHOLD) {
            revert BadThreshold(threshold, MIN_THRESHOLD, MAX_THRESHOLD);
        }
        MODELS = models;
        SETTLEMENT = settlement;
        THRESHOLD = threshold;
        MIN_STAKE_WEI = minStakeWei;
        for (uint256 i = 0; i < founders.length; ++i) {
            _add(founders[i].signer, founders[i].owner, uint40(block.timestamp), threshold);
        }
    }

    /* EVIDENCE */

    /// @inheritdoc IEvidence
    /// @dev `evidence` is 65-byte signatures, one after the other, in ascending order of their signers. Reverts on
    /// anything else, with the errors of OpenZeppelin's `ECDSA` on a malformed signature. Committees have no source:
    /// what they vouched for is not taken back.
    function check(
        Claim calldata claim,
        bytes32 claimId,
        address beneficiary,
        bytes calldata evidence
    ) external view returns (bytes4 magic, uint32 source) {
        if (!MODELS.isReexecutable(claim.modelId)) revert ModelNotReexecutable(claim.modelId);
        if (evidence.length % SIGNATURE_BYTES != 0 || evidence.length < THRESHOLD * SIGNATURE_BYTES) {
            revert BadSignatures(evidence.length, THRESHOLD);
        }

        bytes32 digest = verdictDigest(claimId, beneficiary);
        address previous = address(0);
        for (uint256 start = 0; start < evidence.length; start += SIGNATURE_BYTES) {
            address signer = ECDSA.recoverCalldata(digest, evidence[start:start + SIGNATURE_BYTES]);
            if (!isActive(signer)) revert SignerNotActive(signer);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            previous = signer;
        }
        return (IEvidence.check.selector, 0);
    }

    /// @inheritdoc IEvidence
    /// @dev When a removal by the guardian last left the committee without a quorum. Resigning and being slashed do not
    /// count: a liar with a friend in the committee could bring them about and have its challenges voided. Where they
    /// leave an honest operator without a quorum, the guardian can void.
    function faultedAt(bytes32) external view returns (uint40) {
        return _faultedAt;
    }

    /// @inheritdoc IEvidence
    function compromisedSince(uint32) external pure returns (uint40) {
        return 0;
    }

    /* COMMITTEE */

    /// @inheritdoc IQuorumEvidence
    function addSigner(address signer, address owner) external restricted {
        _add(signer, owner, uint40(block.timestamp) + ACTIVATION_SECONDS, THRESHOLD);
    }

    /// @inheritdoc IQuorumEvidence
    function removeSigner(address signer) external restricted {
        bool hadQuorum = activeCount() >= THRESHOLD;
        uint40 exitAt = _endMembership(signer);
        emit SignerRemoved(signer, exitAt);
        if (!hadQuorum || activeCount() >= THRESHOLD) return;

        _faultedAt = uint40(block.timestamp);
        emit QuorumLost(uint40(block.timestamp));
    }

    /// @inheritdoc IQuorumEvidence
    function stakeFor(address signer) external payable {
        if (msg.value == 0) revert ZeroArgument();
        Signer storage entry = _signers[signer];
        if (entry.standing != Standing.Member) revert NotMember(signer);
        uint256 stakeWei = entry.stakeWei + msg.value;
        if (stakeWei > type(uint96).max) revert SignerStakeTooLarge(stakeWei);

        entry.stakeWei = uint96(stakeWei);
        emit SignerStaked(signer, msg.sender, msg.value);
    }

    /// @inheritdoc IQuorumEvidence
    function resign(address signer) external {
        if (msg.sender != _signers[signer].owner) revert NotOwnerOf(signer, msg.sender);
        emit SignerResigned(signer, _endMembership(signer));
    }

    /// @inheritdoc IQuorumEvidence
    function completeExit(address signer) external {
        Signer storage entry = _signers[signer];
        if (entry.standing != Standing.Leaving || block.timestamp < entry.exitAt) {
            revert NotExitable(signer, entry.exitAt);
        }

        uint256 amountWei = entry.stakeWei;
        entry.stakeWei = 0;
        entry.standing = Standing.Exited;
        _credit(entry.owner, address(0), amountWei);
        emit SignerExited(signer, entry.owner, amountWei);
    }

    /* CONTRADICTIONS */

    /// @inheritdoc IQuorumEvidence
    function reportContradiction(Verdict calldata a, Verdict calldata b) external {
        bytes32 claimIdA = SETTLEMENT.claimIdOf(a.claim);
        bytes32 claimIdB = SETTLEMENT.claimIdOf(b.claim);
        bytes32 modelId = a.claim.modelId;
        if (
            b.claim.modelId != modelId ||
            a.claim.inputHash != b.claim.inputHash ||
            a.claim.outputHash == b.claim.outputHash
        ) revert NoContradiction(claimIdA, claimIdB);
        // A model that is not may honestly give two outputs.
        if (!MODELS.isReexecutable(modelId)) revert ModelNotReexecutable(modelId);

        address signer = ECDSA.recoverCalldata(verdictDigest(claimIdA, a.beneficiary), a.signature);
        address signerB = ECDSA.recoverCalldata(verdictDigest(claimIdB, b.beneficiary), b.signature);
        if (signer != signerB) revert SignersDiffer(signer, signerB);
        _slash(signer, claimIdA, claimIdB);
    }

    /* VIEWS */

    /// @inheritdoc IQuorumEvidence
    function members() external view returns (address[] memory) {
        return _members;
    }

    /// @inheritdoc IQuorumEvidence
    function signerOf(address signer) external view returns (Signer memory) {
        return _signers[signer];
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IEvidence).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    /// @inheritdoc IQuorumEvidence
    function verdictDigest(bytes32 claimId, address beneficiary) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VERDICT_TYPEHASH, claimId, beneficiary)));
    }

    /// @inheritdoc IQuorumEvidence
    function activeCount() public view returns (uint256 count) {
        for (uint256 i = 0; i < _members.length; ++i) {
            if (isActive(_members[i])) ++count;
        }
    }

    /// @inheritdoc IQuorumEvidence
    function isActive(address signer) public view returns (bool) {
        Signer storage entry = _signers[signer];
        return
            entry.standing == Standing.Member && block.timestamp >= entry.activeFrom && entry.stakeWei >= MIN_STAKE_WEI;
    }

    /* INTERNAL */

    /// @dev The threshold is an argument: the constructor cannot read an immutable.
    function _add(address signer, address owner, uint40 activeFrom, uint256 threshold) private {
        if (signer == address(0) || owner == address(0)) revert ZeroArgument();
        Signer storage entry = _signers[signer];
        if (entry.standing != Standing.None) revert SignerKnown(signer);
        uint256 maxMembers = 2 * threshold - 1;
        if (_members.length >= maxMembers) revert CommitteeFull(maxMembers);

        entry.activeFrom = activeFrom;
        entry.standing = Standing.Member;
        entry.owner = owner;
        _members.push(signer);
        emit SignerAdded(signer, owner, activeFrom);
    }

    function _endMembership(address signer) private returns (uint40 exitAt) {
        Signer storage entry = _signers[signer];
        if (entry.standing != Standing.Member) revert NotMember(signer);

        exitAt = uint40(block.timestamp) + EXIT_SECONDS;
        entry.exitAt = exitAt;
        entry.standing = Standing.Leaving;
        _dropMember(signer);
    }

    function _dropMember(address signer) private {
        uint256 last = _members.length - 1;
        uint256 place = 0;
        while (_members[place] != signer) ++place;
        _members[place] = _members[last];
        _members.pop();
    }

    /// @dev The burnt share stays here: it is in nobody's account.
    function _slash(address signer, bytes32 claimIdA, bytes32 claimIdB) private {
        Signer storage entry = _signers[signer];
        bool isMember = entry.standing == Standing.Member;
        bool isLeaving = entry.standing == Standing.Leaving && block.timestamp < entry.exitAt;
        if (!isMember && !isLeaving) revert NothingAtStake(signer);

        uint256 stakeWei = entry.stakeWei;
        uint256 reporterWei = (stakeWei * REPORTER_BPS) / Limits.BPS;
        entry.stakeWei = 0;
        entry.standing = Standing.Slashed;
        if (isMember) _dropMember(signer);
        _credit(msg.sender, address(0), reporterWei);
        emit SignerSlashed(signer, msg.sender, claimIdA, claimIdB, reporterWei, stakeWei - reporterWei);
    }
}
