// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEnclaveRegistry} from "../interfaces/IEnclaveRegistry.sol";
import {Compromise} from "../types/Compromise.sol";
import {EnclaveIds} from "./EnclaveIds.sol";
import {EnclaveMeasurements} from "./EnclaveMeasurements.sol";
import {TcbStatus} from "./intel/TcbStatus.sol";

/// @title EnclaveKeys
/// @notice The keys that were attested, and whether they still count.
abstract contract EnclaveKeys is EnclaveMeasurements {
    /// @dev One word: all that a use of the key has to know of it.
    struct Standing {
        uint32 number;
        uint32 measurementNumber;
        uint32 generation; // of the measurement's entry when it was attested
        uint40 attestedAt;
        uint40 expiresAt;
        uint40 revokedAt;
        uint16 evaluationNumber;
        TcbStatus status;
        PlatformKind platform;
        bool isCounted;
    }

    struct KeyEntry {
        Standing standing;
        bytes32 platformId;
        bytes32 issuerId;
        uint64 serialTag;
        uint64 blockNumber;
        KeyKind kind;
    }

    /// @dev What a document showed about a key.
    struct Attestation {
        bytes32 measurement;
        bytes32 platformId;
        bytes32 issuerId;
        uint64 serialTag;
        uint64 blockNumber;
        uint40 notAfter;
        uint16 evaluationNumber;
        TcbStatus status;
        PlatformKind platform;
        bytes32 documentHash;
    }

    // Places of fields, in bits: of `Standing`, then of the measurement's `Entry`.
    uint256 private constant MEASUREMENT_AT = 32;
    uint256 private constant ATTESTED_AT = 96;
    uint256 private constant EXPIRES_AT = 136;
    uint256 private constant REVOKED_AT = 176;
    uint256 private constant EVALUATION_AT = 216;
    uint256 private constant STATUS_AT = 232;
    uint256 private constant ALLOWED_AT = 136;
    uint256 private constant STATUSES_AT = 184;
    uint256 private constant MIN_EVALUATION_AT = 200;
    uint256 private constant MAX_KEY_SECONDS_AT = 232;
    uint256 private constant UINT8 = 0xff;
    uint256 private constant UINT16 = 0xffff;
    uint256 private constant UINT24 = 0xffffff;
    uint256 private constant UINT40 = 0xffffffffff;
    uint256 private constant UINT64 = 0xffffffffffffffff;

    /// @inheritdoc IEnclaveRegistry
    uint256 public immutable MAX_KEYS_PER_PLATFORM;

    mapping(bytes32 keyId => KeyEntry) private _keys;
    mapping(uint32 number => uint40) private _compromisedSince;
    mapping(bytes32 platformId => uint256) private _onPlatform;
    uint32 private _count;

    constructor(uint256 maxKeysPerPlatform) {
        MAX_KEYS_PER_PLATFORM = maxKeysPerPlatform;
    }

    /// @inheritdoc IEnclaveRegistry
    function prune(bytes32 keyId) external returns (Lapse lapse) {
        KeyEntry storage key = _knownKey(keyId);
        Standing memory standing = key.standing;
        if (standing.revokedAt != 0) revert EnclaveKeyAlreadyRevoked(keyId);
        if (_isPlatformRevoked(standing.platform, key.issuerId, key.serialTag)) {
            // Not the guardian's act, and anybody chooses its moment: a `lastRevokedAt` would let its owner void the
            // challenges that it cannot answer by its own platform's fault.
            key.standing.revokedAt = uint40(block.timestamp);
            lapse = Lapse.PlatformRevoked;
            emit EnclaveKeyRevoked(keyId, uint40(block.timestamp));
        } else {
            lapse = _lapseOf(standing, _entryOf(_measurementOf(standing.measurementNumber)));
            if (lapse == Lapse.None || !standing.isCounted) revert EnclaveKeyNotPrunable(keyId);
        }
        _release(key);
        emit EnclaveKeyPruned(keyId, lapse);
    }

    /// @inheritdoc IEnclaveRegistry
    function revoke(bytes32 keyId) external restricted {
        KeyEntry storage key = _knownKey(keyId);
        if (key.standing.revokedAt != 0) revert EnclaveKeyAlreadyRevoked(keyId);
        _revoke(key, keyId);
    }

    /// @inheritdoc IEnclaveRegistry
    function markCompromised(bytes32 keyId, uint40 since) external restricted {
        KeyEntry storage key = _knownKey(keyId);
        uint32 number = key.standing.number;
        if (!Compromise.isAllowed(_compromisedSince[number], since)) revert BadCompromise(since);

        uint40 revokedAt = key.standing.revokedAt;
        bytes32 measurement = _measurementOf(key.standing.measurementNumber);
        if (revokedAt == 0) {
            _revoke(key, keyId);
        } else if (lastRevokedAt(measurement) < revokedAt) {
            // Pruned: what the mark takes back has to be answered again without the key, and nobody was excused yet.
            _keyTakenFrom(measurement);
        }
        _compromisedSince[number] = since;
        emit EnclaveKeyCompromised(keyId, since);
    }

    /// @inheritdoc IEnclaveRegistry
    function activeMeasurementOf(bytes32 keyId) external view returns (bytes32 measurement, uint32 number) {
        Standing memory standing = _keys[keyId].standing;
        bytes32 attested = _measurementOf(standing.measurementNumber);
        bool attests;
        (attests, number) = _attestsFor(keyId, attested);
        if (attests) measurement = attested;
    }

    /// @inheritdoc IEnclaveRegistry
    function enclaveKeyOf(bytes32 keyId) external view returns (EnclaveKey memory found) {
        KeyEntry storage key = _keys[keyId];
        Standing memory standing = key.standing;
        found.measurement = _measurementOf(standing.measurementNumber);
        (found.platformId, found.issuerId) = (key.platformId, key.issuerId);
        (found.serialTag, found.blockNumber, found.kind) = (key.serialTag, key.blockNumber, key.kind);
        (found.number, found.platform) = (standing.number, standing.platform);
        (found.attestedAt, found.expiresAt) = (standing.attestedAt, standing.expiresAt);
        (found.revokedAt, found.compromisedSince) = (standing.revokedAt, _compromisedSince[standing.number]);
        (found.evaluationNumber, found.status) = (standing.evaluationNumber, standing.status);
        found.isCounted = standing.isCounted;
    }

    /// @inheritdoc IEnclaveRegistry
    function keysOnPlatform(bytes32 platformId) external view returns (uint256) {
        return _onPlatform[platformId];
    }

    function _compromisedSinceOf(uint32 number) internal view returns (uint40) {
        return _compromisedSince[number];
    }

    /// @dev Whether a key attests for a measurement now, and its number. Two words of storage.
    function _attestsFor(bytes32 keyId, bytes32 measurement) internal view returns (bool attests, uint32 number) {
        Standing storage standing = _keys[keyId].standing;
        uint256 key;
        assembly ("memory-safe") {
            key := sload(standing.slot)
        }
        number = uint32(key);
        attests = number != 0 && _counts(key, _entryWordOf(measurement));
    }

    /// @dev Enters the key, or renews it. A key is one for ever: of one measurement, one kind of platform, one number.
    function _enter(PublicKey calldata key, Attestation memory attested) internal returns (bytes32 keyId) {
        keyId = EnclaveIds.keyId(key);
        KeyEntry storage stored = _keys[keyId];
        Standing memory standing = stored.standing;
        Entry memory entry = _entryOf(attested.measurement);
        uint256 expiresAt = block.timestamp + entry.maxKeySeconds;
        if (attested.notAfter < expiresAt) expiresAt = attested.notAfter;
        if (expiresAt <= block.timestamp) revert AttestationExpired(attested.notAfter);

        if (standing.number == 0) {
            standing.number = ++_count;
            standing.measurementNumber = entry.number;
            (standing.platform, stored.kind) = (attested.platform, key.kind);
        } else {
            _requireRenewable(keyId, standing, entry, stored.blockNumber, attested.blockNumber, expiresAt);
        }
        _take(stored, standing, attested.platformId);
        standing.generation = entry.generation;
        (standing.attestedAt, standing.expiresAt) = (uint40(block.timestamp), uint40(expiresAt));
        (standing.evaluationNumber, standing.status) = (attested.evaluationNumber, attested.status);
        stored.standing = standing;
        stored.issuerId = attested.issuerId;
        (stored.serialTag, stored.blockNumber) = (attested.serialTag, attested.blockNumber);
        emit EnclaveKeyRegistered(
            keyId,
            attested.measurement,
            attested.platformId,
            standing.number,
            uint40(expiresAt),
            key,
            attested.documentHash
        );
    }

    /// @dev Whether the manufacturer, or who speaks for it, has revoked what a key's document rests on.
    function _isPlatformRevoked(
        PlatformKind platform,
        bytes32 issuerId,
        uint64 serialTag
    ) internal view virtual returns (bool);

    function _revoke(KeyEntry storage key, bytes32 keyId) private {
        key.standing.revokedAt = uint40(block.timestamp);
        _keyTakenFrom(_measurementOf(key.standing.measurementNumber));
        _release(key);
        emit EnclaveKeyRevoked(keyId, uint40(block.timestamp));
    }

    function _release(KeyEntry storage key) private {
        if (!key.standing.isCounted) return;
        key.standing.isCounted = false;
        --_onPlatform[key.platformId];
    }

    /// @dev Counts a key on a platform; it may have moved there from another.
    function _take(KeyEntry storage stored, Standing memory standing, bytes32 platformId) private {
        if (standing.isCounted) {
            if (stored.platformId == platformId) return;
            --_onPlatform[stored.platformId];
        }
        uint256 count = _onPlatform[platformId];
        if (count >= MAX_KEYS_PER_PLATFORM) revert PlatformFull(platformId, MAX_KEYS_PER_PLATFORM);
        _onPlatform[platformId] = count + 1;
        standing.isCounted = true;
        stored.platformId = platformId;
    }

    function _knownKey(bytes32 keyId) private view returns (KeyEntry storage key) {
        key = _keys[keyId];
        if (key.standing.number == 0) revert EnclaveKeyUnknown(keyId);
    }

    function _requireRenewable(
        bytes32 keyId,
        Standing memory standing,
        Entry memory entry,
        uint256 lastBlock,
        uint256 blockNumber,
        uint256 expiresAt
    ) private view {
        if (standing.revokedAt != 0) revert EnclaveKeyAlreadyRevoked(keyId);
        if (standing.measurementNumber != entry.number) revert EnclaveKeyKnown(keyId);
        if (blockNumber <= lastBlock) revert EnclaveKeyNotNewer(keyId, lastBlock);
        if (_isActive(standing, entry) && expiresAt < _expiryOf(standing, entry)) {
            revert EnclaveKeyNotExtended(keyId, uint40(expiresAt));
        }
    }

    /// @dev What `_isActive` asks, of both words as they lie in storage and without a branch: half of the gas.
    function _counts(uint256 key, uint256 entry) private view returns (bool counts) {
        assembly ("memory-safe") {
            // Number and generation of the entry, side by side in both.
            counts := eq(and(shr(MEASUREMENT_AT, key), UINT64), and(entry, UINT64))
            counts := and(counts, shr(ALLOWED_AT, entry))
            counts := and(counts, shr(and(shr(STATUS_AT, key), UINT8), and(shr(STATUSES_AT, entry), UINT16)))
            let evaluation := and(shr(EVALUATION_AT, key), UINT16)
            counts := and(counts, iszero(lt(evaluation, and(shr(MIN_EVALUATION_AT, entry), UINT16))))
            counts := and(counts, lt(timestamp(), and(shr(EXPIRES_AT, key), UINT40)))
            let granted := and(shr(MAX_KEY_SECONDS_AT, entry), UINT24)
            counts := and(counts, lt(timestamp(), add(and(shr(ATTESTED_AT, key), UINT40), granted)))
            counts := and(counts, iszero(and(shr(REVOKED_AT, key), UINT40)))
        }
    }

    function _isActive(Standing memory standing, Entry memory entry) private view returns (bool) {
        return standing.number != 0 && standing.revokedAt == 0 && _lapseOf(standing, entry) == Lapse.None;
    }

    function _lapseOf(Standing memory standing, Entry memory entry) private view returns (Lapse) {
        if (!entry.isAllowed || standing.generation != entry.generation) return Lapse.MeasurementRemoved;
        bool isTooLow =
            (entry.statuses >> uint256(standing.status)) & 1 == 0 ||
                standing.evaluationNumber < entry.minEvaluationNumber;
        if (isTooLow) return Lapse.PolicyTightened;
        return block.timestamp < _expiryOf(standing, entry) ? Lapse.None : Lapse.Expired;
    }

    /// @dev The terms of now shorten what was granted by those of then.
    function _expiryOf(Standing memory standing, Entry memory entry) private pure returns (uint256 expiresAt) {
        expiresAt = uint256(standing.attestedAt) + entry.maxKeySeconds;
        if (standing.expiresAt < expiresAt) expiresAt = standing.expiresAt;
    }
}
