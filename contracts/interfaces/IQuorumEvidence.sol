// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claim} from "../types/Claim.sol";
import {IEvidence} from "./IEvidence.sol";
import {IVault} from "./IVault.sol";

/// @title A committee of re-executors
/// @notice Signers run a model again and sign their verdict on a claim: EIP-712
/// `ClaimVerdict(bytes32 claimId,address beneficiary)` in the domain "Meantime Quorum", version "1", this chain, this
/// contract. `THRESHOLD` of them together are evidence. At no time has the committee more than `2 * THRESHOLD - 1`
/// members, so any two quorums of one moment share a signer.
///
/// A signer has a stake of ether at risk. Whoever shows two verdicts of one signer by which one model maps one input to
/// two outputs has it slashed. A committee that errs the same way every time is not found out like that: policies
/// should not have more at stake on its word than its members have.
///
/// A key has one entry for ever: it never returns once it is gone. Every point in time separates two rights exactly: a
/// signer counts from `activeFrom` on, can be slashed before `exitAt` and have its stake back from `exitAt` on.
interface IQuorumEvidence is IEvidence, IVault {
    /// @notice Where a signer stands.
    enum Standing {
        None, // never added
        Member, // counts once it is active and has staked enough
        Leaving, // resigned or removed: signs nothing any more, its stake still at risk until `exitAt`
        Exited, // has its stake back
        Slashed
    }

    /// @notice What is known of a signer. All zero: never added.
    struct Signer {
        uint96 stakeWei;
        uint40 activeFrom;
        uint40 exitAt; // zero: a member
        Standing standing;
        address owner; // to whom the stake goes back
    }

    /// @notice A place in the committee: a key that signs, usually hot, and the account it is staked for.
    struct Seat {
        address signer;
        address owner;
    }

    /// @notice A signed verdict: the claim is right.
    struct Verdict {
        Claim claim;
        address beneficiary;
        bytes signature;
    }

    /// @notice A signer was added; its verdicts count from `activeFrom` on, if it has staked.
    event SignerAdded(address indexed signer, address indexed owner, uint40 activeFrom);
    /// @notice Stake was added for a signer.
    event SignerStaked(address indexed signer, address indexed payer, uint256 amountWei);
    /// @notice A signer's owner took it out of the committee.
    event SignerResigned(address indexed signer, uint40 exitAt);
    /// @notice The guardian took a signer out of the committee.
    event SignerRemoved(address indexed signer, uint40 exitAt);
    /// @notice A removal by the guardian left the committee without a quorum.
    event QuorumLost(uint40 faultedAt);
    /// @notice A signer's stake was credited to its owner.
    event SignerExited(address indexed signer, address indexed owner, uint256 amountWei);
    /// @notice A signer signed two verdicts that contradict each other, and lost its stake.
    event SignerSlashed(
        address indexed signer,
        address indexed reporter,
        bytes32 claimIdA,
        bytes32 claimIdB,
        uint256 reporterWei,
        uint256 burnWei
    );

    /// @notice A committee needs between `min` and `max` signatures.
    error BadThreshold(uint256 threshold, uint256 min, uint256 max);
    /// @notice With another member two disjoint quorums could exist.
    error CommitteeFull(uint256 maxMembers);
    /// @notice The key was added before.
    error SignerKnown(address signer);
    /// @notice The key is not in the committee now.
    error NotMember(address signer);
    /// @notice Only the signer's owner may do this.
    error NotOwnerOf(address signer, address caller);
    /// @notice The signer's stake would not fit.
    error SignerStakeTooLarge(uint256 stakeWei);
    /// @notice The signer is a member, gone already, or its stake is at risk until `exitAt`.
    error NotExitable(address signer, uint40 exitAt);
    /// @notice The model is not registered as one that gives the same output each time.
    error ModelNotReexecutable(bytes32 modelId);
    /// @notice The evidence is not a whole number of 65-byte signatures, or too few of them.
    error BadSignatures(uint256 lengthBytes, uint256 threshold);
    /// @notice The signatures are not in strictly ascending order of their signers.
    error SignersNotAscending(address previous, address signer);
    /// @notice No member that counts now signed this: another key did, or this one signed something else.
    error SignerNotActive(address signer);
    /// @notice The claims are not about one model and one input, or do not differ in their output.
    error NoContradiction(bytes32 claimIdA, bytes32 claimIdB);
    /// @notice The two verdicts have different signers.
    error SignersDiffer(address signerA, address signerB);
    /// @notice The signer was never added, has its stake back, could have it back, or was slashed before.
    error NothingAtStake(address signer);

    /// @notice Adds a signer, who counts `ACTIVATION_SECONDS` later. Restricted to the curator, with a delay.
    /// @param owner Who may take it out of the committee, and gets its stake back.
    function addSigner(address signer, address owner) external;

    /// @notice Takes a signer out of the committee at once. Restricted to the guardian. Its stake stays at risk, as
    /// when it resigns.
    function removeSigner(address signer) external;

    /// @notice Adds the ether sent to a member's stake. Anybody may.
    function stakeFor(address signer) external payable;

    /// @notice Takes a signer of the caller out of the committee at once. Its stake stays at risk for `EXIT_SECONDS`.
    function resign(address signer) external;

    /// @notice Credits the stake of a signer that is gone, from its `exitAt` on, to its owner. Anybody may.
    function completeExit(address signer) external;

    /// @notice Slashes the whole stake of a signer by two of its verdicts that cannot both be right: the caller is
    /// credited `REPORTER_BPS` of it, the rest is burnt. Anybody may; the claims need not have been committed.
    /// @dev A copied transaction pays the copier: the signer is slashed all the same.
    function reportContradiction(Verdict calldata a, Verdict calldata b) external;

    /// @notice What a signer signs for a claim.
    function verdictDigest(bytes32 claimId, address beneficiary) external view returns (bytes32);

    /// @notice The members, active or not, in no order.
    function members() external view returns (address[] memory);

    /// @notice How many signers count now.
    function activeCount() external view returns (uint256);

    /// @notice Whether the signer's verdicts count now.
    function isActive(address signer) external view returns (bool);

    /// @notice The entry of a signer.
    function signerOf(address signer) external view returns (Signer memory);
}
