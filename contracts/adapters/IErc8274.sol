// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// The interfaces of the draft ERC-8274, "AI Inference Proof Verification Interfaces", as its pull request
// (ethereum/ERCs 1771) had them at commit 10ed575e511bc96c74d4c72a87b61cc3051e4b2a, where `VerificationCompleted`
// and the digest carry the time of the verification. Names and signatures are the draft's; the descriptions are ours.

/// @title What judges a proof that a model gave this output for this input
interface IProofVerifier {
    /// @param inputHash Commitment to the input, by the backend's scheme.
    /// @param outputHash Commitment to the output, by the backend's scheme.
    /// @param metadata What stays the same from call to call.
    /// @param proof What is about this one inference.
    function verify(
        bytes32 inputHash,
        bytes32 outputHash,
        bytes calldata metadata,
        bytes calldata proof
    ) external returns (bool);

    /// @notice The kind of proof, as `paradigm/variant`.
    function proofSystem() external view returns (string memory);

    /// @notice Tells deployments of one kind apart.
    function proofProfile() external view returns (bytes32);
}

/// @title What judges whether an agent did a task
interface IAgentVerifier {
    /// @notice A verification ended, one way or the other. The fields are the digest's preimage.
    event VerificationCompleted(
        bytes32 indexed taskId,
        bytes32 indexed agentId,
        bytes32 indexed verificationDigest,
        bool valid,
        bytes32 inputHash,
        bytes32 outputHash,
        bytes32 agentProofProfile,
        uint256 timestamp
    );

    /// @return valid Whether the agent may do the task and the proof holds.
    /// @return verificationDigest The hash of the event's other fields.
    function verify(
        bytes32 taskId,
        bytes32 agentId,
        bytes32 inputHash,
        bytes32 outputHash,
        bytes calldata proof
    ) external returns (bool valid, bytes32 verificationDigest);
}
