// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BatchHeader, BatchLib, BatchWord, BatchWordLib} from "../../../contracts/types/Batch.sol";
import {EvidenceRule} from "../../../contracts/types/Status.sol";
import {requireEqual, requireTrue, within} from "../Vm.sol";

/// @dev A word taken apart: what a setter must leave alone.
struct Fields {
    uint40 committedAt;
    uint40 finalAt;
    uint40 attestedAt;
    uint40 heldUntil;
    uint32 source;
    uint32 touched;
    uint32 disputed;
    uint32 rejected;
    uint8 rule;
    bool released;
}

contract BatchTest {
    uint256 private constant COUNTER_MAX = 0xfffff;

    function hash(BatchHeader calldata header) external pure returns (bytes32) {
        return header.structHash();
    }

    /* WORD */

    function testFuzz_R_53_createSetsItsFieldsAlone(uint40 committedAt, uint40 finalAt, uint8 ruleSeed) external pure {
        uint8 rule = ruleSeed % 6;
        Fields memory expected;
        (expected.committedAt, expected.finalAt, expected.rule) = (committedAt, finalAt, rule);
        _requireFields(BatchWordLib.create(committedAt, finalAt, EvidenceRule(rule)), expected);
    }

    function testFuzz_R_53_gettersReadTheirBits(uint256 raw) external pure {
        BatchWord word = _word(raw);
        requireEqual(_pack(_fields(word)), BatchWord.unwrap(word), "packed again");
        requireTrue(word.exists() == (BatchWord.unwrap(word) != 0), "exists");
    }

    function testFuzz_R_53_withFinalAtChangesThatAlone(uint256 raw, uint40 finalAt) external pure {
        Fields memory expected = _fields(_word(raw));
        expected.finalAt = finalAt;
        _requireFields(_word(raw).withFinalAt(finalAt), expected);
    }

    function testFuzz_R_53_attestAndUnattest(uint256 raw, uint40 when, uint32 source) external pure {
        BatchWord blank = _word(raw).unattest();
        Fields memory expected = _fields(_word(raw));
        (expected.attestedAt, expected.source) = (0, 0);
        _requireFields(blank, expected);
        (expected.attestedAt, expected.source) = (when, source);
        _requireFields(blank.attest(when, source), expected);
        requireEqual(
            BatchWord.unwrap(blank.attest(when, source).unattest()),
            BatchWord.unwrap(blank),
            "attested and back"
        );
    }

    /// R-17 The lock is lengthened, never shortened.
    function testFuzz_R_17_holdTakesTheLater(uint256 raw, uint40 until) external pure {
        Fields memory expected = _fields(_word(raw));
        if (until > expected.heldUntil) expected.heldUntil = until;
        _requireFields(_word(raw).hold(until), expected);
    }

    /// R-34 Counters move by one and reach no neighbour.
    function testFuzz_R_34_countersChangeThemselvesAlone(uint256 raw) external pure {
        Fields memory fields = _fields(_word(raw));
        BatchWord word = _word(raw);
        if (fields.touched < COUNTER_MAX) {
            fields.touched += 1;
            word = word.touch();
            _requireFields(word, fields);
        }
        if (fields.disputed < COUNTER_MAX) {
            fields.disputed += 1;
            word = word.openDispute();
            _requireFields(word, fields);
        }
        if (fields.rejected < COUNTER_MAX) {
            fields.rejected += 1;
            word = word.reject();
            _requireFields(word, fields);
        }
        if (fields.disputed > 0) {
            fields.disputed -= 1;
            word = word.closeDispute();
            _requireFields(word, fields);
        }
        fields.released = true;
        word = word.release();
        _requireFields(word, fields);
        _requireFields(word.release(), fields);
    }

    /* HEADER */

    /// R-01 The assembly hashes what `abi.encode` would.
    function testFuzz_R_01_structHashIsTheReference(BatchHeader calldata header) external view {
        requireEqual(uint256(this.hash(header)), uint256(_reference(header)), "struct hash");
    }

    /// R-02 Any changed bit of any field is another header.
    function testFuzz_R_02_everyBitCounts(BatchHeader calldata header, uint8 fieldSeed, uint8 bitSeed) external view {
        uint256 field = fieldSeed % 8;
        uint256[8] memory words = _words(header);
        uint256 flipped = 1 << within(bitSeed, 0, _widthOf(field) - 1);
        words[field] ^= flipped;
        (bool done, bytes memory result) = _tryHash(words);
        requireTrue(done, "a clean header was refused");
        requireTrue(abi.decode(result, (bytes32)) != this.hash(header), "a changed bit did not count");
    }

    /// R-01 R-02 One content has one encoding: a bit beyond a field's type is refused.
    function testFuzz_R_01_dirtyBitsAreRefused(
        BatchHeader calldata header,
        uint8 fieldSeed,
        uint8 bitSeed
    ) external view {
        uint8[4] memory narrow = [0, 5, 6, 7];
        uint256 field = narrow[fieldSeed % 4];
        uint256[8] memory words = _words(header);
        words[field] |= 1 << within(bitSeed, _widthOf(field), 255);
        (bool done, bytes memory result) = _tryHash(words);
        requireTrue(!done && bytes4(result) == BatchLib.DirtyHeader.selector, "a dirty bit was accepted");
    }

    function _reference(BatchHeader calldata header) private pure returns (bytes32) {
        bytes memory first = abi.encode(
            keccak256(
                "Batch(address operator,bytes32 policyId,bytes32 modelId,bytes32 root,bytes32 dataRoot,uint32 count,uint64 oldestServedAt,uint64 nonce)"
            ),
            header.operator,
            header.policyId,
            header.modelId,
            header.root
        );
        return
            keccak256(
                bytes.concat(first, abi.encode(header.dataRoot, header.count, header.oldestServedAt, header.nonce))
            );
    }

    function _words(BatchHeader calldata header) private pure returns (uint256[8] memory words) {
        words[0] = uint160(header.operator);
        words[1] = uint256(header.policyId);
        words[2] = uint256(header.modelId);
        words[3] = uint256(header.root);
        words[4] = uint256(header.dataRoot);
        words[5] = header.count;
        words[6] = header.oldestServedAt;
        words[7] = header.nonce;
    }

    function _widthOf(uint256 field) private pure returns (uint256) {
        if (field == 0) return 160;
        if (field == 5) return 32;
        return field > 5 ? 64 : 256;
    }

    function _tryHash(uint256[8] memory words) private view returns (bool, bytes memory) {
        return address(this).staticcall(abi.encodePacked(this.hash.selector, words));
    }

    /// @dev Any word that the setters can make: its rule is one of the six.
    function _word(uint256 raw) private pure returns (BatchWord) {
        uint256 rule = ((raw >> 252) & 7) % 6;
        return BatchWord.wrap((raw & ~(uint256(7) << 252)) | (rule << 252));
    }

    function _fields(BatchWord word) private pure returns (Fields memory) {
        return
            Fields(
                word.committedAt(),
                word.finalAt(),
                word.attestedAt(),
                word.heldUntil(),
                word.source(),
                word.touched(),
                word.disputed(),
                word.rejected(),
                uint8(word.rule()),
                word.released()
            );
    }

    /// @dev The documented layout, written a second time.
    function _pack(Fields memory f) private pure returns (uint256) {
        uint256 times =
            uint256(f.committedAt) |
                (uint256(f.finalAt) << 40) |
                (uint256(f.attestedAt) << 80) |
                (uint256(f.heldUntil) << 120);
        uint256 counters = (uint256(f.touched) << 192) | (uint256(f.disputed) << 212) | (uint256(f.rejected) << 232);
        uint256 flags = (uint256(f.rule) << 252) | (uint256(f.released ? 1 : 0) << 255);
        return times | (uint256(f.source) << 160) | counters | flags;
    }

    function _requireFields(BatchWord word, Fields memory expected) private pure {
        requireEqual(BatchWord.unwrap(word), _pack(expected), "batch word");
    }
}
