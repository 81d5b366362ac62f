// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IEnclaveRegistry} from "../interfaces/IEnclaveRegistry.sol";

/// @title EnclaveRegistry
contract EnclaveRegistry is IEnclaveRegistry, AccessManaged {
    struct Entry {
        bytes32 measurement;
        uint40 registeredAt;
        uint40 expiresAt;
        uint40 revokedAt;
    }

    mapping(address key => Entry) private _entries;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc IEnclaveRegistry
    function register(address key, bytes32 measurement, uint40 expiresAt) external restricted {
        if (key == address(0) || measurement == 0 || expiresAt <= block.timestamp) {
            revert BadEnclaveEntry(measurement, expiresAt);
        }
        Entry storage entry = _entries[key];
        if (entry.registeredAt != 0) revert EnclaveKeyKnown(key);

        entry.measurement = measurement;
        entry.registeredAt = uint40(block.timestamp);
        entry.expiresAt = expiresAt;
        emit EnclaveKeyRegistered(key, measurement, expiresAt);
    }

    /// @inheritdoc IEnclaveRegistry
    function revoke(address key) external restricted {
        Entry storage entry = _entries[key];
        if (entry.registeredAt == 0) revert EnclaveKeyUnknown(key);
        if (entry.revokedAt != 0) revert EnclaveKeyAlreadyRevoked(key);

        entry.revokedAt = uint40(block.timestamp);
        emit EnclaveKeyRevoked(key, entry.revokedAt);
    }

    /// @inheritdoc IEnclaveRegistry
    function activeMeasurementOf(address key) external view returns (bytes32 measurement) {
        Entry storage entry = _entries[key];
        if (entry.revokedAt != 0 || block.timestamp >= entry.expiresAt) return 0;
        return entry.measurement;
    }

    /// @inheritdoc IEnclaveRegistry
    function enclaveKeyOf(
        address key
    ) external view returns (bytes32 measurement, uint40 registeredAt, uint40 expiresAt, uint40 revokedAt) {
        Entry storage entry = _entries[key];
        return (entry.measurement, entry.registeredAt, entry.expiresAt, entry.revokedAt);
    }
}
