// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Keys that live in enclaves
/// @notice Keys are entered by a curator role under a delay; verifying the attestation itself on chain is a later part
/// of the protocol.
interface IEnclaveRegistry {
    /// @notice A key of an enclave with this measurement may attest until `expiresAt`.
    event EnclaveKeyRegistered(address indexed key, bytes32 indexed measurement, uint40 expiresAt);
    /// @notice The key attests nothing from now on.
    event EnclaveKeyRevoked(address indexed key, uint40 revokedAt);

    /// @notice The key was registered before; one key has one entry for ever.
    error EnclaveKeyKnown(address key);
    /// @notice The key was never registered.
    error EnclaveKeyUnknown(address key);
    /// @notice The key was revoked before.
    error EnclaveKeyAlreadyRevoked(address key);
    /// @notice The measurement is zero or the expiry is not in the future.
    error BadEnclaveEntry(bytes32 measurement, uint40 expiresAt);

    /// @notice Enters a key. Restricted to the curator, with a delay.
    function register(address key, bytes32 measurement, uint40 expiresAt) external;

    /// @notice Revokes a key at once. Restricted to the guardian.
    function revoke(address key) external;

    /// @notice The measurement that `key` attests for, now: zero when unknown, expired or revoked.
    function activeMeasurementOf(address key) external view returns (bytes32 measurement);

    /// @notice The entry of a key.
    function enclaveKeyOf(
        address key
    ) external view returns (bytes32 measurement, uint40 registeredAt, uint40 expiresAt, uint40 revokedAt);
}
