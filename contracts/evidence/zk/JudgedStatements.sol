// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TransientSlot} from "@openzeppelin/contracts/utils/TransientSlot.sol";

/// @title JudgedStatements
/// @notice Statements that were proven in this transaction, in transient storage (EIP-1153).
/// @dev What is remembered is a truth about a key, and names whom it pays: it does no harm in whoever's hands, so it is
/// not cleared before the transaction ends.
abstract contract JudgedStatements {
    using TransientSlot for *;

    function _remember(bytes32 keyId, bytes32 inputHash, bytes32 outputHash, uint256 ctx) internal {
        _slotOf(keyId, inputHash, outputHash, ctx).asBoolean().tstore(true);
    }

    function _isRemembered(
        bytes32 keyId,
        bytes32 inputHash,
        bytes32 outputHash,
        uint256 ctx
    ) internal view returns (bool) {
        return _slotOf(keyId, inputHash, outputHash, ctx).asBoolean().tload();
    }

    function _slotOf(bytes32 keyId, bytes32 inputHash, bytes32 outputHash, uint256 ctx) private pure returns (bytes32) {
        return keccak256(abi.encode(keyId, inputHash, outputHash, ctx));
    }
}
