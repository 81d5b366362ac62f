// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A recipient that makes trouble when it is paid
/// @notice For tests.
contract BadRecipient {
    enum Mood {
        Accept,
        Revert,
        BurnGas,
        ReturnBomb,
        RevertBomb
    }

    uint256 private constant BOMB_BYTES = 1_000_000;

    Mood public mood;

    error Refused();

    receive() external payable {
        _misbehave();
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function _misbehave() private view {
        if (mood == Mood.Accept) return;
        if (mood == Mood.Revert) revert Refused();
        if (mood == Mood.BurnGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        bool asRevert = mood == Mood.RevertBomb;
        assembly ("memory-safe") {
            if asRevert {
                revert(0x00, BOMB_BYTES)
            }
            return(0x00, BOMB_BYTES)
        }
    }
}
