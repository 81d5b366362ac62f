// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TcbStatus} from "../enclave/intel/TcbStatus.sol";
import {IIntelQuoteVerifier} from "./IIntelQuoteVerifier.sol";
import {INitroVerifier} from "./INitroVerifier.sol";

/// @title Keys that live in enclaves
/// @notice Anybody enters a key by a document in which the enclave's platform says: software of this measurement made
/// this key, for this registry, after this block. Whose word counts are the manufacturers' roots, pinned in the
/// verifiers; which measurements count is the curator's list, after a delay, from which the guardian strikes at once. A
/// key attests while all of this holds, which is asked at every use. Each key has a number, from 1 on, by which
/// settlement remembers who vouched.
interface IEnclaveRegistry {
    /// @notice The curve of a key.
    enum KeyKind {
        Secp256k1,
        P256
    }

    /// @notice What an enclave runs on.
    enum PlatformKind {
        Nitro,
        Sgx,
        Tdx
    }

    /// @notice Why a key attests nothing any more, or `None`.
    enum Lapse {
        None,
        PlatformRevoked,
        MeasurementRemoved,
        PolicyTightened,
        Expired
    }

    /// @notice A point on the curve of its kind.
    struct PublicKey {
        KeyKind kind;
        uint256 x;
        uint256 y;
    }

    /// @notice On what terms a measurement is believed.
    struct MeasurementPolicy {
        PlatformKind platform;
        uint32 pcrs; // Nitro: bit i for each PCR i that the measurement is made of; else zero
        uint16 statuses; // bit n: the `TcbStatus` n; Nitro: UpToDate alone
        uint16 minEvaluationNumber; // of Intel's documents; Nitro: zero
        uint16 maxBlockAge; // of the block in the binding, 1 to 256
        uint24 maxKeySeconds; // from an attestation to its end, at most 90 days
    }

    /// @notice An entry of the allow-list.
    struct Measurement {
        MeasurementPolicy policy;
        bool isAllowed;
        uint32 revision; // counts the guardian's acts
        uint40 lastRevokedAt; // when a key of it last lost its force by the guardian; zero: never
    }

    /// @notice What is known of a key. All zero: never registered.
    struct EnclaveKey {
        bytes32 measurement;
        bytes32 platformId; // of the verifier: an instance of AWS's, a processor of Intel's
        bytes32 issuerId; // Nitro: the chain of certificates; Intel: the authority above the platform's certificate
        uint64 serialTag; // Intel: of the platform's certificate
        uint64 blockNumber; // of the newest binding
        uint32 number;
        uint40 attestedAt; // the newest time
        uint40 expiresAt;
        uint40 revokedAt; // zero: not
        uint40 compromisedSince; // zero: not
        uint16 evaluationNumber;
        TcbStatus status;
        PlatformKind platform;
        KeyKind kind;
        bool isCounted; // among its platform's keys
    }

    /// @notice A measurement is believed on these terms from now on.
    event MeasurementAllowed(bytes32 indexed measurement, MeasurementPolicy policy);
    /// @notice The measurement is believed on narrower terms from now on, also of keys that are registered.
    event MeasurementTightened(bytes32 indexed measurement, MeasurementPolicy policy);
    /// @notice The measurement is not believed any more, nor are the keys that were registered for it.
    event MeasurementRemoved(bytes32 indexed measurement);
    /// @notice A key of an enclave with this measurement may attest until `expiresAt`, at most. Entered or renewed.
    /// @param documentHash keccak256 of a Nitro document, SHA-256 of what a quote signs.
    event EnclaveKeyRegistered(
        bytes32 indexed keyId,
        bytes32 indexed measurement,
        bytes32 indexed platformId,
        uint32 number,
        uint40 expiresAt,
        PublicKey key,
        bytes32 documentHash
    );
    /// @notice The key attests nothing from now on, for ever.
    event EnclaveKeyRevoked(bytes32 indexed keyId, uint40 revokedAt);
    /// @notice What the key attested at `since` or later can be taken back where it is not final.
    event EnclaveKeyCompromised(bytes32 indexed keyId, uint40 since);
    /// @notice A key that attests nothing any more made room on its platform.
    event EnclaveKeyPruned(bytes32 indexed keyId, Lapse lapse);

    /// @notice A verifier or the limit of keys of a platform is missing.
    error BadRegistry(address nitro, address intel, uint256 maxKeysPerPlatform);
    /// @notice The measurement is not on the list, or for another kind of platform.
    error MeasurementNotAllowed(bytes32 measurement, PlatformKind platform);
    /// @notice The enclave has another measurement.
    error MeasurementWrong(bytes32 measurement);
    /// @notice A PCR that the measurement is made of is absent or zero.
    error PcrMissing(uint256 pcr);
    /// @notice The terms contradict themselves, or those of this measurement before that cannot change.
    error BadMeasurementPolicy(bytes32 measurement);
    /// @notice The guardian has acted on the measurement since this was announced.
    error MeasurementRevision(bytes32 measurement, uint32 revision);
    /// @notice The point is not on the curve of its kind.
    error KeyNotOnCurve(KeyKind kind, uint256 x, uint256 y);
    /// @notice The block in the binding is not a past one, or too old.
    error BindingBlock(uint256 blockNumber, uint256 maxBlockAge);
    /// @notice The document is not about this key, this chain, this registry or this block.
    error NotBound(bytes32 binding);
    /// @notice The document names a public key, and another one.
    error OtherPublicKey();
    /// @notice The quote is of another kind of platform than the measurement.
    error PlatformWrong(PlatformKind platform);
    /// @notice The document has run out.
    error AttestationExpired(uint256 notAfter);
    /// @notice The platform has as many keys as it may.
    error PlatformFull(bytes32 platformId, uint256 maxKeysPerPlatform);
    /// @notice The key was registered for another measurement.
    error EnclaveKeyKnown(bytes32 keyId);
    /// @notice The key was registered with a binding of this block or a later one: a document counts once.
    error EnclaveKeyNotNewer(bytes32 keyId, uint256 blockNumber);
    /// @notice The document would shorten the time of a key that attests.
    error EnclaveKeyNotExtended(bytes32 keyId, uint40 expiresAt);
    /// @notice The key was never registered.
    error EnclaveKeyUnknown(bytes32 keyId);
    /// @notice The key was revoked before.
    error EnclaveKeyAlreadyRevoked(bytes32 keyId);
    /// @notice The key attests, or made room before.
    error EnclaveKeyNotPrunable(bytes32 keyId);
    /// @notice The mark is in the future, or no earlier than the one before.
    error BadCompromise(uint40 since);

