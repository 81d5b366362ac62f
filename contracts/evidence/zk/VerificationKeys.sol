// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVerificationKeys} from "../../interfaces/IVerificationKeys.sol";
import {Groth16} from "./Groth16.sol";

/// @title VerificationKeys
/// @notice Keys for circuits with the public inputs `inputHash, outputHash, ctx`.
abstract contract VerificationKeys is IVerificationKeys {
    uint256 internal constant INPUTS = 3;

    uint256 private constant BETA_WORD = 2;
    uint256 private constant GAMMA_WORD = 6;
    uint256 private constant DELTA_WORD = 10;
    uint256 private constant IC_WORD = 14;

    struct KeyEntry {
        address pointer;
        uint40 trippedAt;
    }

    mapping(bytes32 keyId => KeyEntry) private _entries;

    /// @inheritdoc IVerificationKeys
    function registerKey(bytes calldata key) external returns (bytes32 keyId) {
        if (key.length != Groth16.keyBytes(INPUTS)) revert KeyLength(key.length, Groth16.keyBytes(INPUTS));
        keyId = keccak256(key);
        if (_entries[keyId].pointer != address(0)) revert KeyKnown(keyId);

        _requireSafe(key);
        address pointer = _store(key);
        _entries[keyId].pointer = pointer;
        emit KeyRegistered(keyId, pointer);
    }

    /// @inheritdoc IVerificationKeys
    function tripBreaker(bytes32 keyId, bytes32 inputHash, Side calldata a, Side calldata b) external {
        KeyEntry storage entry = _entries[keyId];
        if (entry.trippedAt != 0) revert AlreadyTripped(keyId);
        bytes memory key = _load(keyId, entry.pointer);
        if (
            a.outputHash == b.outputHash ||
            !Groth16.verify(key, _inputs(inputHash, a.outputHash, a.ctx), a.proof) ||
            !Groth16.verify(key, _inputs(inputHash, b.outputHash, b.ctx), b.proof)
        ) revert NoContradiction(keyId);

        entry.trippedAt = uint40(block.timestamp);
        emit BreakerTripped(keyId, inputHash, a.outputHash, b.outputHash);
    }

    /// @inheritdoc IVerificationKeys
    function trippedAt(bytes32 keyId) public view returns (uint40) {
        return _entries[keyId].trippedAt;
    }

    /// @inheritdoc IVerificationKeys
    function keyOf(bytes32 keyId) external view returns (bytes memory key) {
        return _load(keyId, _entries[keyId].pointer);
    }

    /// @dev The bytes of a key whose breaker was not tripped; empty when it was. One read of storage.
    function _soundKeyOf(bytes32 keyId) internal view returns (bytes memory key) {
        KeyEntry memory entry = _entries[keyId];
        if (entry.trippedAt == 0) key = _load(keyId, entry.pointer);
    }

    function _inputs(bytes32 inputHash, bytes32 outputHash, uint256 ctx) internal pure returns (uint256[] memory) {
        uint256[] memory inputs = new uint256[](INPUTS);
        inputs[0] = uint256(inputHash);
        inputs[1] = uint256(outputHash);
        inputs[2] = ctx;
        return inputs;
    }

    function _load(bytes32 keyId, address pointer) private view returns (bytes memory key) {
        if (pointer == address(0)) revert KeyUnknown(keyId);

        uint256 size = Groth16.keyBytes(INPUTS);
        key = new bytes(size);
        assembly ("memory-safe") {
            // One byte of STOP stands before the data.
            extcodecopy(pointer, add(key, 0x20), 1, size)
        }
    }

    /// @dev A key straight from `groth16 setup` has delta = gamma, and proofs for it can be forged by anybody: two
    /// protocols lost their funds to that in 2026. delta = -gamma is as forgeable: points with one x are equal or
    /// opposite.
    function _requireSafe(bytes calldata key) private view {
        _requireG1(key, 0);
        _requireG2(key, BETA_WORD);
        _requireG2(key, GAMMA_WORD);
        _requireG2(key, DELTA_WORD);
        for (uint256 i = 0; i <= INPUTS; ++i) _requireG1(key, IC_WORD + 2 * i);

        if (
            _wordAt(key, GAMMA_WORD) == _wordAt(key, DELTA_WORD) &&
            _wordAt(key, GAMMA_WORD + 1) == _wordAt(key, DELTA_WORD + 1)
        ) revert KeyUnsafe();
    }

    /// @dev The precompile of EIP-196 accepts canonical points on the curve alone.
    function _requireG1(bytes calldata key, uint256 word) private view {
        uint256 x = _wordAt(key, word);
        uint256 y = _wordAt(key, word + 1);
        if (x == 0 && y == 0) revert KeyPoint(word);
        if (!_accepts(0x06, abi.encode(x, y, 0, 0))) revert KeyPoint(word);
    }

    /// @dev The precompile of EIP-197 accepts canonical points of the right subgroup alone.
    function _requireG2(bytes calldata key, uint256 word) private view {
        bytes calldata point = key[word * 32:word * 32 + Groth16.G2_BYTES];
        if (keccak256(point) == keccak256(new bytes(Groth16.G2_BYTES))) revert KeyPoint(word);
        if (!_accepts(0x08, abi.encodePacked(uint256(1), uint256(2), point))) revert KeyPoint(word);
    }

    function _accepts(uint256 precompile, bytes memory input) private view returns (bool done) {
        assembly ("memory-safe") {
            done := staticcall(gas(), precompile, add(input, 0x20), mload(input), 0x00, 0x40)
            done := and(done, gt(returndatasize(), 0))
        }
    }

    function _wordAt(bytes calldata key, uint256 word) private pure returns (uint256) {
        return uint256(bytes32(key[word * 32:word * 32 + 32]));
    }

    function _store(bytes calldata key) private returns (address pointer) {
        // Creation code that returns everything after its own 11 bytes: CODECOPY, RETURN.
        // 600b PUSH1 11 | 38 CODESIZE | 03 SUB | 80 DUP1 | 600b PUSH1 11 | 5f PUSH0 | 39 CODECOPY | 5f | f3 RETURN
        bytes memory creation = abi.encodePacked(hex"600b380380600b5f395ff3", hex"00", key);
        assembly ("memory-safe") {
            pointer := create(0, add(creation, 0x20), mload(creation))
        }
        if (pointer == address(0)) revert KeyStoreFailed();
    }
}
