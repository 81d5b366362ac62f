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
    /// @notice The points at these words of the key are equal or opposite, and nobody's contribution makes them so.
    /// Two of beta, gamma and delta: anybody forges proofs. Two points of IC behind the first: a proof for some inputs
    /// is one for others.
    error KeyUnsafe(uint256 word, uint256 otherWord);
    /// @notice The point at this word of the key is the generator or its opposite: the contribution that should have
    /// moved it was never made.
    error KeyGenerator(uint256 word);
    /// @notice The key is from the development setup, whose trapdoor everybody knows. Only chain 31337 takes it.
    error DevelopmentKey(bytes32 keyId);
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
    /// honest setup: these refuse what accidents leave behind. Reverts with `KeyLength`, `KeyKnown`, `KeyPoint`,
    /// `KeyUnsafe`, `KeyGenerator` or `DevelopmentKey`.
    /// @return keyId keccak256 of the bytes.
    function registerKey(bytes calldata key) external returns (bytes32 keyId);

    /// @notice The canary. A circuit computes a function, so one input cannot have two outputs: whoever proves two has
    /// shown that the key proves falsehoods, and trips its breaker for ever. Anybody may.
    function tripBreaker(bytes32 keyId, bytes32 inputHash, Side calldata a, Side calldata b) external;

    /// @notice Whether a proof of one statement holds, in the words of the circuit. False only for a proof that was
    /// judged. Reverts with the errors of `Groth16` where it cannot judge, with `KeyUnknown`, and with `AlreadyTripped`
    /// once the key's breaker is tripped.
    /// @param proof Eight words: A (x, y), B (x.im, x.re, y.im, y.re), C (x, y).
    function verify(
        bytes32 keyId,
        bytes32 inputHash,
        bytes32 outputHash,
        uint256 ctx,
        bytes calldata proof
    ) external view returns (bool);

    /// @notice When the breaker of a key was tripped. Zero: not.
    function trippedAt(bytes32 keyId) external view returns (uint40);

    /// @notice The bytes of a key. Reverts with `KeyUnknown`.
    function keyOf(bytes32 keyId) external view returns (bytes memory key);
}