    /// @notice Believes a measurement on these terms, or on other terms than so far. `minEvaluationNumber` never falls,
    /// also not after a removal. Restricted to the curator, with a delay.
    /// @param revision The entry's now: what was announced before the guardian's last act cannot undo it.
    function allowMeasurement(bytes32 measurement, uint32 revision, MeasurementPolicy calldata policy) external;

    /// @notice Narrows the terms of a measurement, for registered keys too. No field may be looser than so far.
    /// Restricted to the guardian.
    function tightenMeasurement(bytes32 measurement, MeasurementPolicy calldata policy) external;

    /// @notice Takes a measurement from the list, and their force from all its keys: also if it comes back, each has to
    /// be attested anew. What they attested before stands. Restricted to the guardian.
    function removeMeasurement(bytes32 measurement) external;

    /// @notice Enters or renews a key by a document of AWS's Nitro security module. Its `user_data` is the binding, or
    /// the 68 bytes of nitriding with the binding as the application's hash; its `public_key` is null or the key as 65
    /// bytes. Errors as above and those of `INitroVerifier`.
    /// @param blockNumber Of the block in the binding: one of the last 256.
    /// @param measurement Of the allow-list.
    /// @param hints As `INitroVerifier.verify` takes them.
    function registerNitro(
        PublicKey calldata key,
        uint256 blockNumber,
        bytes32 measurement,
        bytes calldata document,
        bytes[] calldata hints
    ) external returns (bytes32 keyId);

    /// @notice Enters or renews a key by a quote of an SGX enclave or a TDX domain. Its report data is the binding and
    /// 32 zero bytes. Errors as above and those of `IIntelQuoteVerifier`.
    /// @param blockNumber As for `registerNitro`, like `measurement`.
    function registerIntel(
        PublicKey calldata key,
        uint256 blockNumber,
        bytes32 measurement,
        IIntelQuoteVerifier.QuoteParts calldata parts
    ) external returns (bytes32 keyId);

    /// @notice Clears away a key that attests nothing any more, so that its platform can have another. A key whose
    /// platform was revoked, of which only this call takes notice, is revoked with it. Anybody may.
    function prune(bytes32 keyId) external returns (Lapse lapse);

    /// @notice Revokes a key at once and for ever. Restricted to the guardian. What it attested before stands.
    function revoke(bytes32 keyId) external;

    /// @notice Marks a key as compromised since a moment in the past, and revokes it if nobody has. Restricted to the
    /// guardian. A mark can be moved back in time, not forth.
    function markCompromised(bytes32 keyId, uint40 since) external;

    /// @notice What a document has to say to enter the key: keccak256 of the ABI encoding of the typehash of
    /// `MeantimeEnclaveBinding(uint256 chainId,address enclaves,uint8 kind,uint256 x,uint256 y,bytes32
    /// measurement,uint256 blockNumber,bytes32 blockHash)` and these values. Reverts with `BindingBlock` unless the
    /// block is one of the last 256.
    /// @param measurement That the key is to be entered under.
    function bindingOf(
        PublicKey calldata key,
        bytes32 measurement,
        uint256 blockNumber
    ) external view returns (bytes32);

    /// @notice The id of a key: keccak256 of the ABI encoding of the typehash of `MeantimeEnclaveKey(uint8 kind,bytes32
    /// handle)` and these. The handle is the address of a secp256k1 key, keccak256 of both coordinates of a P-256 key.
    function keyIdOf(PublicKey calldata key) external pure returns (bytes32);

    /// @notice The measurement that a key attests for, now, and the key's number. The measurement is zero when the key
    /// is unknown or attests nothing any more.
    function activeMeasurementOf(bytes32 keyId) external view returns (bytes32 measurement, uint32 number);

    /// @notice When keys of the measurement last lost their force by an act of the guardian. Zero: never.
    function lastRevokedAt(bytes32 measurement) external view returns (uint40);

    /// @notice The entry of a key.
    function enclaveKeyOf(bytes32 keyId) external view returns (EnclaveKey memory);

    /// @notice The entry of a measurement. All zero: never allowed.
    function measurementEntryOf(bytes32 measurement) external view returns (Measurement memory);

    /// @notice How many keys of a platform are counted.
    function keysOnPlatform(bytes32 platformId) external view returns (uint256);

    /// @notice What verifies Nitro's documents.
    function NITRO() external view returns (INitroVerifier);

    /// @notice What verifies Intel's quotes.
    function INTEL() external view returns (IIntelQuoteVerifier);

    /// @notice How many keys a platform may have at a time.
    function MAX_KEYS_PER_PLATFORM() external view returns (uint256);
}
