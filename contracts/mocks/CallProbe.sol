// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Makes many calls in one, each as if it were the only one, and says how each ended and what it cost.
contract CallProbe {
    uint256 private constant GAS_PER_CALL = 15_000_000;
    bytes4 private constant NO_REASON = 0xffffffff;

    /// @notice The call succeeded. What it did is undone.
    error Done();

    /// @param ending What all calls end with.
    /// @return refusals The first four octets of each call's error; zero: it succeeded; all ones: it gave no reason.
    /// @return gasUsed What each call used, without its calldata.
    function outcomesOf(
        address target,
        bytes[] calldata calls,
        bytes calldata ending
    ) external returns (bytes4[] memory refusals, uint256[] memory gasUsed) {
        refusals = new bytes4[](calls.length);
        gasUsed = new uint256[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            bytes memory call = abi.encodeCall(this.attempt, (target, bytes.concat(calls[i], ending)));
            uint256 before = gasleft();
            (, bytes memory reason) = address(this).call(call);
            gasUsed[i] = before - gasleft();
            refusals[i] = reason.length < 4 ? NO_REASON : bytes4(reason);
            if (refusals[i] == Done.selector) refusals[i] = 0;
        }
    }

    /// @notice Always reverts: with `Done` where the call succeeds, as the call does where it fails.
    function attempt(address target, bytes calldata data) external {
        (bool succeeded, bytes memory result) = target.call{gas: GAS_PER_CALL}(data);
        if (succeeded) revert Done();
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }
}
