// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Many proofs in one transaction
/// @notice The proofs of one key are judged together, for a quarter of the gas. What they prove is remembered until the
/// end of the transaction, and no longer: for a statement that is remembered, `IEvidence.check` takes empty evidence.
interface IProofBatch {
    /// @notice A statement in the words of the circuit, and of its proof A (x, y) and B (x.im, x.re, y.im, y.re). The
    /// points C of all proofs are folded into one; see `Groth16Batch`.
    struct ProvenStatement {
        bytes32 inputHash;
        bytes32 outputHash;
        uint256 ctx; // `contextOf` the claim and the beneficiary
        uint256[6] proof;
    }

    /// @notice Settlement refused the call at this place, for this reason. The others stand.
    event CallRefused(uint256 indexed place, bytes reason);

    /// @notice At least one proof of the batch, or the point that they were folded into, is wrong.
    error BatchWrong(bytes32 keyId);
    /// @notice The call at this place brings no evidence to a claim.
    error CallNotAllowed(uint256 place, bytes4 selector);
    /// @notice The call at this place failed without a reason: it had too little gas.
    error CallStarved(uint256 place);

    /// @notice There is no contract at the address that was to be called.
    error NoContract(address settlement);

    /// @notice Judges the proofs, all or nothing, and remembers their statements until the end of the transaction.
    /// Reverts with `BatchWrong` when one is wrong, with the errors of `Groth16` where it cannot judge, with
    /// `KeyUnknown`, and with `AlreadyTripped` once the key's breaker is tripped.
    function judge(bytes32 keyId, ProvenStatement[] calldata statements, uint256[2] calldata foldedC) external;

    /// @notice `judge`, and then calls of `prove`, `answer` and `disprove` of Settlement with empty evidence.
    /// @dev A call that is refused is passed over, so that nobody can make the others fail by bringing the evidence for
    /// one of them first. It is told by `CallRefused`.
    /// @param settlement The contract that is called. This contract has no rights there, nor anywhere else.
    /// @param calls Calldata of the calls, selector included.
    function judgeAndCall(
        bytes32 keyId,
        ProvenStatement[] calldata statements,
        uint256[2] calldata foldedC,
        address settlement,
        bytes[] calldata calls
    ) external;
}
