// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISettlement} from "../../interfaces/ISettlement.sol";
import {BatchHeader} from "../../types/Batch.sol";
import {Claim} from "../../types/Claim.sol";
import {Vault} from "../../Vault.sol";
import {InferenceConsumer} from "../InferenceConsumer.sol";

/// @title Loans that are liquidated when a risk model says so, and that is final
/// @notice An assessor commits to what is known about a position: it is trusted with the data, not with the
/// judgement. The model judges, and only what nothing can change any more moves collateral.
contract GatedLiquidation is InferenceConsumer, Vault {
    struct Position {
        address borrower;
        address lender; // zero: nobody has lent yet
        uint96 collateralWei;
        uint96 loanWei;
        bytes32 inputHash; // of the latest assessment
        uint64 assessedAt; // zero: never
    }

    /// @notice What the model's output is when a position should be liquidated.
    bytes32 public immutable LIQUIDATE;
    /// @notice Who commits to the data that the model judges by.
    address public immutable ASSESSOR;
    /// @notice An older judgement does not count. Longer than the policy's windows, or none would ever.
    uint256 public immutable MAX_AGE_SECONDS;

    mapping(uint256 positionId => Position) public positions;
    uint256 public positionCount;

    /// @dev Two positions of equal data need two judgements.
    mapping(bytes32 claimId => bool) private _used;

    event Offered(uint256 indexed positionId, address indexed borrower, uint256 collateralWei, uint256 loanWei);
    event Lent(uint256 indexed positionId, address indexed lender);
    event Assessed(uint256 indexed positionId, bytes32 inputHash);
    event Repaid(uint256 indexed positionId);
    event Liquidated(uint256 indexed positionId, bytes32 indexed claimId);

    error NotAssessor(address caller);
    error NotOffered(uint256 positionId);
    error NotLent(uint256 positionId);
    error WrongInput(bytes32 inputHash, bytes32 assessed);
    error Stale(uint64 servedAt);
    error NotLiquidatable(bytes32 outputHash);
    error ClaimUsed(bytes32 claimId);

    constructor(
        ISettlement settlement,
        bytes32 modelId,
        bytes32 policyId,
        bytes32 liquidate_,
        address assessor,
        uint256 maxAgeSeconds
    ) InferenceConsumer(settlement, modelId, policyId) {
        LIQUIDATE = liquidate_;
        ASSESSOR = assessor;
        MAX_AGE_SECONDS = maxAgeSeconds;
    }

    /// @notice Offers collateral, as `msg.value`, for a loan.
    function offer(uint96 loanWei) external payable returns (uint256 positionId) {
        positionId = ++positionCount;
        Position storage position = positions[positionId];
        position.borrower = msg.sender;
        position.collateralWei = uint96(msg.value);
        position.loanWei = loanWei;
        emit Offered(positionId, msg.sender, msg.value, loanWei);
    }

    /// @notice Lends what a position asks for, as `msg.value`. It is credited to the borrower.
    function lend(uint256 positionId) external payable {
        Position storage position = positions[positionId];
        if (position.borrower == address(0) || position.lender != address(0)) revert NotOffered(positionId);
        position.lender = msg.sender;
        _credit(position.borrower, address(0), position.loanWei);
        emit Lent(positionId, msg.sender);
        _collect(address(0), position.loanWei);
    }

    /// @notice Commits to the latest data about a position. Judgements of earlier data count no more.
    function assess(uint256 positionId, bytes32 inputHash) external {
        if (msg.sender != ASSESSOR) revert NotAssessor(msg.sender);
        if (positions[positionId].lender == address(0)) revert NotLent(positionId);
        positions[positionId].inputHash = inputHash;
        positions[positionId].assessedAt = uint64(block.timestamp);
        emit Assessed(positionId, inputHash);
    }

    /// @notice Pays the loan back, as `msg.value`, and credits the collateral to the borrower. Anybody may.
    function repay(uint256 positionId) external payable {
        Position memory position = _close(positionId);
        _credit(position.borrower, address(0), position.collateralWei);
        _credit(position.lender, address(0), position.loanWei);
        emit Repaid(positionId);
        _collect(address(0), position.loanWei);
    }

    /// @notice Credits the collateral to the lender, on a final judgement of the latest data that anybody could
    /// have challenged, or that evidence vouches for. Anybody may.
    function liquidate(
        uint256 positionId,
        BatchHeader calldata header,
        Claim calldata claim,
        uint256 index,
        bytes32[] calldata proof
    ) external {
        Position memory position = _close(positionId);
        if (claim.inputHash != position.inputHash) revert WrongInput(claim.inputHash, position.inputHash);
        bool isFresh = claim.servedAt >= position.assessedAt && claim.servedAt + MAX_AGE_SECONDS >= block.timestamp;
        if (!isFresh || position.assessedAt == 0) revert Stale(claim.servedAt);
        if (claim.outputHash != LIQUIDATE) revert NotLiquidatable(claim.outputHash);

        bytes32 claimId = SETTLEMENT.claimIdOf(claim);
        if (_used[claimId]) revert ClaimUsed(claimId);
        _used[claimId] = true;
        _requireShownAndFinal(header, claim, index, proof);

        _credit(position.lender, address(0), position.collateralWei);
        emit Liquidated(positionId, claimId);
    }

    function _close(uint256 positionId) private returns (Position memory position) {
        position = positions[positionId];
        if (position.lender == address(0)) revert NotLent(positionId);
        delete positions[positionId];
    }
}
