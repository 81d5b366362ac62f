// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status} from "../types/Status.sol";

/// @title A contract that is told how its request went
/// @notice Implementations must check that the caller is the requests contract they trust. They are called with the
/// gas limit of their request, and what they return is not read. No money and nobody else waits for them: a call
/// that fails is noted and can be made again by anybody, and what they are told can be read from the contracts at
/// any time.
interface IInferenceConsumer {
    /// @notice A request was answered, or its answer came to an end. At most one call succeeds for each state that the
    /// request comes to.
    /// @param requestId The request.
    /// @param status Where the claim stands: from the request's `minStatus` to `Proven` when it is delivered;
    /// `Final`, or `Rejected` or `Voided`, when it is settled. A claim that is `Final` when it is delivered makes
    /// one call. Statuses below `Final` can still be taken back.
    /// @param outputHash The claimed output, by the model's output scheme.
    /// @param output The bytes behind it.
    function onInference(bytes32 requestId, Status status, bytes32 outputHash, bytes calldata output) external;
}
