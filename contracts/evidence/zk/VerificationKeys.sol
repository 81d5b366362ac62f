// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVerificationKeys} from "../../interfaces/IVerificationKeys.sol";
import {Groth16} from "./Groth16.sol";

/// @title VerificationKeys
/// @notice Keys for circuits with the public inputs `inputHash, outputHash, ctx`.
abstract contract VerificationKeys is IVerificationKeys {
    uint256 internal constant INPUTS = 3;

    uint256 private constant ALPHA_WORD = 0;
    uint256 private constant BETA_WORD = 2;
    uint256 private constant GAMMA_WORD = 6;
    uint256 private constant DELTA_WORD = 10;
    uint256 private constant IC_WORD = 14;

    uint256 private constant GENERATOR_G1_X = 1;
    uint256 private constant GENERATOR_G2_X_IM = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
    uint256 private constant GENERATOR_G2_X_RE = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;

    /// @dev Every key of the development setup has this alpha and this beta (circuits/setup/dev-powers-of-tau.ts).
    uint256 private constant DEVELOPMENT_ALPHA_X = 0x18186954bd891097c44985153dfbbee526e9bfa9798037c42e0e23ca023d5c94;
    uint256 private constant DEVELOPMENT_BETA_X_IM = 0x257858b47b1144788534b2c94c8474d57ebaa1c538706dba9c2c02e264e95670;
    uint256 private constant DEVELOPMENT_BETA_X_RE = 0x7430a64ab3bdf477e81da500eaec759f60e5e5c10207576123116c34525eaab;
    uint256 private constant DEVELOPMENT_CHAIN_ID = 31337;

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

        _requirePoints(key);
        _requireContributions(key);
        if (block.chainid != DEVELOPMENT_CHAIN_ID && _isFromDevelopmentSetup(key)) revert DevelopmentKey(keyId);
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
    function verify(
        bytes32 keyId,
        bytes32 inputHash,
        bytes32 outputHash,
        uint256 ctx,
        bytes calldata proof
    ) external view returns (bool) {
        return Groth16.verify(_requireSoundKey(keyId), _inputs(inputHash, outputHash, ctx), proof);
    }

    /// @inheritdoc IVerificationKeys
    function trippedAt(bytes32 keyId) public view returns (uint40) {
        return _entries[keyId].trippedAt;
    }

    /// @inheritdoc IVerificationKeys
    function keyOf(bytes32 keyId) external view returns (bytes memory key) {
        return _load(keyId, _entries[keyId].pointer);
    }

    function _requireSoundKey(bytes32 keyId) internal view returns (bytes memory key) {
        key = _soundKeyOf(keyId);
        if (key.length == 0) revert AlreadyTripped(keyId);
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

    function _requirePoints(bytes calldata key) private view {
        _requireG1(key, ALPHA_WORD);
        _requireG2(key, BETA_WORD);
        _requireG2(key, GAMMA_WORD);
        _requireG2(key, DELTA_WORD);
        for (uint256 i = 0; i <= INPUTS; ++i) _requireG1(key, IC_WORD + 2 * i);
    }

    /// @dev A key straight from `groth16 setup` has delta = gamma, and proofs for it can be forged by anybody: two
    /// protocols lost their funds to that in 2026. So they can where beta is one of the two: with beta = gamma,
    /// (alpha + L, beta, 0) holds, with beta = delta, (L, gamma, -alpha). Opposites are as forgeable. gamma alone may
    /// be the generator: snarkjs leaves it there.
    function _requireContributions(bytes calldata key) private pure {
        _requireApartG2(key, BETA_WORD, GAMMA_WORD);
        _requireApartG2(key, BETA_WORD, DELTA_WORD);
        _requireApartG2(key, GAMMA_WORD, DELTA_WORD);
        for (uint256 i = 2; i <= INPUTS; ++i) {
            for (uint256 j = 1; j < i; ++j) _requireApartG1(key, IC_WORD + 2 * j, IC_WORD + 2 * i);
        }
        if (_wordAt(key, ALPHA_WORD) == GENERATOR_G1_X) revert KeyGenerator(ALPHA_WORD);
        _requireNotGenerator(key, BETA_WORD);
        _requireNotGenerator(key, DELTA_WORD);
    }

    /// @dev Either suffices: who knows one of the two knows what the setup had to destroy.
    function _isFromDevelopmentSetup(bytes calldata key) private pure returns (bool) {
        return
            _wordAt(key, ALPHA_WORD) == DEVELOPMENT_ALPHA_X ||
            _isG2X(key, BETA_WORD, DEVELOPMENT_BETA_X_IM, DEVELOPMENT_BETA_X_RE);
    }

    function _requireNotGenerator(bytes calldata key, uint256 word) private pure {
        if (_isG2X(key, word, GENERATOR_G2_X_IM, GENERATOR_G2_X_RE)) revert KeyGenerator(word);
    }

    /// @dev Points with one x are equal or opposite.
    function _requireApartG1(bytes calldata key, uint256 word, uint256 otherWord) private pure {
        if (_wordAt(key, word) == _wordAt(key, otherWord)) revert KeyUnsafe(word, otherWord);
    }

    function _requireApartG2(bytes calldata key, uint256 word, uint256 otherWord) private pure {
        if (_isG2X(key, word, _wordAt(key, otherWord), _wordAt(key, otherWord + 1))) revert KeyUnsafe(word, otherWord);
    }

    function _isG2X(bytes calldata key, uint256 word, uint256 xIm, uint256 xRe) private pure returns (bool) {
        return _wordAt(key, word) == xIm && _wordAt(key, word + 1) == xRe;
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
