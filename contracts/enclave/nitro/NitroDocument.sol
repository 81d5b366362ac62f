// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cbor} from "./Cbor.sol";
import {wordAt} from "../Words.sol";

/// @notice An attestation document that was read, not judged. Positions are addresses in memory.
struct NitroDocument {
    uint256 signedAt; // the payload as signed, its head included
    uint256 signedEnd;
    uint256 signatureAt; // r and s, 48 octets each
    uint256 moduleIdAt;
    uint256 moduleIdEnd;
    uint256 timestampMs;
    uint256 pcrSet; // bit i: there is a PCR i
    uint256[32] pcrAt; // 48 octets each
    uint256 certificateAt;
    uint256 certificateEnd;
    uint256[] authorityAt; // root first
    uint256[] authorityEnd;
    uint256 publicKeyAt; // 0, like the next two: null
    uint256 publicKeyEnd;
    uint256 userDataAt;
    uint256 userDataEnd;
    uint256 nonceAt;
    uint256 nonceEnd;
}

/// @title Attestation documents of AWS Nitro enclaves
/// @notice Reads a COSE_Sign1 with the payload of the Nitro security module: every key known and once, nothing unread,
/// all within the limits of AWS's specification.
library NitroDocuments {
    uint256 internal constant MAX_PAYLOAD_BYTES = 16_384;
    uint256 internal constant MAX_CERTIFICATE_BYTES = 1024;
    uint256 internal constant MAX_PUBLIC_KEY_BYTES = 1024;
    uint256 internal constant MAX_DATA_BYTES = 512;
    uint256 internal constant MAX_MODULE_ID_BYTES = 255;
    /// @dev AWS sends four. A chain deeper than this is none of its.
    uint256 internal constant MAX_AUTHORITIES = 8;
    uint256 internal constant PCR_BYTES = 48;
    uint256 internal constant PCRS = 32;
    uint256 private constant SIGNATURE_BYTES = 96;

    // The beginning of a COSE_Sign1: four items, {1: -35} for ECDSA with SHA-384, no unprotected header.
    uint256 private constant COSE_HEAD = 0x8444a1013822a0;
    uint256 private constant COSE_HEAD_BYTES = 7;
    uint256 private constant COSE_TAG = 0xd2;

    // Texts with their lengths as `_textAt` gives them.
    uint256 private constant SHA384 = (6 << 248) | 0x534841333834;
    uint256 private constant MODULE_ID = (9 << 248) | 0x6d6f64756c655f6964;
    uint256 private constant DIGEST = (6 << 248) | 0x646967657374;
    uint256 private constant TIMESTAMP = (9 << 248) | 0x74696d657374616d70;
    uint256 private constant PCR_MAP = (4 << 248) | 0x70637273;
    uint256 private constant CERTIFICATE = (11 << 248) | 0x6365727469666963617465;
    uint256 private constant CABUNDLE = (8 << 248) | 0x636162756e646c65;
    uint256 private constant PUBLIC_KEY = (10 << 248) | 0x7075626c69635f6b6579;
    uint256 private constant USER_DATA = (9 << 248) | 0x757365725f64617461;
    uint256 private constant NONCE = (5 << 248) | 0x6e6f6e6365;

    // One bit for each key, in the order above.
    uint256 private constant REQUIRED = 0x3f;

    /// @notice The document is no COSE_Sign1 with ECDSA over SHA-384.
    error NotCose();
    /// @notice The signature has not 96 octets.
    error DocumentSignatureLength(uint256 length);
    /// @notice The payload has a key that is none of the nine, as its length and its text.
    error DocumentKeyUnknown(uint256 key);
    /// @notice The payload has this key twice.
    error DocumentKeyTwice(uint256 key);
    /// @notice The payload lacks keys; a bit is set for each one it has.
    error DocumentKeysMissing(uint256 present);
    /// @notice A field is shorter or longer than it may be.
    error DocumentLimit(uint256 key, uint256 length, uint256 most);
    /// @notice The measurements were not made with SHA-384.
    error DocumentDigest(uint256 digest);
    /// @notice A measurement's number is above 31, or there twice.
    error DocumentPcr(uint256 index);

    function read(bytes memory data) internal pure returns (NitroDocument memory document) {
        unchecked {
            uint256 ptr;
            uint256 end;
            assembly ("memory-safe") {
                ptr := add(data, 0x20)
                end := add(ptr, mload(data))
            }
            if (Cbor.peek(ptr, end) == COSE_TAG) ++ptr;
            if (ptr + COSE_HEAD_BYTES > end || wordAt(ptr) >> 200 != COSE_HEAD) revert NotCose();
            document.signedAt = ptr + COSE_HEAD_BYTES;

            (uint256 payload, uint256 payloadEnd) = Cbor.stringAt(document.signedAt, end, Cbor.BYTES);
            document.signedEnd = payloadEnd;
            if (payloadEnd - payload > MAX_PAYLOAD_BYTES) {
                revert DocumentLimit(0, payloadEnd - payload, MAX_PAYLOAD_BYTES);
            }
            (document.signatureAt, ptr) = Cbor.stringAt(payloadEnd, end, Cbor.BYTES);
            if (ptr - document.signatureAt != SIGNATURE_BYTES) {
                revert DocumentSignatureLength(ptr - document.signatureAt);
            }
            Cbor.close(ptr, end);
            _readPayload(document, payload, payloadEnd);
        }
    }

    function _readPayload(NitroDocument memory document, uint256 ptr, uint256 end) private pure {
        unchecked {
            uint256 count;
            (count, ptr) = Cbor.open(ptr, end, Cbor.MAP);
            uint256 seen;
            bool has;
            for (uint256 i = 0; ; ++i) {
                (has, ptr) = Cbor.more(ptr, end, count, i);
                if (!has) break;
                uint256 key;
                (key, ptr) = _textAt(ptr, end);
                uint256 mark = _markOf(key);
                if (seen & mark != 0) revert DocumentKeyTwice(key);
                seen |= mark;
                ptr = _readField(document, key, ptr, end);
            }
            Cbor.close(ptr, end);
            if (seen & REQUIRED != REQUIRED) revert DocumentKeysMissing(seen);
        }
    }

    function _markOf(uint256 key) private pure returns (uint256) {
        if (key == MODULE_ID) return 1;
        if (key == DIGEST) return 2;
        if (key == TIMESTAMP) return 4;
        if (key == PCR_MAP) return 8;
        if (key == CERTIFICATE) return 16;
        if (key == CABUNDLE) return 32;
        if (key == PUBLIC_KEY) return 64;
        if (key == USER_DATA) return 128;
        if (key == NONCE) return 256;
        revert DocumentKeyUnknown(key);
    }

    function _readField(
        NitroDocument memory document,
        uint256 key,
        uint256 ptr,
        uint256 end
    ) private pure returns (uint256 next) {
        if (key == MODULE_ID) {
            (document.moduleIdAt, next) = Cbor.stringAt(ptr, end, Cbor.TEXT);
            document.moduleIdEnd = next;
            _limit(key, next - document.moduleIdAt, 1, MAX_MODULE_ID_BYTES);
        } else if (key == DIGEST) {
            uint256 digest;
            (digest, next) = _textAt(ptr, end);
            if (digest != SHA384) revert DocumentDigest(digest);
        } else if (key == TIMESTAMP) {
            (document.timestampMs, next) = Cbor.head(ptr, end, Cbor.UINT);
        } else if (key == PCR_MAP) {
            next = _readPcrs(document, ptr, end);
        } else if (key == CERTIFICATE) {
            (document.certificateAt, next) = Cbor.stringAt(ptr, end, Cbor.BYTES);
            document.certificateEnd = next;
            _limit(key, next - document.certificateAt, 1, MAX_CERTIFICATE_BYTES);
        } else if (key == CABUNDLE) {
            next = _readAuthorities(document, ptr, end);
        } else if (key == PUBLIC_KEY) {
            (document.publicKeyAt, next) = _optionalAt(key, ptr, end, 1, MAX_PUBLIC_KEY_BYTES);
            document.publicKeyEnd = next;
        } else if (key == USER_DATA) {
            (document.userDataAt, next) = _optionalAt(key, ptr, end, 0, MAX_DATA_BYTES);
            document.userDataEnd = next;
        } else {
            (document.nonceAt, next) = _optionalAt(key, ptr, end, 0, MAX_DATA_BYTES);
            document.nonceEnd = next;
        }
    }

    function _readPcrs(NitroDocument memory document, uint256 ptr, uint256 end) private pure returns (uint256 next) {
        unchecked {
            uint256 count;
            (count, ptr) = Cbor.open(ptr, end, Cbor.MAP);
            uint256 seen;
            bool has;
            for (uint256 i = 0; ; ++i) {
                (has, ptr) = Cbor.more(ptr, end, count, i);
                if (!has) break;
                uint256 index;
                (index, ptr) = Cbor.head(ptr, end, Cbor.UINT);
                if (index >= PCRS || (seen >> index) & 1 == 1) revert DocumentPcr(index);
                seen |= 1 << index;
                (document.pcrAt[index], next) = Cbor.stringAt(ptr, end, Cbor.BYTES);
                _limit(PCR_MAP, next - document.pcrAt[index], PCR_BYTES, PCR_BYTES);
                ptr = next;
            }
            document.pcrSet = seen;
            return ptr;
        }
    }

    function _readAuthorities(
        NitroDocument memory document,
        uint256 ptr,
        uint256 end
    ) private pure returns (uint256 next) {
        unchecked {
            uint256 count;
            (count, ptr) = Cbor.open(ptr, end, Cbor.ARRAY);
            uint256[] memory starts = new uint256[](MAX_AUTHORITIES);
            uint256[] memory ends = new uint256[](MAX_AUTHORITIES);
            uint256 i;
            for (bool has; ; ++i) {
                (has, ptr) = Cbor.more(ptr, end, count, i);
                if (!has) break;
                if (i == MAX_AUTHORITIES) revert DocumentLimit(CABUNDLE, i + 1, MAX_AUTHORITIES);
                (starts[i], ptr) = Cbor.stringAt(ptr, end, Cbor.BYTES);
                ends[i] = ptr;
                _limit(CABUNDLE, ptr - starts[i], 1, MAX_CERTIFICATE_BYTES);
            }
            if (i == 0) revert DocumentLimit(CABUNDLE, 0, MAX_AUTHORITIES);
            assembly ("memory-safe") {
                mstore(starts, i)
                mstore(ends, i)
            }
            (document.authorityAt, document.authorityEnd) = (starts, ends);
            return ptr;
        }
    }

    function _optionalAt(
        uint256 key,
        uint256 ptr,
        uint256 end,
        uint256 least,
        uint256 most
    ) private pure returns (uint256 content, uint256 next) {
        if (Cbor.peek(ptr, end) == Cbor.NULL) return (0, ptr + 1);
        (content, next) = Cbor.stringAt(ptr, end, Cbor.BYTES);
        _limit(key, next - content, least, most);
    }

    function _limit(uint256 key, uint256 length, uint256 least, uint256 most) private pure {
        if (length < least || length > most) revert DocumentLimit(key, length, most);
    }

    /// @dev A text as one word, its length in the highest octet; longer ones than 31 octets as the highest word.
    function _textAt(uint256 ptr, uint256 end) private pure returns (uint256 text, uint256 next) {
        unchecked {
            uint256 content;
            (content, next) = Cbor.stringAt(ptr, end, Cbor.TEXT);
            uint256 length = next - content;
            if (length > 31) return (type(uint256).max, next);
            // A shift by 256, for no octets, gives zero.
            text = (length << 248) | (wordAt(content) >> (256 - 8 * length));
        }
    }
}
