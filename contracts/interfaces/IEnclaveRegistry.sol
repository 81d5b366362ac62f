// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Keys that live in enclaves
/// @notice Keys are entered by a curator role under a delay; verifying the attestation itself on chain is a later part
/// of the protocol. Each key has a number, from 1 on, by which settlement remembers who vouched.
interface IEnclaveRegistry {
    /// @notice What is known of a key. All zero: never registered.
    struct EnclaveKey {
        bytes32 measurement;
        uint32 number;
        uint40 registeredAt;
        uint40 expiresAt;
        uint40 revokedAt; // zero: not
        uint40 compromisedSince; // zero: not
    }

    /// @notice A key of an enclave with this measurement may attest until `expiresAt`.
    event EnclaveKeyRegistered(address indexed key, bytes32 indexed measurement, uint32 number, uint40 expiresAt);
    /// @notice The key attests nothing from now on.
    event EnclaveKeyRevoked(address indexed key, uint40 revokedAt);
    /// @notice What the key attested at `since` or later can be taken back where it is not final.
    event EnclaveKeyCompromised(address indexed key, uint40 since);

    /// @notice The key was registered before; one key has one entry for ever.
    error EnclaveKeyKnown(address key);
    /// @notice The key was never registered.
    error EnclaveKeyUnknown(address key);
    /// @notice The key was revoked before.
    error EnclaveKeyAlreadyRevoked(address key);
    /// @notice The key or the measurement is zero, or the expiry is not in the future.
    error BadEnclaveEntry(address key, bytes32 measurement, uint40 expiresAt);
    /// @notice The mark is in the future, or no earlier than the one before.
    error BadCompromise(uint40 since);

    /// @notice Enters a key. Restricted to the curator, with a delay.
    function register(address key, bytes32 measurement, uint40 expiresAt) external;

    /// @notice Revokes a key at once. Restricted to the guardian. What it attested before stands.
    function revoke(address key) external;

    /// @notice Marks a key as compromised since a moment in the past, and revokes it if nobody has. Restricted to the
    /// guardian. A mark can be moved back in time, not forth.
    function markCompromised(address key, uint40 since) external;

    /// @notice The measurement that `key` attests for, now, and the key's number. The measurement is zero when the key
    /// is unknown, expired or revoked.
    function activeMeasurementOf(address key) external view returns (bytes32 measurement, uint32 number);

    /// @notice When a key of the measurement was last revoked. Zero: never.
    function lastRevokedAt(bytes32 measurement) external view returns (uint40);

    /// @notice Since when the key of this number is compromised. Zero: not.
    function compromisedSince(uint32 number) external view returns (uint40);

    /// @notice The entry of a key.
    function enclaveKeyOf(address key) external view returns (EnclaveKey memory);
}
