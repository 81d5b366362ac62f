// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Model} from "../types/Model.sol";

/// @title Models
/// @notice Anybody registers a model; its id is the hash of its content, so nobody can occupy another's. A model brings
/// a verification key and a measurement, never code.
interface IModelRegistry {
    /// @notice A model was registered.
    event ModelRegistered(bytes32 indexed modelId, string name, uint32 version);
    /// @notice A model should take no new work. Open claims are untouched.
    event ModelRetired(bytes32 indexed modelId, uint40 retiredAt);

    /// @notice The model is registered already.
    error ModelKnown(bytes32 modelId);
    /// @notice The model was never registered.
    error ModelUnknown(bytes32 modelId);
    /// @notice The model was retired before.
    error ModelAlreadyRetired(bytes32 modelId);
    /// @notice The model has no name, no specification, or nothing that could prove it.
    error ModelIncomplete();

    /// @notice Registers a model.
    /// @return modelId Its content hash, the lowest byte replaced by the kinds of evidence it has.
    function register(Model calldata model) external returns (bytes32 modelId);

    /// @notice Marks a model as retired, for gateways and wallets to see. Restricted to the guardian.
    function retire(bytes32 modelId) external;

    /// @notice The entry of a model, when it was registered, and when retired (zero: not).
    function modelOf(bytes32 modelId) external view returns (Model memory model, uint40 registeredAt, uint40 retiredAt);

    /// @notice The verification key that proves the model. Zero: not registered or not provable.
    function verificationKeyOf(bytes32 modelId) external view returns (bytes32 keyId);

    /// @notice Whether running the model again gives the same output. False: not registered or not.
    function isReexecutable(bytes32 modelId) external view returns (bool);

    /// @notice How the model's outputs become an `outputHash`. Zero: not registered.
    function outputSchemeOf(bytes32 modelId) external view returns (bytes32 outputScheme);

    /// @notice The measurement of the enclave image that runs the model. Zero: not registered or none.
    function measurementOf(bytes32 modelId) external view returns (bytes32 measurement);
}
