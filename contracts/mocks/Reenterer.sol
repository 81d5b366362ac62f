// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title An account that calls back when it is paid
/// @notice For tests. It sends what it is told to, and answers the next payment in ether with the calls it was given.
contract Reenterer {
    struct Call {
        address target;
        uint256 value;
        bytes data;
    }

    struct Outcome {
        bool done;
        bytes result;
    }

    Call[] private _calls;
    Outcome[] private _outcomes;

    receive() external payable {
        _callBack();
    }

    /// @notice What to do when the next payment arrives.
    function prepare(Call[] calldata calls) external {
        delete _calls;
        delete _outcomes;
        for (uint256 i = 0; i < calls.length; ++i) _calls.push(calls[i]);
    }

    /// @notice Calls a contract in this account's name, with the ether sent along, and reverts as the callee does.
    function run(address target, bytes calldata data) external payable returns (bytes memory result) {
        bool done;
        (done, result) = target.call{value: msg.value}(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    /// @notice What became of the calls made when the last payment arrived.
    function outcomes() external view returns (Outcome[] memory) {
        return _outcomes;
    }

    function _callBack() private {
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool done, bytes memory result) = _calls[i].target.call{value: _calls[i].value}(_calls[i].data);
            _outcomes.push(Outcome(done, result));
        }
        delete _calls;
    }
}
