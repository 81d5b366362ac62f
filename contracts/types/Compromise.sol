// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The mark of a key that leaked
library Compromise {
    /// @notice Whether a mark may be set: at a moment in the past, and earlier than the one before. A mark that could
    /// be moved forth would make valid again what it had taken back.
    /// @param before The mark so far; zero: none.
    function isAllowed(uint40 before, uint40 since) internal view returns (bool) {
        return since != 0 && since <= block.timestamp && (before == 0 || since < before);
    }
}
