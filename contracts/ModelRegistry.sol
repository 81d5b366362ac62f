// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {Model} from "./types/Model.sol";

/// @title ModelRegistry
contract ModelRegistry is IModelRegistry, AccessManaged {
    struct Entry {
        Model model;
        uint40 registeredAt;
        uint40 retiredAt;
    }

    mapping(bytes32 modelId => Entry) private _entries;

    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc IModelRegistry
    function register(Model calldata model) external returns (bytes32 modelId) {
        if (bytes(model.name).length == 0 || model.specHash == 0 || model.kinds() == 0) revert ModelIncomplete();
        modelId = model.id();
        Entry storage entry = _entries[modelId];
        if (entry.registeredAt != 0) revert ModelKnown(modelId);

        entry.model = model;
        entry.registeredAt = uint40(block.timestamp);
        emit ModelRegistered(modelId, model.name, model.version);
    }

    /// @inheritdoc IModelRegistry
    function retire(bytes32 modelId) external restricted {
        Entry storage entry = _entries[modelId];
        if (entry.registeredAt == 0) revert ModelUnknown(modelId);
        if (entry.retiredAt != 0) revert ModelAlreadyRetired(modelId);

        entry.retiredAt = uint40(block.timestamp);
        emit ModelRetired(modelId, entry.retiredAt);
    }

    /// @inheritdoc IModelRegistry
    function modelOf(
        bytes32 modelId
    ) external view returns (Model memory model, uint40 registeredAt, uint40 retiredAt) {
        Entry storage entry = _entries[modelId];
        return (entry.model, entry.registeredAt, entry.retiredAt);
    }

    /// @inheritdoc IModelRegistry
    function verificationKeyOf(bytes32 modelId) external view returns (bytes32 keyId) {
        return _entries[modelId].model.verificationKeyId;
    }

    /// @inheritdoc IModelRegistry
    function isReexecutable(bytes32 modelId) external view returns (bool) {
        return _entries[modelId].model.reexecutable;
    }

    /// @inheritdoc IModelRegistry
    function outputSchemeOf(bytes32 modelId) external view returns (bytes32 outputScheme) {
        return _entries[modelId].model.outputScheme;
    }

    /// @inheritdoc IModelRegistry
    function measurementOf(bytes32 modelId) external view returns (bytes32 measurement) {
        return _entries[modelId].model.measurement;
    }
}
