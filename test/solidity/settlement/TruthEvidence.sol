// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IBatchEvidence, IEvidence} from "../../../contracts/interfaces/IEvidence.sol";
import {BatchHeader} from "../../../contracts/types/Batch.sol";
import {Claim} from "../../../contracts/types/Claim.sol";

/// @notice What every model computes in these tests.
function truthOf(bytes32 modelId, bytes32 inputHash) pure returns (bytes32) {
    return keccak256(abi.encode("truth", modelId, inputHash));
}

/// @notice Evidence that exists for true claims alone, unless its source is rogue. Whoever runs the tests breaks its
/// means, revokes sources and marks them compromised. The evidence itself names beneficiary and source.
contract TruthEvidence is IBatchEvidence {
    mapping(bytes32 modelId => uint40) public faultedAt;
    mapping(bytes32 modelId => bool) public isBroken;
    mapping(uint32 source => uint40) public compromisedSince;
    mapping(uint32 source => bool) public isRogue;
    mapping(uint32 source => bool) public isRevoked;
    mapping(bytes32 batchId => mapping(uint32 source => bool)) public isSigned;

    function setBroken(bytes32 modelId, bool broken, uint40 since) external {
        isBroken[modelId] = broken;
        if (broken) faultedAt[modelId] = since;
    }

    function setFaulted(bytes32 modelId, uint40 since) external {
        faultedAt[modelId] = since;
    }

    function setRogue(uint32 source) external {
        isRogue[source] = true;
    }

    function markCompromised(uint32 source, uint40 since) external {
        isRevoked[source] = true;
        compromisedSince[source] = since;
    }

    function signBatch(bytes32 batchId, uint32 source) external {
        isSigned[batchId][source] = true;
    }

    /// @inheritdoc IEvidence
    function check(
        Claim calldata claim,
        bytes32,
        address beneficiary,
        bytes calldata evidence
    ) external view returns (bytes4 magic, uint32 source) {
        address bound;
        (bound, source) = abi.decode(evidence, (address, uint32));
        bool vouches = isRogue[source] || claim.outputHash == truthOf(claim.modelId, claim.inputHash);
        if (bound != beneficiary || isBroken[claim.modelId] || isRevoked[source] || !vouches) return (0, source);
        return (IEvidence.check.selector, source);
    }

    /// @inheritdoc IBatchEvidence
    function checkBatch(
        BatchHeader calldata header,
        bytes32 batchId,
        bytes calldata evidence
    ) external view returns (bytes4 magic, uint32 source) {
        source = abi.decode(evidence, (uint32));
        if (isBroken[header.modelId] || isRevoked[source] || !isSigned[batchId][source]) return (0, source);
        return (IBatchEvidence.checkBatch.selector, source);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return
            interfaceId == type(IBatchEvidence).interfaceId ||
            interfaceId == type(IEvidence).interfaceId ||
            interfaceId == type(IERC165).interfaceId;
    }
}
