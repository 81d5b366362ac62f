// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITransferHook} from "./tokens/HookedToken.sol";

/// @notice A party to the protocol that, when money moves to or from it, calls whatever it was armed with and keeps
/// what came of it.
contract HookReenterer is ITransferHook {
    struct Attempt {
        address target;
        uint256 valueWei;
        bytes data;
    }

    struct Outcome {
        bool done;
        bytes result;
    }

    Attempt[] private _attempts;
    Outcome[] private _outcomes;
    bool private _inside;

    receive() external payable {
        _attack();
    }

    /// @notice Calls the target as this contract.
    function act(address target, uint256 valueWei, bytes calldata data) external payable returns (bytes memory) {
        (bool done, bytes memory result) = target.call{value: valueWei}(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
        return result;
    }

    /// @notice From now on every movement of money triggers these calls.
    function arm(Attempt[] calldata attempts) external {
        delete _attempts;
        delete _outcomes;
        for (uint256 i = 0; i < attempts.length; ++i) _attempts.push(attempts[i]);
    }

    /// @inheritdoc ITransferHook
    function onTransfer(bool) external {
        _attack();
    }

    function outcomes() external view returns (Outcome[] memory) {
        return _outcomes;
    }

    function _attack() private {
        if (_inside) return;
        _inside = true;
        for (uint256 i = 0; i < _attempts.length; ++i) {
            Attempt memory attempt = _attempts[i];
            (bool done, bytes memory result) = attempt.target.call{value: attempt.valueWei}(attempt.data);
            _outcomes.push(Outcome(done, result));
        }
        _inside = false;
    }
}
