// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IEnclaveRegistry} from "../interfaces/IEnclaveRegistry.sol";
import {TcbStatus} from "./intel/TcbStatus.sol";

/// @title EnclaveMeasurements
/// @notice The list of measurements that are believed, and on what terms.
abstract contract EnclaveMeasurements is IEnclaveRegistry, AccessManaged {
    /// @dev One word: all that a use of a key has to know beside the key's own.
    struct Entry {
        uint32 number; // from 1 on; keys name it
        uint32 generation; // counts removals; a key of an earlier one is dead
        uint32 revision; // counts the guardian's acts
        uint40 lastRevokedAt;
        bool isAllowed;
        PlatformKind platform;
        uint32 pcrs;
        uint16 statuses;
        uint16 minEvaluationNumber;
        uint16 maxBlockAge;
        uint24 maxKeySeconds;
    }

    uint256 private constant MAX_BLOCK_AGE = 256;
    uint256 private constant MAX_KEY_SECONDS = 90 days;
    uint256 private constant IMAGE_PCRS = 7;
    uint256 private constant UP_TO_DATE = 1 << uint256(TcbStatus.UpToDate);
    /// @dev All of `TcbStatus` but `Revoked`.
    uint256 private constant ANY_STATUS = 0x1ff ^ (1 << uint256(TcbStatus.Revoked));

    mapping(bytes32 measurement => Entry) private _entries;
    mapping(uint32 number => bytes32 measurement) private _measurements;
    uint32 private _count;

    /// @inheritdoc IEnclaveRegistry
    function allowMeasurement(
        bytes32 measurement,
        uint32 revision,
        MeasurementPolicy calldata policy
    ) external restricted {
        Entry storage entry = _entries[measurement];
        if (revision != entry.revision) revert MeasurementRevision(measurement, entry.revision);
        _requireSound(measurement, entry, policy);

        if (entry.number == 0) {
            entry.number = ++_count;
            _measurements[entry.number] = measurement;
        }
        entry.isAllowed = true;
        _setPolicy(entry, policy);
        emit MeasurementAllowed(measurement, policy);
    }

    /// @inheritdoc IEnclaveRegistry
    function tightenMeasurement(bytes32 measurement, MeasurementPolicy calldata policy) external restricted {
        Entry storage entry = _entries[measurement];
        if (!entry.isAllowed) revert MeasurementNotAllowed(measurement, policy.platform);
        _requireSound(measurement, entry, policy);
        bool isLooser =
            policy.statuses & ~entry.statuses != 0 ||
                policy.maxBlockAge > entry.maxBlockAge ||
                policy.maxKeySeconds > entry.maxKeySeconds;
        if (isLooser) revert BadMeasurementPolicy(measurement);

        ++entry.revision;
        // The age of a binding matters to new keys alone.
        bool reachesKeys =
            policy.statuses != entry.statuses ||
                policy.minEvaluationNumber != entry.minEvaluationNumber ||
                policy.maxKeySeconds != entry.maxKeySeconds;
        if (reachesKeys) entry.lastRevokedAt = uint40(block.timestamp);
        _setPolicy(entry, policy);
        emit MeasurementTightened(measurement, policy);
    }

    /// @inheritdoc IEnclaveRegistry
    function removeMeasurement(bytes32 measurement) external restricted {
        Entry storage entry = _entries[measurement];
        if (!entry.isAllowed) revert MeasurementNotAllowed(measurement, entry.platform);

        entry.isAllowed = false;
        ++entry.generation;
        ++entry.revision;
        entry.lastRevokedAt = uint40(block.timestamp);
        emit MeasurementRemoved(measurement);
    }

    /// @inheritdoc IEnclaveRegistry
    function lastRevokedAt(bytes32 measurement) public view returns (uint40) {
        return _entries[measurement].lastRevokedAt;
    }

    /// @inheritdoc IEnclaveRegistry
    function measurementEntryOf(bytes32 measurement) external view returns (Measurement memory) {
        Entry memory entry = _entries[measurement];
        MeasurementPolicy memory policy = MeasurementPolicy(
            entry.platform,
            entry.pcrs,
            entry.statuses,
            entry.minEvaluationNumber,
            entry.maxBlockAge,
            entry.maxKeySeconds
        );
        return Measurement(policy, entry.isAllowed, entry.revision, entry.lastRevokedAt);
    }

    function _entryOf(bytes32 measurement) internal view returns (Entry memory) {
        return _entries[measurement];
    }

    /// @dev The whole entry as it lies in storage, the first field lowest: a use of a key reads it as it stands.
    function _entryWordOf(bytes32 measurement) internal view returns (uint256 word) {
        Entry storage entry = _entries[measurement];
        assembly ("memory-safe") {
            word := sload(entry.slot)
        }
    }

    function _measurementOf(uint32 number) internal view returns (bytes32) {
        return _measurements[number];
    }

    function _keyTakenFrom(bytes32 measurement) internal {
        _entries[measurement].lastRevokedAt = uint40(block.timestamp);
    }

    function _setPolicy(Entry storage entry, MeasurementPolicy calldata policy) private {
        (entry.platform, entry.pcrs) = (policy.platform, policy.pcrs);
        (entry.statuses, entry.minEvaluationNumber) = (policy.statuses, policy.minEvaluationNumber);
        (entry.maxBlockAge, entry.maxKeySeconds) = (policy.maxBlockAge, policy.maxKeySeconds);
    }

    /// @dev Platform and PCRs are part of what a measurement is: they are what they were.
    function _requireSound(bytes32 measurement, Entry storage entry, MeasurementPolicy calldata policy) private view {
        bool isNitro = policy.platform == PlatformKind.Nitro;
        bool isSound =
            isNitro
                ? policy.pcrs & IMAGE_PCRS == IMAGE_PCRS &&
                    policy.statuses == UP_TO_DATE &&
                    policy.minEvaluationNumber == 0
                : policy.pcrs == 0 && policy.statuses != 0 && policy.statuses & ~ANY_STATUS == 0;
        bool isWithin =
            policy.maxBlockAge != 0 &&
                policy.maxBlockAge <= MAX_BLOCK_AGE &&
                policy.maxKeySeconds != 0 &&
                policy.maxKeySeconds <= MAX_KEY_SECONDS &&
                policy.minEvaluationNumber >= entry.minEvaluationNumber;
        bool isSame = entry.number == 0 || (policy.platform == entry.platform && policy.pcrs == entry.pcrs);
        if (measurement == 0 || !isSound || !isWithin || !isSame) revert BadMeasurementPolicy(measurement);
    }
}
