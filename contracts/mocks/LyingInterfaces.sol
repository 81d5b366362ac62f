// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A contract that misstates its interfaces
/// @notice For tests of ERC-165 detection.
contract LyingInterfaces {
    enum Lie {
        Everything, // also the interface that nobody may have
        Nothing,
        NoData,
        Revert,
        EvidenceAlone // `IERC165` and the one interface given
    }

    Lie private immutable LIE;
    bytes4 private immutable INTERFACE_ID;

    /// @notice Told to.
    error Refused();

    constructor(Lie lie, bytes4 interfaceId) {
        LIE = lie;
        INTERFACE_ID = interfaceId;
    }

    function supportsInterface(bytes4 interfaceId) external view returns (bool) {
        if (LIE == Lie.Everything) return true;
        if (LIE == Lie.Nothing) return false;
        if (LIE == Lie.Revert) revert Refused();
        if (LIE == Lie.EvidenceAlone) return interfaceId == 0x01ffc9a7 || interfaceId == INTERFACE_ID;
        assembly ("memory-safe") {
            return(0x00, 0x00)
        }
    }
}
