// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {IQuorumEvidence} from "../../../contracts/interfaces/IQuorumEvidence.sol";
import {Claim} from "../../../contracts/types/Claim.sol";
import {Model} from "../../../contracts/types/Model.sol";
import {Policy} from "../../../contracts/types/Policy.sol";
import {EvidenceKind, EvidenceRule} from "../../../contracts/types/Status.sol";
import {requireEqual, requireTrue, vm} from "../Vm.sol";
import {Ref, World} from "../settlement/World.sol";

/// @dev A key, and what should have become of it.
struct Seat {
    address signer;
    uint256 key;
    address owner;
    IQuorumEvidence.Standing standing;
    uint256 stakeWei;
    uint256 addedAt;
    uint256 activeFrom;
    uint256 exitAt;
}

/// @notice A committee of which three make a quorum, and which a policy of the real Settlement takes as an answer; its
/// curator, who acts after a day, and its guardian. Every third key signs contradictions.
abstract contract QuorumWorld is World {
    uint256 internal constant THRESHOLD = 3;
    uint256 internal constant MAX_MEMBERS = 5;
    uint96 internal constant MIN_STAKE_WEI = 1 ether;
    uint256 internal constant FOUNDERS = 4;
    uint40 internal constant ACTIVATION_SECONDS = 25 days;
    uint40 internal constant EXIT_SECONDS = 30 days;
    uint32 internal constant CURATOR_DELAY_SECONDS = 1 days;
    address internal constant CURATOR = address(0xC0);
    address internal constant GUARDIAN = address(0xC1);
    address internal constant OPERATOR = address(0xC2);
    address internal constant ETHER = address(0);

    IQuorumEvidence internal immutable COMMITTEE;
    bytes32 internal immutable POLICY;
    bytes32 internal immutable RERUN; // a model that gives the same output each time
    bytes32 internal immutable SAMPLED; // one that does not

    address[2] internal managers;
    uint256 internal manager; // which of the two rules now
    Seat[] internal seats;
    mapping(address signer => uint256) internal seatOf; // plus one
    uint256 internal expectedFaultedAt;
    uint256 internal burntStakeWei;

    constructor() {
        managers = [MANAGER, _deploy("AccessManager", abi.encode(address(this)))];
        IModelRegistry registry = IModelRegistry(_deploy("ModelRegistry", abi.encode(MANAGER)));
        (RERUN, SAMPLED) = (_register(registry, true), _register(registry, false));
        IQuorumEvidence.Seat[] memory founders = new IQuorumEvidence.Seat[](FOUNDERS);
        for (uint256 i = 0; i < FOUNDERS; ++i) {
            Seat storage seat = _newSeat();
            founders[i] = IQuorumEvidence.Seat(seat.signer, seat.owner);
            _seated(seat, block.timestamp);
        }
        bytes memory arguments = abi.encode(MANAGER, registry, SETTLEMENT, THRESHOLD, MIN_STAKE_WEI, founders);
        vm.deal(address(this), FOUNDERS * MIN_STAKE_WEI);
        COMMITTEE = IQuorumEvidence(_deploy("QuorumEvidence", arguments));
        for (uint256 i = 0; i < FOUNDERS; ++i) {
            seats[i].stakeWei = MIN_STAKE_WEI;
            COMMITTEE.stakeFor{value: MIN_STAKE_WEI}(seats[i].signer);
        }
        for (uint256 i = 0; i < 2; ++i) _setRoles(IAccessManager(managers[i]));
        REGISTRY.allowEvidence(EvidenceKind.QUORUM, address(COMMITTEE));
        POLICY = REGISTRY.register(_policy());
        vm.deal(OPERATOR, 1_000 ether);
        vm.prank(OPERATOR);
        SETTLEMENT.stake{value: 1_000 ether}(OPERATOR);
    }

    function _register(IModelRegistry registry, bool isRerun) private returns (bytes32) {
        Model memory model;
        model.name = isRerun ? "rerun" : "sampled";
        model.specHash = keccak256("specification");
        model.measurement = keccak256("image");
        model.reexecutable = isRerun;
        return registry.register(model);
    }

    function _policy() private view returns (Policy memory policy) {
        policy.rule = EvidenceRule.Window;
        policy.answerKinds = EvidenceKind.QUORUM;
        policy.quorumEvidence = address(COMMITTEE);
        policy.challengeWindowSeconds = 14 days;
        policy.proveWindowSeconds = 7 days;
        (policy.claimBondWei, policy.challengeBondWei) = (1 ether, 0.3 ether);
        (policy.challengerBps, policy.requesterBps) = (3_000, 2_000);
    }

    function _setRoles(IAccessManager target) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = IQuorumEvidence.addSigner.selector;
        target.setTargetFunctionRole(address(COMMITTEE), selectors, 1);
        selectors[0] = IQuorumEvidence.removeSigner.selector;
        target.setTargetFunctionRole(address(COMMITTEE), selectors, 2);
        target.grantRole(1, CURATOR, CURATOR_DELAY_SECONDS);
        target.grantRole(2, GUARDIAN, 0);
    }

    /// @dev The other walk looks at statuses.
    function _observe(Ref memory) internal override {}

    /* THE COMMITTEE */

    function _newSeat() internal returns (Seat storage seat) {
        seat = seats.push();
        seat.key = uint256(keccak256(abi.encode("signer", seats.length)));
        (seat.signer, seat.owner) = (vm.addr(seat.key), actors[seats.length % ACTORS]);
        seatOf[seat.signer] = seats.length;
    }

    function _seated(Seat storage seat, uint256 activeFrom) internal {
        seat.standing = IQuorumEvidence.Standing.Member;
        (seat.addedAt, seat.activeFrom) = (block.timestamp, activeFrom);
    }

    function _isLiar(uint256 seat) internal pure returns (bool) {
        return seat % 3 == 2;
    }

    function _counts(Seat storage seat) internal view returns (bool) {
        bool isMember = seat.standing == IQuorumEvidence.Standing.Member;
        return isMember && block.timestamp >= seat.activeFrom && seat.stakeWei >= MIN_STAKE_WEI;
    }

    function _countOfCounting() internal view returns (uint256 count) {
        for (uint256 i = 0; i < seats.length; ++i) if (_counts(seats[i])) ++count;
    }

    function _countOfMembers() internal view returns (uint256 count) {
        for (uint256 i = 0; i < seats.length; ++i) {
            if (seats[i].standing == IQuorumEvidence.Standing.Member) ++count;
        }
    }

    /* VERDICTS */

    function _signed(uint256 seat, bytes32 claimId, address beneficiary) internal view returns (bytes memory) {
        return _signedFor(seat, _digestOf(claimId, beneficiary, address(COMMITTEE), block.chainid));
    }

    function _signedFor(uint256 seat, bytes32 digest) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(seats[seat].key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev By the words of the specification, not by the contract's.
    function _digestOf(
        bytes32 claimId,
        address beneficiary,
        address committee,
        uint256 chainId
    ) internal pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Meantime Quorum"),
                keccak256("1"),
                chainId,
                committee
            )
        );
        bytes32 verdict = keccak256(
            abi.encode(keccak256("ClaimVerdict(bytes32 claimId,address beneficiary)"), claimId, beneficiary)
        );
        return keccak256(abi.encodePacked(hex"1901", domain, verdict));
    }

    /// @dev The seats in the order of their addresses.
    function _ascending(uint256[] memory chosen) internal view {
        for (uint256 i = 1; i < chosen.length; ++i) {
            for (uint256 k = i; k > 0 && seats[chosen[k]].signer < seats[chosen[k - 1]].signer; --k) {
                (chosen[k], chosen[k - 1]) = (chosen[k - 1], chosen[k]);
            }
        }
    }

    function _evidenceOf(
        uint256[] memory chosen,
        bytes32 claimId,
        address beneficiary
    ) internal view returns (bytes memory evidence) {
        for (uint256 i = 0; i < chosen.length; ++i) {
            evidence = bytes.concat(evidence, _signed(chosen[i], claimId, beneficiary));
        }
    }

    /// @dev `count` seats that count now, none twice, in order; fewer where there are fewer.
    function _quorum(uint256 count) internal returns (uint256[] memory chosen) {
        uint256[] memory found = new uint256[](count);
        uint256 size = 0;
        uint256 from = _below(seats.length);
        for (uint256 n = 0; n < seats.length && size < count; ++n) {
            uint256 seat = (from + n) % seats.length;
            if (_counts(seats[seat])) found[size++] = seat;
        }
        chosen = new uint256[](size);
        for (uint256 i = 0; i < size; ++i) chosen[i] = found[i];
        _ascending(chosen);
    }

    function _newClaim(bytes32 modelId) internal returns (Claim memory claim) {
        claim.modelId = modelId;
        claim.policyId = POLICY;
        claim.operator = OPERATOR;
        claim.requestId = bytes32(_below(type(uint256).max));
        claim.inputHash = bytes32(_below(type(uint256).max));
        claim.outputHash = bytes32(_below(type(uint256).max));
        claim.servedAt = uint64(block.timestamp);
        claim.commitBy = uint64(block.timestamp + 1 hours);
    }

    /* CALLS */

    /// @dev I-51 to I-57 as one table: the call succeeds when the specification lets it, and else fails as it says.
    function _expect(address caller, bytes memory data, uint256 valueWei, bytes4 refusal) internal {
        if (valueWei > 0) vm.deal(caller, caller.balance + valueWei);
        vm.prank(caller);
        (bool isDone, bytes memory result) = address(COMMITTEE).call{value: valueWei}(data);
        bytes4 actual = isDone || result.length < 4 ? bytes4(0) : bytes4(result);
        requireEqual(uint32(actual), uint32(refusal), "I-54 what a call failed with");
        requireTrue(isDone == (refusal == 0), "I-54 whether a call fails");
    }
}
