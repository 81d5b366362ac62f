// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInferenceConsumer} from "../interfaces/IInferenceConsumer.sol";
import {IInferenceRequests} from "../interfaces/IInferenceRequests.sol";
import {Request, RequestState} from "../types/Request.sol";
import {Status} from "../types/Status.sol";

/// @title A requester whose callback does what a test tells it to
contract ConsumerMock is IInferenceConsumer {
    enum Behaviour {
        Accept,
        Revert,
        BurnAllGas,
        ReturnBomb,
        RevertBomb,
        SpendGas,
        Reenter
    }

    Behaviour public behaviour;
    uint256 public gasToSpend;

    /// @dev What `Reenter` calls, one after the other, and how many of these calls succeeded.
    address[] private _targets;
    bytes[] private _payloads;
    uint256 public reentered;

    event Told(bytes32 indexed requestId, Status status, bytes32 outputHash, bytes output, uint256 gasGiven);

    error Refused();

    receive() external payable {}

    function setBehaviour(Behaviour behaviour_, uint256 gasToSpend_) external {
        behaviour = behaviour_;
        gasToSpend = gasToSpend_;
    }

    function reenterWith(address[] calldata targets, bytes[] calldata payloads) external {
        behaviour = Behaviour.Reenter;
        _targets = targets;
        delete _payloads;
        for (uint256 i = 0; i < payloads.length; ++i) _payloads.push(payloads[i]);
    }

    function ask(IInferenceRequests requests, Request calldata request, bytes calldata input) external payable {
        requests.request{value: msg.value}(request, input);
    }

    function withdraw(IInferenceRequests requests, address to) external {
        requests.withdraw(address(0), to);
    }

    /// @dev For a callback that reads the state of its own request.
    function expectState(IInferenceRequests requests, bytes32 requestId, RequestState expected) external view {
        (RequestState state, , ) = requests.stateOf(requestId);
        if (state != expected) revert Refused();
    }

    function onInference(bytes32 requestId, Status status, bytes32 outputHash, bytes calldata output) external {
        uint256 gasGiven = gasleft();
        if (behaviour == Behaviour.Revert) revert Refused();
        if (behaviour == Behaviour.BurnAllGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (behaviour == Behaviour.ReturnBomb || behaviour == Behaviour.RevertBomb) _bomb();
        if (behaviour == Behaviour.Reenter) _reenter();
        emit Told(requestId, status, outputHash, output, gasGiven);
        if (behaviour == Behaviour.SpendGas) while (gasGiven - gasleft() < gasToSpend) continue;
    }

    /// @dev 512 KiB of return data: about a million gas to make, and as much again for a caller that copies it.
    function _bomb() private view {
        bool reverts = behaviour == Behaviour.RevertBomb;
        assembly {
            if reverts {
                revert(0x00, 0x80000)
            }
            return(0x00, 0x80000)
        }
    }

    function _reenter() private {
        for (uint256 i = 0; i < _targets.length; ++i) {
            // solhint-disable-next-line avoid-low-level-calls
            (bool succeeded, ) = _targets[i].call(_payloads[i]);
            if (succeeded) ++reentered;
        }
    }
}
