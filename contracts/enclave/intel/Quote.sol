// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Where the report in a quote lies, and of what kind it is.
struct QuoteReport {
    uint256 ptr;
    bool isTdx;
    bool isTd15;
}

/// @title Quotes of SGX enclaves and TDX trust domains
/// @notice Finds the report in what the attestation key signed: a header of 48 octets, from version 5 on six that
/// describe the report, and the report (Intel TDX DCAP quote generation library, appendix A).
library Quote {
    uint256 internal constant SGX_BYTES = 384;
    uint256 internal constant TD_10_BYTES = 584;
    uint256 internal constant TD_15_BYTES = 648;

    uint256 private constant HEADER_BYTES = 48;
    uint256 private constant DESCRIPTION_BYTES = 6;
    uint256 private constant KEY_TYPE_P256 = 2;
    uint256 private constant TEE_SGX = 0;
    uint256 private constant TEE_TDX = 0x81000000;
    uint256 private constant BODY_SGX = 1;
    uint256 private constant BODY_TD_10 = 2;
    uint256 private constant BODY_TD_15 = 3;
    bytes16 private constant INTEL_QE_VENDOR = 0x939a7233f79c4ca9940a0db3957f0607;

    /// @notice Quotes of this version are not read here: SGX has 3, 4 and 5, TDX has 4 and 5.
    error QuoteVersion(uint256 version, bool isTdx);
    /// @notice The quote is signed by another kind of key than P-256.
    error QuoteKeyType(uint256 keyType);
    /// @notice The quote is of neither SGX nor TDX. The octets as they stand.
    error QuoteTee(uint256 tee);
    /// @notice The quoting enclave is not Intel's.
    error QuoteVendor(bytes16 vendor);
    /// @notice The report is of a kind that does not go with the quote's, or of another length than its kind has.
    error QuoteBody(uint256 bodyType, uint256 bodyBytes);
    /// @notice What was signed is not as long as a quote of its kind.
    error QuoteLength(uint256 expectedBytes, uint256 actualBytes);

    function read(bytes memory signed) internal pure returns (QuoteReport memory report) {
        unchecked {
            if (signed.length < HEADER_BYTES + DESCRIPTION_BYTES) revert QuoteLength(HEADER_BYTES, signed.length);
            uint256 head = _word(signed, 0);
            uint256 version = _swap16(head >> 240);
            uint256 keyType = _swap16((head >> 224) & 0xffff);
            uint256 tee = (head >> 192) & 0xffffffff;
            bytes16 vendor = bytes16(bytes32(head << 96));

            if (tee != TEE_SGX && tee != TEE_TDX) revert QuoteTee(tee);
            report.isTdx = tee == TEE_TDX;
            if (version < (report.isTdx ? 4 : 3) || version > 5) revert QuoteVersion(version, report.isTdx);
            if (keyType != KEY_TYPE_P256) revert QuoteKeyType(keyType);
            if (vendor != INTEL_QE_VENDOR) revert QuoteVendor(vendor);

            uint256 reportAt = HEADER_BYTES;
            uint256 bodyBytes = report.isTdx ? TD_10_BYTES : SGX_BYTES;
            if (version == 5) {
                reportAt += DESCRIPTION_BYTES;
                bodyBytes = _readDescription(report, _word(signed, HEADER_BYTES) >> 208);
            }
            if (signed.length != reportAt + bodyBytes) revert QuoteLength(reportAt + bodyBytes, signed.length);
            assembly ("memory-safe") {
                mstore(report, add(add(signed, 0x20), reportAt))
            }
        }
    }

    function _readDescription(QuoteReport memory report, uint256 description) private pure returns (uint256 bodyBytes) {
        uint256 bodyType = _swap16(description >> 32);
        uint256 written = (_swap16(description & 0xffff) << 16) | _swap16((description >> 16) & 0xffff);
        if (bodyType == BODY_SGX && !report.isTdx) bodyBytes = SGX_BYTES;
        else if (bodyType == BODY_TD_10 && report.isTdx) bodyBytes = TD_10_BYTES;
        else if (bodyType == BODY_TD_15 && report.isTdx) bodyBytes = TD_15_BYTES;
        if (bodyBytes == 0 || written != bodyBytes) revert QuoteBody(bodyType, written);
        report.isTd15 = bodyType == BODY_TD_15;
    }

    function _swap16(uint256 value) private pure returns (uint256) {
        return (value >> 8) | ((value & 0xff) << 8);
    }

    function _word(bytes memory content, uint256 place) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(content, 0x20), place))
        }
    }
}
