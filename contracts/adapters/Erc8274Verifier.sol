// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";
import {Status} from "../types/Status.sol";
import {IProofVerifier} from "./IErc8274.sol";
import {SettledProof} from "./SettledProof.sol";

/// @title Settled claims, for whoever speaks ERC-8274
/// @notice Follows the draft at the commit that `IErc8274.sol` names.
///
/// - `inputHash` and `outputHash` are the claim's, by the schemes that the model names.
/// - `metadata` is `abi.encode(modelId, policyId, minStatus)`. `minStatus` is from `Committed` to `Final`; take
///   `Final` unless a lower status can be undone: what holds at a lower one today may not tomorrow.
/// - `proof` is `abi.encode(header, claim, index, merkleProof)`.
///
/// A proof that does not hold, or is not one, is answered by `false`. Metadata that is none reverts: it is a mistake
/// of whoever deployed the caller, and no statement about an inference.
contract Erc8274Verifier is IProofVerifier, IERC165 {
    string private constant PROOF_SYSTEM = "op/meantime";

    /// @notice Where claims settle.
    ISettlement public immutable SETTLEMENT;

    /// @notice The metadata is not `abi.encode(modelId, policyId, minStatus)`.
    error BadMetadata();

    constructor(ISettlement settlement) {
        SETTLEMENT = settlement;
    }

    /// @inheritdoc IProofVerifier
    /// @dev Reverts, and is never false, when there is too little gas.
    function verify(
        bytes32 inputHash,
        bytes32 outputHash,
        bytes calldata metadata,
        bytes calldata proof
    ) external view returns (bool) {
        (bytes32 modelId, bytes32 policyId, Status minStatus) = _decode(metadata);
        if (!SettledProof.isWellFormed(proof)) return false;

        (BatchHeader calldata header, Claim calldata claim, uint256 index, bytes32[] calldata siblings) = SettledProof
            .decode(proof);
        if (
            claim.modelId != modelId ||
            claim.policyId != policyId ||
            claim.inputHash != inputHash ||
            claim.outputHash != outputHash
        ) return false;
        Status status = SETTLEMENT.statusOf(header, claim, index, siblings);
        return status >= minStatus && status <= Status.Final;
    }

    /// @inheritdoc IProofVerifier
    /// @dev "op": correct unless somebody has challenged it in time. Evidence can make it more than that; the policy
    /// says.
    function proofSystem() external pure returns (string memory) {
        return PROOF_SYSTEM;
    }

    /// @inheritdoc IProofVerifier
    function proofProfile() external view returns (bytes32) {
        bytes32 salt = keccak256(abi.encode(block.chainid, SETTLEMENT));
        return keccak256(abi.encodePacked(PROOF_SYSTEM, salt));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IProofVerifier).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    function _decode(
        bytes calldata metadata
    ) private pure returns (bytes32 modelId, bytes32 policyId, Status minStatus) {
        if (metadata.length != 96) revert BadMetadata();
        uint256 level = uint256(bytes32(metadata[64:96]));
        if (level == uint8(Status.Unknown) || level > uint8(Status.Final)) revert BadMetadata();
        return (bytes32(metadata[0:32]), bytes32(metadata[32:64]), Status(level));
    }
}
