// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInferenceConsumer} from "../../../contracts/interfaces/IInferenceConsumer.sol";
import {IInferenceRequests} from "../../../contracts/interfaces/IInferenceRequests.sol";
import {RequestState} from "../../../contracts/types/Request.sol";
import {Status} from "../../../contracts/types/Status.sol";
import {requireTrue} from "../Vm.sol";

/// @notice A requester that counts what it is told. A callback that fails leaves no count behind.
contract WalkRequester is IInferenceConsumer {
    enum Manner {
        Accept,
        Refuse,
        BurnGas
    }

    /// @dev What is kept back of a callback's gas to note what came of a call made inside it.
    uint256 private constant RESERVE_GAS = 200_000;

    IInferenceRequests private immutable REQUESTS;

    Manner public manner;
    mapping(bytes32 requestId => mapping(RequestState state => uint256)) public tells;
    mapping(bytes32 requestId => Status) public lastTold;
    /// @notice A bit for each call made inside a callback that succeeded.
    uint256 public succeeded;

    address[] private _targets;
    bytes[] private _payloads;
    bool private _isInside;

    constructor(IInferenceRequests requests) {
        REQUESTS = requests;
    }

    receive() external payable {}

    function setManner(Manner manner_) external {
        manner = manner_;
    }

    /// @notice What the next callbacks do, besides counting.
    function plan(address[] calldata targets, bytes[] calldata payloads) external {
        _targets = targets;
        delete _payloads;
        for (uint256 i = 0; i < payloads.length; ++i) _payloads.push(payloads[i]);
        succeeded = 0;
    }

    function onInference(bytes32 requestId, Status status, bytes32 outputHash, bytes calldata output) external {
        requireTrue(msg.sender == address(REQUESTS), "a callback from a stranger");
        if (manner == Manner.BurnGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        requireTrue(manner != Manner.Refuse, "refused");
        (RequestState state, Status stored, bool isUndelivered) = REQUESTS.stateOf(requestId);
        // Not asserted here: a callback that reverts would pass for one that was refused.
        tells[requestId][state] += stored == status && !isUndelivered && _fits(outputHash, output) ? 1 : 100;
        lastTold[requestId] = status;
        if (!_isInside) _act();
    }

    function _fits(bytes32 outputHash, bytes calldata output) private pure returns (bool) {
        return keccak256(output) == outputHash || bytes32(output) == outputHash;
    }

    function _act() private {
        if (_targets.length == 0) return;
        _isInside = true;
        for (uint256 i = 0; i < _targets.length && gasleft() > 2 * RESERVE_GAS; ++i) {
            (bool isDone, ) = _targets[i].call{gas: gasleft() - RESERVE_GAS}(_payloads[i]);
            if (isDone) succeeded |= 1 << i;
        }
        _isInside = false;
    }
}
