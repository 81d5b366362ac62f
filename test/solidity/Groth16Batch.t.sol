// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "../../contracts/evidence/zk/Groth16.sol";
import {Groth16Batch} from "../../contracts/evidence/zk/Groth16Batch.sol";
import {requireTrue, within} from "./Vm.sol";

/// @notice Batches of random proofs. As in `Groth16Test`, beta, gamma and delta are the generator of G2 and so is every
/// B, so the equation of a proof says A = alpha + L + C. The coefficients are drawn here once more, by other code.
/// hardhat-config: fuzz.runs = 60
contract Groth16BatchTest {
    uint256 private constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    // The generator of G2, imaginary parts first.
    uint256 private constant G2_X_IM = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
    uint256 private constant G2_X_RE = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;
    uint256 private constant G2_Y_IM = 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b;
    uint256 private constant G2_Y_RE = 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa;
    uint256 private constant INPUTS = 3;
    uint256 private constant ENTRY_BYTES = INPUTS * 32 + 192;

    struct Point {
        uint256 x;
        uint256 y;
    }

    struct Made {
        bytes key;
        bytes entries;
        Point[] c;
    }

    function verify(
        bytes memory key,
        bytes calldata entries,
        uint256[2] calldata foldedC
    ) external view returns (bool) {
        return Groth16Batch.verify(key, INPUTS, entries, foldedC);
    }

    /// R-40 Batches of right proofs pass, whatever their number.
    function testFuzz_R_40_rightBatchesPass(bytes32 seed, uint8 countSeed) external view {
        Made memory made = _made(seed, within(countSeed, 1, 6));
        requireTrue(this.verify(made.key, made.entries, _fold(made)), "a right batch failed");
    }

    /// R-41 R-44 One wrong proof makes a batch fail, wherever it stands; so do two whose errors cancel each other.
    function testFuzz_R_44_wrongBatchesFail(bytes32 seed, uint8 countSeed, uint8 placeSeed) external view {
        uint256 count = within(countSeed, 2, 6);
        Made memory made = _made(seed, count);
        uint256 place = placeSeed % count;
        Point memory shift = _times(1, 2, _scalar(seed, 999));
        made.c[place] = _plus(made.c[place], shift);
        requireTrue(!this.verify(made.key, made.entries, _fold(made)), "a wrong C passed");

        // Without coefficients the sum would be the right one again.
        uint256 other = (place + 1) % count;
        made.c[other] = _plus(made.c[other], Point(shift.x, Q - shift.y));
        requireTrue(!this.verify(made.key, made.entries, _fold(made)), "two wrong Cs passed");
    }

    /// R-41 Whatever word of an entry changes, the batch does not pass.
    function testFuzz_R_41_alteredEntriesNeverPass(bytes32 seed, uint8 countSeed, uint16 wordSeed) external view {
        uint256 count = within(countSeed, 1, 5);
        Made memory made = _made(seed, count);
        uint256[2] memory foldedC = _fold(made);
        uint256 word = wordSeed % (count * (ENTRY_BYTES / 32));
        bytes memory entries = made.entries;
        assembly ("memory-safe") {
            let place := add(add(entries, 0x20), shl(5, word))
            mstore(place, xor(mload(place), 1))
        }
        try this.verify(made.key, entries, foldedC) returns (bool valid) {
            requireTrue(!valid, "an altered entry passed");
        } catch {}
    }

    /// R-39 No alias of an input passes, and the error names its place in the batch.
    function testFuzz_R_39_aliasesAreRefused(bytes32 seed, uint8 countSeed, uint8 placeSeed) external view {
        uint256 count = within(countSeed, 1, 5);
        Made memory made = _made(seed, count);
        uint256[2] memory foldedC = _fold(made);
        uint256 place = placeSeed % (count * INPUTS);
        uint256 offset = (place / INPUTS) * ENTRY_BYTES + (place % INPUTS) * 32;
        bytes memory entries = made.entries;
        uint256 alias_;
        assembly ("memory-safe") {
            let at_ := add(add(entries, 0x20), offset)
            alias_ := add(mload(at_), R)
            mstore(at_, alias_)
        }
        bytes memory expected = abi.encodeWithSelector(Groth16.InputNotInField.selector, place, alias_);
        try this.verify(made.key, entries, foldedC) returns (bool) {
            requireTrue(false, "an alias was judged");
        } catch (bytes memory reason) {
            requireTrue(keccak256(reason) == keccak256(expected), "another error");
        }
    }

    /// R-38 Too little gas is no judgement: the call reverts, it never says false.
    function testFuzz_R_38_starvedBatchesRevert(bytes32 seed, uint8 countSeed, uint24 gasSeed) external view {
        Made memory made = _made(seed, within(countSeed, 1, 4));
        uint256[2] memory foldedC = _fold(made);
        try this.verify{gas: within(gasSeed, 3_000, 420_000)}(made.key, made.entries, foldedC) returns (bool valid) {
            requireTrue(valid, "a starved batch said false");
        } catch {}
    }

    /// R-44 R-45 Entries of another length, none, and keys for other inputs are refused.
    function testFuzz_R_45_lengthsAreExact(bytes32 seed, uint16 lengthSeed) external view {
        Made memory made = _made(seed, 2);
        uint256 length = within(lengthSeed, 0, 2 * ENTRY_BYTES - 1);
        if (length == ENTRY_BYTES) --length;
        bytes memory entries = new bytes(length);
        for (uint256 i = 0; i < length; ++i) entries[i] = made.entries[i];
        _requireRefused(made.key, entries, _fold(made), Groth16Batch.BatchLength.selector);
        bytes memory longer = bytes.concat(made.key, new bytes(64));
        _requireRefused(longer, made.entries, _fold(made), Groth16.KeyMismatch.selector);
    }

    /// R-44 A folded point that is not canonical, or off the curve, is refused.
    function testFuzz_R_44_malformedFoldsAreRefused(bytes32 seed) external view {
        Made memory made = _made(seed, 2);
        uint256[2] memory foldedC = _fold(made);
        _requireRefused(made.key, made.entries, [foldedC[0], foldedC[1] + Q], Groth16.ProofNotCanonical.selector);
        _requireRefused(made.key, made.entries, [foldedC[0] + Q, foldedC[1]], Groth16.PrecompileFailed.selector);
        _requireRefused(made.key, made.entries, [foldedC[0], foldedC[1] ^ 1], Groth16.PrecompileFailed.selector);
    }

    function _requireRefused(
        bytes memory key,
        bytes memory entries,
        uint256[2] memory foldedC,
        bytes4 selector
    ) private view {
        try this.verify(key, entries, foldedC) returns (bool) {
            requireTrue(false, "a malformed batch was judged");
        } catch (bytes memory reason) {
            requireTrue(bytes4(reason) == selector, "another error");
        }
    }

    function _made(bytes32 seed, uint256 count) private view returns (Made memory made) {
        Point memory alpha = _times(1, 2, _scalar(seed, 0));
        Point[] memory ic = new Point[](INPUTS + 1);
        bytes memory points;
        for (uint256 i = 0; i <= INPUTS; ++i) {
            ic[i] = _times(1, 2, _scalar(seed, 1 + i));
            points = bytes.concat(points, abi.encode(ic[i]));
        }
        made.key = bytes.concat(abi.encode(alpha), _g2(), _g2(), _g2(), points);
        made.c = new Point[](count);
        for (uint256 i = 0; i < count; ++i) {
            made.c[i] = _times(1, 2, _scalar(seed, 100 + i));
            Point memory a = _plus(alpha, _plus(ic[0], made.c[i]));
            for (uint256 j = 0; j < INPUTS; ++j) {
                uint256 input = _scalar(seed, 200 + i * INPUTS + j);
                a = _plus(a, _times(ic[j + 1].x, ic[j + 1].y, input));
                made.entries = bytes.concat(made.entries, abi.encode(input));
            }
            made.entries = bytes.concat(made.entries, abi.encode(a), _g2());
        }
    }

    function _fold(Made memory made) private view returns (uint256[2] memory) {
        bytes32 seed = keccak256(bytes.concat(made.key, made.entries));
        Point memory sum = made.c[0];
        for (uint256 i = 1; i < made.c.length; ++i) {
            uint256 coefficient = uint256(keccak256(abi.encode(seed, i))) / 2 ** 128;
            sum = _plus(sum, _times(made.c[i].x, made.c[i].y, coefficient));
        }
        return [sum.x, sum.y];
    }

    function _g2() private pure returns (bytes memory) {
        return abi.encode(G2_X_IM, G2_X_RE, G2_Y_IM, G2_Y_RE);
    }

    function _scalar(bytes32 seed, uint256 i) private pure returns (uint256) {
        return within(uint256(keccak256(abi.encode(seed, i))), 1, R - 1);
    }

    function _times(uint256 x, uint256 y, uint256 scalar) private view returns (Point memory) {
        (, bytes memory result) = address(7).staticcall(abi.encode(x, y, scalar));
        return abi.decode(result, (Point));
    }

    function _plus(Point memory a, Point memory b) private view returns (Point memory) {
        (, bytes memory result) = address(6).staticcall(abi.encode(a.x, a.y, b.x, b.y));
        return abi.decode(result, (Point));
    }
}
