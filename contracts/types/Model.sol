// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EvidenceKind} from "./Status.sol";

/// @notice An immutable, versioned model entry, named by the hash of its content.
struct Model {
    string name;
    uint32 version;
    bytes32 specHash; // keccak256 of the canonical JSON of the model's specification, weights included
    bytes32 inputScheme; // how an input becomes `inputHash`
    bytes32 outputScheme; // how an output becomes `outputHash`
    bytes32 verificationKeyId; // of the circuit that proves it; zero: not provable
    bytes32 measurement; // of the enclave image that runs it; zero: none
    bool reexecutable; // running it again gives the same output: a committee of re-executors can vouch for it
}

library ModelLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Model(string name,uint32 version,bytes32 specHash,bytes32 inputScheme,bytes32 outputScheme,"
        "bytes32 verificationKeyId,bytes32 measurement,bool reexecutable)"
    );

    /// @notice The kinds of evidence that can prove a claim about the model.
    function kinds(Model calldata model) internal pure returns (uint8) {
        uint8 zk = model.verificationKeyId == 0 ? 0 : EvidenceKind.ZK;
        uint8 tee = model.measurement == 0 ? 0 : EvidenceKind.TEE;
        uint8 quorum = model.reexecutable ? EvidenceKind.QUORUM : 0;
        return zk | tee | quorum;
    }

    /// @notice The model id: the content hash, its lowest byte replaced by `kinds`.
    function id(Model calldata model) internal pure returns (bytes32) {
        bytes32 contentHash = keccak256(
            abi.encode(
                TYPEHASH,
                keccak256(bytes(model.name)),
                model.version,
                model.specHash,
                model.inputScheme,
                model.outputScheme,
                model.verificationKeyId,
                model.measurement,
                model.reexecutable
            )
        );
        return EvidenceKind.tag(contentHash, kinds(model));
    }
}

using ModelLib for Model global;
