// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Calls a contract many times with one calldata, each time changed in one word, and says which calls succeed.
contract HintProbe {
    struct Mutation {
        uint256 offset;
        bytes32 mask;
    }

    uint256 private constant GAS_PER_CALL = 2_000_000;

    function accepted(
        address target,
        bytes calldata input,
        Mutation[] calldata mutations
    ) external view returns (uint256[] memory indices) {
        indices = new uint256[](mutations.length);
        // Room for a mask that reaches over the end.
        bytes memory data = bytes.concat(input, bytes32(0));
        uint256 count;
        for (uint256 i = 0; i < mutations.length; i++) {
            _mutate(data, mutations[i]);
            bool done;
            assembly {
                done := staticcall(GAS_PER_CALL, target, add(data, 32), input.length, 0, 0)
            }
            if (done) indices[count++] = i;
            _mutate(data, mutations[i]);
        }
        assembly {
            mstore(indices, count)
        }
    }

    function _mutate(bytes memory data, Mutation calldata mutation) private pure {
        uint256 place = 32 + mutation.offset;
        bytes32 mask = mutation.mask;
        assembly {
            mstore(add(data, place), xor(mload(add(data, place)), mask))
        }
    }
}
