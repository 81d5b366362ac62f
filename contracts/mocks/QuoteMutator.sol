// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIntelQuoteVerifier} from "../interfaces/IIntelQuoteVerifier.sol";

/// @notice Asks a verifier about many quotes that differ from one in an octet each, in one call, for tests.
contract QuoteMutator {
    /// @param mutations Each: part 0 to 2 of the quote, shifted left by 40, place by 8, what to change the octet by.
    /// @return accepted The mutations that the verifier accepted.
    function acceptedOf(
        IIntelQuoteVerifier verifier,
        IIntelQuoteVerifier.QuoteParts memory parts,
        IIntelQuoteVerifier.QuotePolicy calldata policy,
        uint256 asOf,
        uint256[] calldata mutations
    ) external view returns (uint256[] memory accepted) {
        accepted = new uint256[](mutations.length);
        uint256 count;
        for (uint256 i = 0; i < mutations.length; ++i) {
            _apply(parts, mutations[i]);
            bytes memory call = abi.encodeCall(verifier.verifyQuote, (parts, policy, asOf));
            (bool isAccepted, ) = address(verifier).staticcall(call);
            if (isAccepted) accepted[count++] = mutations[i];
            _apply(parts, mutations[i]);
        }
        assembly ("memory-safe") {
            mstore(accepted, count)
        }
    }

    function _apply(IIntelQuoteVerifier.QuoteParts memory parts, uint256 mutation) private pure {
        uint256 part = mutation >> 40;
        bytes memory content =
            part == 0
                ? parts.signed
                : part == 1
                    ? parts.authentication
                    : parts.pckCertificate;
        uint256 place = (mutation >> 8) & type(uint32).max;
        content[place] ^= bytes1(uint8(mutation));
    }
}
