// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IEnclaveRegistry} from "../interfaces/IEnclaveRegistry.sol";
import {Compromise} from "../types/Compromise.sol";

/// @title EnclaveRegistry
contract EnclaveRegistry is IEnclaveRegistry, AccessManaged {
    mapping(address key => EnclaveKey) private _keys;
    mapping(uint32 number => address key) private _keyOfNumber;
    mapping(bytes32 measurement => uint40) private _lastRevokedAt;
    uint32 private _count;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc IEnclaveRegistry
    function register(address key, bytes32 measurement, uint40 expiresAt) external restricted {
        if (key == address(0) || measurement == 0 || expiresAt <= block.timestamp) {
            revert BadEnclaveEntry(key, measurement, expiresAt);
        }
        if (_keys[key].registeredAt != 0) revert EnclaveKeyKnown(key);

        uint32 number = ++_count;
        _keyOfNumber[number] = key;
        _keys[key] = EnclaveKey(measurement, number, uint40(block.timestamp), expiresAt, 0, 0);
        emit EnclaveKeyRegistered(key, measurement, number, expiresAt);
    }

    /// @inheritdoc IEnclaveRegistry
    function revoke(address key) external restricted {
        EnclaveKey storage entry = _entryOf(key);
        if (entry.revokedAt != 0) revert EnclaveKeyAlreadyRevoked(key);
        _revoke(entry, key);
    }

    /// @inheritdoc IEnclaveRegistry
    function markCompromised(address key, uint40 since) external restricted {
        EnclaveKey storage entry = _entryOf(key);
        if (!Compromise.isAllowed(entry.compromisedSince, since)) revert BadCompromise(since);

        if (entry.revokedAt == 0) _revoke(entry, key);
        entry.compromisedSince = since;
        emit EnclaveKeyCompromised(key, since);
    }

    /// @inheritdoc IEnclaveRegistry
    function activeMeasurementOf(address key) external view returns (bytes32 measurement, uint32 number) {
        EnclaveKey storage entry = _keys[key];
        if (entry.revokedAt == 0 && block.timestamp < entry.expiresAt) measurement = entry.measurement;
        return (measurement, entry.number);
    }

    /// @inheritdoc IEnclaveRegistry
    function lastRevokedAt(bytes32 measurement) external view returns (uint40) {
        return _lastRevokedAt[measurement];
    }

    /// @inheritdoc IEnclaveRegistry
    function compromisedSince(uint32 number) external view returns (uint40) {
        return _keys[_keyOfNumber[number]].compromisedSince;
    }

    /// @inheritdoc IEnclaveRegistry
    function enclaveKeyOf(address key) external view returns (EnclaveKey memory) {
        return _keys[key];
    }

    function _entryOf(address key) private view returns (EnclaveKey storage entry) {
        entry = _keys[key];
        if (entry.registeredAt == 0) revert EnclaveKeyUnknown(key);
    }

    function _revoke(EnclaveKey storage entry, address key) private {
        entry.revokedAt = uint40(block.timestamp);
        _lastRevokedAt[entry.measurement] = uint40(block.timestamp);
        emit EnclaveKeyRevoked(key, entry.revokedAt);
    }
}
