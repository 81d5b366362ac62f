// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claim} from "../types/Claim.sol";

/// @notice The hashes of `docs/vectors/openai-hashing.json`, by the EVM.
contract HashingProbe {
    bytes32 private constant DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant INPUT_TAG = keccak256("meantime.input.openai.v1");
    bytes32 private constant OUTPUT_TAG = keccak256("meantime.output.openai.v1");
    bytes32 private constant SALT_TAG = keccak256("meantime.salt.openai.v1");

    function inputHashOf(bytes calldata input, bytes32 salt) external pure returns (bytes32) {
        return keccak256(bytes.concat(INPUT_TAG, salt, input));
    }

    function outputHashOf(bytes calldata output, bytes32 salt) external pure returns (bytes32) {
        return keccak256(bytes.concat(OUTPUT_TAG, keccak256(bytes.concat(SALT_TAG, salt)), output));
    }

    function claimIdOf(uint256 chainId, address settlement, Claim calldata claim) external pure returns (bytes32) {
        bytes32 separator = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("Meantime"), keccak256("1"), chainId, settlement)
        );
        return keccak256(bytes.concat(hex"1901", separator, claim.structHash()));
    }
}
