// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IEnclaveRegistry} from "../interfaces/IEnclaveRegistry.sol";
import {IIntelQuoteVerifier} from "../interfaces/IIntelQuoteVerifier.sol";
import {INitroVerifier, NitroAttestation} from "../interfaces/INitroVerifier.sol";
import {EnclaveIds} from "./EnclaveIds.sol";
import {EnclaveKeys} from "./EnclaveKeys.sol";
import {TcbStatus} from "./intel/TcbStatus.sol";

/// @title EnclaveRegistry
/// @dev Part of the contract that judges enclaves' evidence: reading a key there costs no call.
abstract contract EnclaveRegistry is EnclaveKeys {
    /// @dev A binding's block is younger on every chain that we know of: 256 blocks of 12 seconds are 51 minutes.
    uint256 private constant MAX_DOCUMENT_SECONDS = 1 hours;
    uint256 private constant NITRIDING_BYTES = 68;
    uint256 private constant NITRIDING_TLS_HASH_END = 34;
    /// @dev SHA-256 of 32 bytes as a multihash.
    bytes2 private constant MULTIHASH_HEAD = 0x1220;

    /// @inheritdoc IEnclaveRegistry
    INitroVerifier public immutable NITRO;
    /// @inheritdoc IEnclaveRegistry
    IIntelQuoteVerifier public immutable INTEL;

    constructor(
        address authority,
        INitroVerifier nitro,
        IIntelQuoteVerifier intel,
        uint256 maxKeysPerPlatform
    ) AccessManaged(authority) EnclaveKeys(maxKeysPerPlatform) {
        if (address(nitro).code.length == 0 || address(intel).code.length == 0 || maxKeysPerPlatform == 0) {
            revert BadRegistry(address(nitro), address(intel), maxKeysPerPlatform);
        }
        (NITRO, INTEL) = (nitro, intel);
    }

    /// @inheritdoc IEnclaveRegistry
    function registerNitro(
        PublicKey calldata key,
        uint256 blockNumber,
        bytes32 measurement,
        bytes calldata document,
        bytes[] calldata hints
    ) external returns (bytes32 keyId) {
        Entry memory entry = _requireAllowed(measurement, PlatformKind.Nitro);
        bytes32 binding = _bindingOf(key, measurement, blockNumber, entry.maxBlockAge);
        NitroAttestation memory shown = NITRO.verify(document, hints, MAX_DOCUMENT_SECONDS);
        if (_boundIn(shown.userData) != binding) revert NotBound(binding);
        if (shown.publicKey.length != 0 && !_isKey(shown.publicKey, key)) revert OtherPublicKey();
        _requireMeasurement(measurement, EnclaveIds.nitroMeasurement(shown.pcrs, entry.pcrs));
        keyId = _enter(
            key,
            Attestation({
                measurement: measurement,
                platformId: shown.platform,
                issuerId: shown.chainId,
                serialTag: 0,
                blockNumber: uint64(blockNumber),
                notAfter: shown.notAfter,
                evaluationNumber: 0,
                status: TcbStatus.UpToDate,
                platform: PlatformKind.Nitro,
                documentHash: keccak256(document)
            })
        );
    }

    /// @inheritdoc IEnclaveRegistry
    function registerIntel(
        PublicKey calldata key,
        uint256 blockNumber,
        bytes32 measurement,
        IIntelQuoteVerifier.QuoteParts calldata parts
    ) external returns (bytes32 keyId) {
        Entry memory entry = _entryOf(measurement);
        if (!entry.isAllowed || entry.platform == PlatformKind.Nitro) {
            revert MeasurementNotAllowed(measurement, entry.platform);
        }
        bytes32 binding = _bindingOf(key, measurement, blockNumber, entry.maxBlockAge);
        IIntelQuoteVerifier.VerifiedQuote memory shown = INTEL.verifyQuote(
            parts,
            IIntelQuoteVerifier.QuotePolicy(entry.statuses, entry.minEvaluationNumber, 0),
            block.timestamp
        );
        PlatformKind platform = shown.isTdx ? PlatformKind.Tdx : PlatformKind.Sgx;
        if (platform != entry.platform) revert PlatformWrong(platform);
        if (shown.reportData[0] != binding || shown.reportData[1] != 0) revert NotBound(binding);
        _requireMeasurement(measurement, EnclaveIds.intelMeasurement(platform, shown.measurement));
        keyId = _enter(
            key,
            Attestation({
                measurement: measurement,
                platformId: shown.platformId,
                issuerId: shown.authorityId,
                serialTag: shown.serialTag,
                blockNumber: uint64(blockNumber),
                notAfter: shown.expiresAt,
                evaluationNumber: shown.evaluationNumber,
                status: shown.status,
                platform: platform,
                documentHash: shown.quoteHash
            })
        );
    }

    /// @inheritdoc IEnclaveRegistry
    function bindingOf(
        PublicKey calldata key,
        bytes32 measurement,
        uint256 blockNumber
    ) external view returns (bytes32) {
        return _bindingOf(key, measurement, blockNumber, type(uint256).max);
    }

    /// @inheritdoc IEnclaveRegistry
    function keyIdOf(PublicKey calldata key) external pure returns (bytes32) {
        return EnclaveIds.keyId(key);
    }

    /// @inheritdoc EnclaveKeys
    function _isPlatformRevoked(
        PlatformKind platform,
        bytes32 issuerId,
        uint64 serialTag
    ) internal view override returns (bool) {
        if (platform == PlatformKind.Nitro) return NITRO.isChainRevoked(issuerId);
        return INTEL.isPlatformRevoked(issuerId, serialTag);
    }

    function _requireAllowed(bytes32 measurement, PlatformKind platform) private view returns (Entry memory entry) {
        entry = _entryOf(measurement);
        if (!entry.isAllowed || entry.platform != platform) revert MeasurementNotAllowed(measurement, platform);
    }

    function _bindingOf(
        PublicKey calldata key,
        bytes32 measurement,
        uint256 blockNumber,
        uint256 maxBlockAge
    ) private view returns (bytes32) {
        EnclaveIds.requireOnCurve(key);
        // Zero for this block, those to come, and all but the last 256.
        bytes32 blockHash = blockhash(blockNumber);
        if (blockHash == 0 || block.number - blockNumber > maxBlockAge) {
            revert BindingBlock(blockNumber, maxBlockAge);
        }
        return EnclaveIds.binding(key, measurement, blockNumber, blockHash);
    }

    function _requireMeasurement(bytes32 expected, bytes32 found) private pure {
        if (found != expected) revert MeasurementWrong(found);
    }

    /// @dev What the software wrote into a Nitro document: alone, or behind the hash of nitriding's TLS key. Zero for
    /// everything else.
    function _boundIn(bytes memory userData) private pure returns (bytes32 bound) {
        uint256 place;
        if (userData.length == NITRIDING_BYTES) {
            bytes2 tlsHead = bytes2(userData);
            bytes2 head;
            assembly ("memory-safe") {
                head := mload(add(add(userData, 0x20), NITRIDING_TLS_HASH_END))
            }
            if (tlsHead != MULTIHASH_HEAD || bytes2(head) != MULTIHASH_HEAD) return 0;
            place = NITRIDING_TLS_HASH_END + 2;
        } else if (userData.length != 32) {
            return 0;
        }
        assembly ("memory-safe") {
            bound := mload(add(add(userData, 0x20), place))
        }
    }

    function _isKey(bytes memory sec1, PublicKey calldata key) private pure returns (bool) {
        return keccak256(sec1) == keccak256(abi.encodePacked(bytes1(0x04), key.x, key.y));
    }
}
