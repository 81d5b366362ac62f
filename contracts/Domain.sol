// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// @title The EIP-712 domain of claims and batches
/// @notice Name `Meantime`, version `1`, this chain, this contract. Should the chain split, the side with the new chain
/// id gets new ids: nothing signed for one side means anything on the other.
abstract contract Domain {
    bytes32 private constant TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );

    uint256 private immutable CHAIN_ID = block.chainid;
    bytes32 private immutable SEPARATOR = _separator();

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        bytes32 separator = block.chainid == CHAIN_ID ? SEPARATOR : _separator();
        return MessageHashUtils.toTypedDataHash(separator, structHash);
    }

    function _separator() private view returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, keccak256("Meantime"), keccak256("1"), block.chainid, address(this)));
    }
}
