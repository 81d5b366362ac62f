// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Limits} from "../Limits.sol";

/// @notice The last pause of commits. Layout from the lowest bit: `40 from | 40 until`, the end exclusive. Zero: never.
type Pause is uint256;

library PauseLib {
    function create(uint40 from_, uint40 until_) internal pure returns (Pause) {
        return Pause.wrap(uint256(from_) | (uint256(until_) << 40));
    }

    function from(Pause pause) internal pure returns (uint40) {
        return uint40(Pause.unwrap(pause));
    }

    function until(Pause pause) internal pure returns (uint40) {
        return uint40(Pause.unwrap(pause) >> 40);
    }

    /// @notice The deadline for a commit, put off when commits were paused by then: nobody answers for what nobody
    /// could do.
    function excuse(Pause pause, uint256 deadline) internal pure returns (uint256) {
        uint256 resumed = uint256(pause.until()) + Limits.COMMIT_GRACE_SECONDS;
        return pause.from() <= deadline && resumed > deadline ? resumed : deadline;
    }
}

using PauseLib for Pause global;
