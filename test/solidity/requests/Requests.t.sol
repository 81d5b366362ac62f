// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInferenceRequests} from "../../../contracts/interfaces/IInferenceRequests.sol";
import {requireTrue, vm} from "../Vm.sol";
import {RandomWalk, decimal, requireFloors, walkOn} from "../Walks.sol";
import {RequestsWalk} from "./RequestsWalk.sol";

/// @notice Long random walks through everything that requests can come to, every invariant checked at every step. The
/// floors say that each act came about often enough over all walks of a run to have tested something.
contract RequestsTest {
    uint256 private constant WALKS = 9;

    /// @dev How often each act must have come about in `WALKS` walks of 500 steps, in the order of `RequestsWalk`.
    bytes private constant FLOORS = hex"a9106a1a0e121605080e110602060619121303090a0d4a2232120f0906070b03";
    /// @dev The same of what was done inside callbacks.
    bytes private constant NESTED_FLOORS = hex"0100000504";

    /// I-40 I-41 I-42 I-43 I-44 I-45 I-46 I-48 On every walk, at every step; and at its end every request has ended and
    /// everybody is paid.
    function test_I_40_I_41_I_42_I_43_I_44_I_45_I_46_I_48_walks() external {
        uint256 steps = vm.envOr("MEANTIME_WALK_STEPS", 500);
        uint256 seed = vm.envOr("MEANTIME_WALK_SEED", 1);
        uint256[] memory successes;
        uint256[] memory nested;
        bytes4[] memory refusals = _refusals();
        uint256[] memory refused = new uint256[](refusals.length);
        for (uint256 n = 0; n < WALKS; ++n) {
            RequestsWalk walk = new RequestsWalk();
            if (n == 0) (successes, nested) = (new uint256[](walk.ACTS()), new uint256[](walk.NESTED()));
            walkOn(RandomWalk(address(walk)), uint256(keccak256(abi.encode(seed, n))), steps);
            for (uint256 i = 0; i < successes.length; ++i) successes[i] += walk.successes(i);
            for (uint256 i = 0; i < nested.length; ++i) nested[i] += walk.nested(i);
            for (uint256 i = 0; i < refused.length; ++i) refused[i] += walk.refused(refusals[i]);
        }
        requireFloors(successes, FLOORS, steps, "act ");
        for (uint256 i = 0; i < refused.length; ++i) {
            requireTrue(refused[i] > 0 || steps < 500, string.concat("refusal ", decimal(i)));
        }
        requireFloors(nested, NESTED_FLOORS, steps, "inside a callback ");
    }

    /// @dev What may stop a call that is not malformed. Long walks meet each.
    function _refusals() private pure returns (bytes4[] memory refusals) {
        refusals = new bytes4[](12);
        refusals[0] = IInferenceRequests.WrongState.selector;
        refusals[1] = IInferenceRequests.RequestOver.selector;
        refusals[2] = IInferenceRequests.RequestNotOver.selector;
        refusals[3] = IInferenceRequests.NotAnAnswer.selector;
        refusals[4] = IInferenceRequests.WrongOutput.selector;
        refusals[5] = IInferenceRequests.AnswerTooLow.selector;
        refusals[6] = IInferenceRequests.NeverShown.selector;
        refusals[7] = IInferenceRequests.OtherClaim.selector;
        refusals[8] = IInferenceRequests.NotSettledYet.selector;
        refusals[9] = IInferenceRequests.NothingToRedeliver.selector;
        refusals[10] = IInferenceRequests.RedeliveryFailed.selector;
        refusals[11] = IInferenceRequests.RequestKnown.selector;
    }
}
