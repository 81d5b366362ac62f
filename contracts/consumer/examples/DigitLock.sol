// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISettlement} from "../../interfaces/ISettlement.sol";
import {BatchHeader} from "../../types/Batch.sol";
import {Claim} from "../../types/Claim.sol";
import {Status} from "../../types/Status.sol";
import {InferenceConsumer} from "../InferenceConsumer.sol";

/// @title A lock that opens for whoever drew the right digit, once that is final
contract DigitLock is InferenceConsumer {
    bytes32 public immutable LABEL;
    address public openedBy;

    error WrongDigit(bytes32 label);

    constructor(ISettlement s, bytes32 model, bytes32 policy, uint8 digit) InferenceConsumer(s, model, policy) {
        LABEL = bytes32(uint256(digit));
    }

    function open(BatchHeader calldata h, Claim calldata c, uint256 index, bytes32[] calldata proof) external {
        _requireInference(h, c, index, proof, Status.Final);
        if (c.outputHash != LABEL) revert WrongDigit(c.outputHash);
        openedBy = c.requester;
    }
}
