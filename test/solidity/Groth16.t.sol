// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "../../contracts/evidence/zk/Groth16.sol";
import {requireTrue, within} from "./Vm.sol";

/// @notice The verification equation over random keys, inputs and proofs. Where beta, gamma and delta are the generator
/// of G2 and B is too, the equation says A = alpha + L + C, and a proof is made by additions in G1.
/// hardhat-config: fuzz.runs = 200
contract Groth16Test {
    uint256 private constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    // The generator of G2, imaginary parts first, and the y of its negative.
    uint256 private constant G2_X_IM = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
    uint256 private constant G2_X_RE = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;
    uint256 private constant G2_Y_IM = 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b;
    uint256 private constant G2_Y_RE = 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa;

    struct Point {
        uint256 x;
        uint256 y;
    }

    struct Made {
        bytes key;
        uint256[] inputs;
        Point a;
        Point c;
    }

    function verify(bytes memory key, uint256[] memory inputs, bytes calldata proof) external view returns (bool) {
        return Groth16.verify(key, inputs, proof);
    }

    /// R-40 A right proof passes, and so does its twin (-A, -B, C): the bytes of a proof identify nothing.
    function testFuzz_R_40_rightProofsAndTheirTwinsPass(bytes32 seed) external view {
        Made memory made = _made(seed);
        requireTrue(this.verify(made.key, made.inputs, _proof(made.a, false, made.c)), "a right proof failed");
        Point memory negated = Point(made.a.x, (Q - made.a.y) % Q);
        requireTrue(this.verify(made.key, made.inputs, _proof(negated, true, made.c)), "its twin failed");
    }

    /// R-41 R-44 Another input, another A, another C, one sign: nothing but the equation passes.
    function testFuzz_R_44_wrongProofsFail(bytes32 seed, uint256 other, uint8 placeSeed) external view {
        Made memory made = _made(seed);
        Point memory stranger = _times(1, 2, within(other, 1, R - 1));
        if (stranger.x != made.a.x) {
            requireTrue(!this.verify(made.key, made.inputs, _proof(stranger, false, made.c)), "another A");
        }
        if (stranger.x != made.c.x) {
            requireTrue(!this.verify(made.key, made.inputs, _proof(made.a, false, stranger)), "another C");
        }
        requireTrue(!this.verify(made.key, made.inputs, _proof(made.a, true, made.c)), "B negated alone");
        uint256 place = placeSeed % 3;
        uint256 input = within(other, 0, R - 1);
        if (input == made.inputs[place]) return;
        made.inputs[place] = input;
        requireTrue(!this.verify(made.key, made.inputs, _proof(made.a, false, made.c)), "another input");
    }

    /// R-39 No alias of an input passes: the field's order or more is refused.
    function testFuzz_R_39_aliasesAreRefused(bytes32 seed, uint8 placeSeed, uint8 times) external view {
        Made memory made = _made(seed);
        uint256 place = placeSeed % 3;
        made.inputs[place] += R * within(times, 1, 4);
        _requireRefused(made, _proof(made.a, false, made.c), Groth16.InputNotInField.selector);
    }

    /// R-44 Coordinates at or above the order of the base field, and points off the curve, are refused.
    function testFuzz_R_44_malformedPointsAreRefused(bytes32 seed, uint256 off) external view {
        Made memory made = _made(seed);
        Point memory aliased = Point(made.a.x, made.a.y + Q);
        _requireRefused(made, _proof(aliased, false, made.c), Groth16.ProofNotCanonical.selector);
        Point memory wrapped = Point(made.a.x + Q, made.a.y);
        _requireRefused(made, _proof(wrapped, false, made.c), Groth16.PrecompileFailed.selector);
        uint256 y = within(off, 0, Q - 1);
        if (y == made.c.y || y == Q - made.c.y) return;
        _requireRefused(made, _proof(made.a, false, Point(made.c.x, y)), Groth16.PrecompileFailed.selector);
    }

    /// R-44 R-45 Proofs and keys of another length are refused.
    function testFuzz_R_44_lengthsAreExact(bytes32 seed, uint16 lengthSeed) external view {
        Made memory made = _made(seed);
        bytes memory proof = _proof(made.a, false, made.c);
        uint256 length = within(lengthSeed, 0, 600);
        if (length != 256) {
            bytes memory resized = new bytes(length);
            for (uint256 i = 0; i < length && i < 256; ++i) resized[i] = proof[i];
            _requireRefused(made, resized, Groth16.ProofLength.selector);
        }
        uint256[] memory more = new uint256[](4);
        for (uint256 i = 0; i < 3; ++i) more[i] = made.inputs[i];
        made.inputs = more;
        _requireRefused(made, proof, Groth16.KeyMismatch.selector);
    }

    /// R-38 Too little gas is no judgement: the call reverts, it never says false.
    function testFuzz_R_38_starvedChecksRevert(bytes32 seed, uint24 gasSeed) external view {
        Made memory made = _made(seed);
        bytes memory proof = _proof(made.a, false, made.c);
        uint256 gasLimit = within(gasSeed, 5_000, 320_000);
        try this.verify{gas: gasLimit}(made.key, made.inputs, proof) returns (bool valid) {
            requireTrue(valid, "a starved check said false");
        } catch {}
    }

    function _requireRefused(Made memory made, bytes memory proof, bytes4 selector) private view {
        try this.verify(made.key, made.inputs, proof) returns (bool) {
            requireTrue(false, "a malformed proof was judged");
        } catch (bytes memory reason) {
            requireTrue(bytes4(reason) == selector, "another error");
        }
    }

    function _made(bytes32 seed) private view returns (Made memory made) {
        Point memory alpha = _times(1, 2, _scalar(seed, 0));
        Point memory sum = _times(1, 2, _scalar(seed, 1));
        bytes memory ic = abi.encode(sum.x, sum.y);
        made.inputs = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            Point memory base = _times(1, 2, _scalar(seed, 2 + i));
            made.inputs[i] = _scalar(seed, 5 + i);
            ic = bytes.concat(ic, abi.encode(base.x, base.y));
            sum = _plus(sum, _times(base.x, base.y, made.inputs[i]));
        }
        made.c = _times(1, 2, _scalar(seed, 8));
        made.a = _plus(alpha, _plus(sum, made.c));
        made.key = bytes.concat(abi.encode(alpha.x, alpha.y), _g2(false), _g2(false), _g2(false), ic);
    }

    function _proof(Point memory a, bool negateB, Point memory c) private pure returns (bytes memory) {
        return bytes.concat(abi.encode(a.x, a.y), _g2(negateB), abi.encode(c.x, c.y));
    }

    function _g2(bool negated) private pure returns (bytes memory) {
        return
            negated
                ? abi.encode(G2_X_IM, G2_X_RE, Q - G2_Y_IM, Q - G2_Y_RE)
                : abi.encode(G2_X_IM, G2_X_RE, G2_Y_IM, G2_Y_RE);
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
