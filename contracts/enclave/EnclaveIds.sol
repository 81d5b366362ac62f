// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEnclaveRegistry} from "../interfaces/IEnclaveRegistry.sol";

/// @title Ids of enclaves' keys and measurements
/// @notice Each hash begins with a typehash of its own: what is the id of one thing is the id of nothing else.
library EnclaveIds {
    bytes32 private constant BINDING_TYPEHASH = keccak256(
        "MeantimeEnclaveBinding(uint256 chainId,address enclaves,uint8 kind,uint256 x,uint256 y,"
        "bytes32 measurement,uint256 blockNumber,bytes32 blockHash)"
    );
    bytes32 private constant KEY_TYPEHASH = keccak256("MeantimeEnclaveKey(uint8 kind,bytes32 handle)");
    bytes32 private constant NITRO_TYPEHASH = keccak256("MeantimeNitroMeasurement(uint32 pcrs,bytes32[] hashes)");
    bytes32 private constant INTEL_TYPEHASH = keccak256("MeantimeIntelMeasurement(uint8 platform,bytes32 report)");

    uint256 private constant SECP256K1_P = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    uint256 private constant P256_P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff;
    uint256 private constant P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b;

    uint256 private constant PCRS = 32;
    /// @dev keccak256 of 48 zero bytes.
    bytes32 private constant ZERO_PCR_HASH = 0xc980e59163ce244bb4bb6211f48c7b46f88a4f40943e84eb99bdc41e129bd293;

    function keyId(IEnclaveRegistry.PublicKey calldata key) internal pure returns (bytes32) {
        bytes32 hash = keccak256(abi.encode(key.x, key.y));
        if (key.kind == IEnclaveRegistry.KeyKind.P256) return p256KeyId(hash);
        return secp256k1KeyId(address(uint160(uint256(hash))));
    }

    /// @notice Of the address that `ecrecover` gives.
    /// @dev What `abi.encode` makes of the typehash, kind 0 and the account, without keeping it: every claim needs it.
    function secp256k1KeyId(address account) internal pure returns (bytes32 id) {
        bytes32 typehash = KEY_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typehash)
            mstore(add(free, 0x20), 0)
            mstore(add(free, 0x40), shr(96, shl(96, account)))
            id := keccak256(free, 0x60)
        }
    }

    /// @param coordinatesHash keccak256 of x and y.
    function p256KeyId(bytes32 coordinatesHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(KEY_TYPEHASH, IEnclaveRegistry.KeyKind.P256, coordinatesHash));
    }

    /// @notice What ties a key to this chain, this registry, a measurement and a block.
    /// @dev The measurement, because one image may satisfy several: who sends a document must not choose among them.
    function binding(
        IEnclaveRegistry.PublicKey calldata key,
        bytes32 measurement,
        uint256 blockNumber,
        bytes32 blockHash
    ) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    BINDING_TYPEHASH,
                    block.chainid,
                    address(this),
                    key.kind,
                    key.x,
                    key.y,
                    measurement,
                    blockNumber,
                    blockHash
                )
            );
    }

    /// @notice The measurement of a Nitro enclave: of a set of PCRs, none of which may be absent or zero.
    /// @param hashes keccak256 of each PCR; zero: absent.
    function nitroMeasurement(bytes32[PCRS] memory hashes, uint256 pcrs) internal pure returns (bytes32) {
        bytes memory words = abi.encodePacked(NITRO_TYPEHASH, pcrs);
        for (uint256 i = 0; i < PCRS; ++i) {
            if ((pcrs >> i) & 1 == 0) continue;
            if (hashes[i] == 0 || hashes[i] == ZERO_PCR_HASH) revert IEnclaveRegistry.PcrMissing(i);
            words = bytes.concat(words, hashes[i]);
        }
        return keccak256(words);
    }

    /// @param report `VerifiedQuote.measurement`.
    function intelMeasurement(IEnclaveRegistry.PlatformKind platform, bytes32 report) internal pure returns (bytes32) {
        return keccak256(abi.encode(INTEL_TYPEHASH, platform, report));
    }

    /// @dev Neither curve has a point with both coordinates zero.
    function requireOnCurve(IEnclaveRegistry.PublicKey calldata key) internal pure {
        (uint256 x, uint256 y) = (key.x, key.y);
        bool isOnCurve;
        if (key.kind == IEnclaveRegistry.KeyKind.Secp256k1) {
            uint256 right = addmod(mulmod(x, mulmod(x, x, SECP256K1_P), SECP256K1_P), 7, SECP256K1_P);
            isOnCurve = x < SECP256K1_P && y < SECP256K1_P && mulmod(y, y, SECP256K1_P) == right;
        } else {
            // x^3 - 3x + b.
            uint256 factor = addmod(mulmod(x, x, P256_P), P256_P - 3, P256_P);
            uint256 right = addmod(mulmod(x, factor, P256_P), P256_B, P256_P);
            isOnCurve = x < P256_P && y < P256_P && mulmod(y, y, P256_P) == right;
        }
        if (!isOnCurve) revert IEnclaveRegistry.KeyNotOnCurve(key.kind, x, y);
    }
}
