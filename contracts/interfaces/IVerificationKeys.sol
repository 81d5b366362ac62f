// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Groth16 verification keys, as data
/// @notice A key is stored once as a code blob, after checks, and named by the hash of its bytes. It is laid out as the
/// EVM precompiles read it: `alpha (x, y) | beta | gamma | delta (x.im, x.re, y.im, y.re each) | IC[0..n] (x, y each)`,
/// 32-byte words.
interface IVerificationKeys {
    /// @notice A key was registered.
    event KeyRegistered(bytes32 indexed keyId, address pointer);
    /// @notice The key was shown to prove contradictions, and proves nothing from now on.
    event BreakerTripped(bytes32 indexed keyId, bytes32 indexed inputHash, bytes32 outputHashA, bytes32 outputHashB);

    /// @notice The key is registered already.
    error KeyKnown(bytes32 keyId);
    /// @notice The key was never registered.
    error KeyUnknown(bytes32 keyId);
    /// @notice The key does not have the length of a key for this number of public inputs.
    error KeyLength(uint256 lengthBytes, uint256 expectedBytes);
    /// @notice The point at this word of the key is at infinity, off the curve, outside the subgroup or not canonical.
    error KeyPoint(uint256 word);
    /// @notice gamma and delta are equal or opposite: the key had no phase-2 contribution and proofs for it can be
    /// forged.
    error KeyUnsafe();
    /// @notice The two proofs do not contradict each other: their outputs are equal, or one of them does not hold.
    error NoContradiction(bytes32 keyId);
    /// @notice The breaker of the key was tripped before.
    error AlreadyTripped(bytes32 keyId);
    /// @notice The code blob could not be created.
    error KeyStoreFailed();

    /// @notice One proof, with the public inputs that it does not share with another about the same input.
    struct Side {
        bytes32 outputHash;
        uint256 ctx;
        bytes proof;
    }

    /// @notice Registers a key. Anybody may: a key only matters to the models that name it. No check can replace an
    /// honest setup: these refuse what accidents leave behind.
    /// @return keyId keccak256 of the bytes.
    function registerKey(bytes calldata key) external returns (bytes32 keyId);

    /// @notice The canary. A circuit computes a function, so one input cannot have two outputs: whoever proves two has
    /// shown that the key proves falsehoods, and trips its breaker for ever. Anybody may.
    function tripBreaker(bytes32 keyId, bytes32 inputHash, Side calldata a, Side calldata b) external;

    /// @notice When the breaker of a key was tripped. Zero: not.
    function trippedAt(bytes32 keyId) external view returns (uint40);

    /// @notice The bytes of a key. Reverts with `KeyUnknown`.
    function keyOf(bytes32 keyId) external view returns (bytes memory key);
}
