// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claim, ClaimLib} from "../../../contracts/types/Claim.sol";
import {requireEqual, requireTrue, within} from "../Vm.sol";

contract ClaimTest {
    function hash(Claim calldata claim) external pure returns (bytes32) {
        return claim.structHash();
    }

    function hashWithOutput(Claim calldata claim, bytes32 outputHash) external pure returns (bytes32) {
        return claim.structHashWithOutput(outputHash);
    }

    /// R-01 The assembly hashes what `abi.encode` would.
    function testFuzz_R_01_structHashIsTheReference(Claim calldata claim) external view {
        requireEqual(uint256(this.hash(claim)), uint256(_reference(claim)), "struct hash");
    }

    /// R-01 The twin is the same claim with another output, in no other field different.
    function testFuzz_R_01_theTwinDiffersInItsOutputAlone(Claim calldata claim, bytes32 outputHash) external view {
        Claim memory twin = claim;
        twin.outputHash = outputHash;
        requireEqual(uint256(this.hashWithOutput(claim, outputHash)), uint256(_reference(twin)), "hash of the twin");
        requireEqual(
            uint256(this.hashWithOutput(claim, claim.outputHash)),
            uint256(this.hash(claim)),
            "hash of the twin with the same output"
        );
    }

    /// R-02 Any changed bit of any field is another claim.
    function testFuzz_R_02_everyBitCounts(Claim calldata claim, uint8 fieldSeed, uint8 bitSeed) external view {
        uint256 field = fieldSeed % 9;
        uint256[9] memory words = _words(claim);
        words[field] ^= 1 << within(bitSeed, 0, _widthOf(field) - 1);
        (bool done, bytes memory result) = _tryHash(words);
        requireTrue(done, "a clean claim was refused");
        requireTrue(abi.decode(result, (bytes32)) != this.hash(claim), "a changed bit did not count");
    }

    /// R-01 R-02 One content has one encoding: a bit beyond a field's type is refused.
    function testFuzz_R_01_dirtyBitsAreRefused(Claim calldata claim, uint8 fieldSeed, uint8 bitSeed) external view {
        uint8[4] memory narrow = [2, 3, 7, 8];
        uint256 field = narrow[fieldSeed % 4];
        uint256[9] memory words = _words(claim);
        words[field] |= 1 << within(bitSeed, _widthOf(field), 255);
        (bool done, bytes memory result) = _tryHash(words);
        requireTrue(!done && bytes4(result) == ClaimLib.DirtyClaim.selector, "a dirty bit was accepted");
    }

    function _reference(Claim memory claim) private pure returns (bytes32) {
        bytes memory first = abi.encode(
            keccak256(
                "Claim(bytes32 modelId,bytes32 policyId,address operator,address requester,bytes32 requestId,bytes32 inputHash,bytes32 outputHash,uint64 servedAt,uint64 commitBy)"
            ),
            claim.modelId,
            claim.policyId,
            claim.operator,
            claim.requester,
            claim.requestId
        );
        return
            keccak256(
                bytes.concat(first, abi.encode(claim.inputHash, claim.outputHash, claim.servedAt, claim.commitBy))
            );
    }

    function _words(Claim calldata claim) private pure returns (uint256[9] memory words) {
        words[0] = uint256(claim.modelId);
        words[1] = uint256(claim.policyId);
        words[2] = uint160(claim.operator);
        words[3] = uint160(claim.requester);
        words[4] = uint256(claim.requestId);
        words[5] = uint256(claim.inputHash);
        words[6] = uint256(claim.outputHash);
        words[7] = claim.servedAt;
        words[8] = claim.commitBy;
    }

    function _widthOf(uint256 field) private pure returns (uint256) {
        if (field == 2 || field == 3) return 160;
        return field > 6 ? 64 : 256;
    }

    function _tryHash(uint256[9] memory words) private view returns (bool, bytes memory) {
        return address(this).staticcall(abi.encodePacked(this.hash.selector, words));
    }
}
