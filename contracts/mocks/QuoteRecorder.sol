// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIntelQuoteVerifier} from "../interfaces/IIntelQuoteVerifier.sol";

/// @notice Enters a key by its quote, as a registry does, to measure what that costs.
contract QuoteRecorder {
    struct Record {
        bytes32 measurement;
        bytes32 platformId;
        bytes32 quoteHash;
        uint40 registeredAt;
        uint40 expiresAt;
        uint32 number;
        uint16 evaluationNumber;
        uint8 status;
    }

    IIntelQuoteVerifier public immutable VERIFIER;
    mapping(address key => Record) public recordOf;
    uint32 private _count;

    event Recorded(address indexed key, bytes32 indexed measurement, uint40 expiresAt);

    error NotBound(bytes32 expected);

    constructor(IIntelQuoteVerifier verifier) {
        VERIFIER = verifier;
    }

    function record(
        address key,
        IIntelQuoteVerifier.QuoteParts calldata parts,
        IIntelQuoteVerifier.QuotePolicy calldata policy
    ) external {
        IIntelQuoteVerifier.VerifiedQuote memory quote = VERIFIER.verifyQuote(parts, policy, block.timestamp);
        bytes32 expected = bindingOf(key);
        if (quote.reportData[0] != expected) revert NotBound(expected);
        recordOf[key] = Record({
            measurement: quote.measurement,
            platformId: quote.platformId,
            quoteHash: quote.quoteHash,
            registeredAt: uint40(block.timestamp),
            expiresAt: quote.expiresAt,
            number: ++_count,
            evaluationNumber: quote.evaluationNumber,
            status: uint8(quote.status)
        });
        emit Recorded(key, quote.measurement, quote.expiresAt);
    }

    function bindingOf(address key) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), key));
    }
}
