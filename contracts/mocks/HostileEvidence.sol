// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IBatchEvidence, IEvidence} from "../interfaces/IEvidence.sol";
import {BatchHeader} from "../types/Batch.sol";
import {Claim} from "../types/Claim.sol";

/// @title Evidence that does what it is told
/// @notice For tests: a checker that answers with nonsense, too much or nothing, or that calls its caller back.
contract HostileEvidence is IBatchEvidence {
    enum Act {
        Accept,
        WrongMagic,
        DirtyMagic, // the right four bytes, and one more
        DirtySource, // a source beyond 32 bits
        NoData,
        HalfData, // the magic alone
        HugeData,
        Revert,
        HugeRevert,
        BurnGas,
        Reenter, // accepts if and only if the stored call succeeds
        Peek // accepts if and only if the stored call returns the stored word
    }

    uint256 private constant HUGE_BYTES = 1_000_000;
    uint256 private constant REENTRY_GAS = 1_000_000;

    Act private _act;
    uint40 private _faultedAt;
    uint40 private _compromisedSince;
    uint32 private _source;
    address private _target;
    bytes private _call;
    bytes32 private _expected;

    /// @notice The call failed.
    error CallFailed();

    receive() external payable {}

    function setAct(Act act) external {
        _act = act;
    }

    function setCall(address target, bytes calldata call_, bytes32 expected) external {
        (_target, _call, _expected) = (target, call_, expected);
    }

    function setClaims(uint40 faultedAt_, uint40 compromisedSince_, uint32 source) external {
        (_faultedAt, _compromisedSince, _source) = (faultedAt_, compromisedSince_, source);
    }

    /// @notice Makes a call of its own, outside of any check.
    function execute(address target, bytes calldata call_) external payable {
        (bool done, ) = target.call{value: msg.value}(call_);
        if (!done) revert CallFailed();
    }

    /// @inheritdoc IEvidence
    function check(
        Claim calldata,
        bytes32,
        address,
        bytes calldata
    ) external view returns (bytes4 magic, uint32 source) {
        return (_perform(IEvidence.check.selector), _source);
    }

    /// @inheritdoc IBatchEvidence
    function checkBatch(
        BatchHeader calldata,
        bytes32,
        bytes calldata
    ) external view returns (bytes4 magic, uint32 source) {
        return (_perform(IBatchEvidence.checkBatch.selector), _source);
    }

    /// @inheritdoc IEvidence
    function faultedAt(bytes32) external view returns (uint40) {
        return _faultedAt;
    }

    /// @inheritdoc IEvidence
    function compromisedSince(uint32) external view returns (uint40) {
        return _compromisedSince;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId != 0xffffffff;
    }

    function _perform(bytes4 magic) private view returns (bytes4) {
        Act act = _act;
        if (act == Act.Accept) return magic;
        if (act == Act.WrongMagic) return magic ^ 0x00000001;
        if (act == Act.DirtyMagic) _return(uint256(bytes32(magic)) | 1, 1, 64);
        if (act == Act.DirtySource) _return(uint256(bytes32(magic)), 1 << 32, 64);
        if (act == Act.NoData) _return(0, 0, 0);
        if (act == Act.HalfData) _return(uint256(bytes32(magic)), 0, 32);
        if (act == Act.HugeData) _return(0, 0, HUGE_BYTES);
        if (act == Act.Revert) revert CallFailed();
        if (act == Act.HugeRevert) _revertHuge();
        if (act == Act.BurnGas) _burnGas();
        if (act == Act.Reenter) return _asView(_reenter)() ? magic : bytes4(0);
        return _seesWhatItShould() ? magic : bytes4(0);
    }

    /// @dev A CALL: only the caller's STATICCALL stands in its way.
    function _reenter() private returns (bool done) {
        bytes memory call_ = _call;
        address target = _target;
        assembly ("memory-safe") {
            done := call(REENTRY_GAS, target, 0, add(call_, 0x20), mload(call_), 0x00, 0x00)
        }
    }

    /// @dev The compiler would not let a view function make a call that writes.
    function _asView(function() returns (bool) writing) private pure returns (function() view returns (bool) viewing) {
        assembly ("memory-safe") {
            viewing := writing
        }
    }

    function _seesWhatItShould() private view returns (bool) {
        (bool done, bytes memory data) = _target.staticcall(_call);
        return done && data.length >= 32 && bytes32(data) == _expected;
    }

    function _return(uint256 first, uint256 second, uint256 lengthBytes) private pure {
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, first)
            mstore(add(data, 0x20), second)
            return(data, lengthBytes)
        }
    }

    function _revertHuge() private pure {
        assembly ("memory-safe") {
            revert(mload(0x40), HUGE_BYTES)
        }
    }

    function _burnGas() private pure {
        assembly ("memory-safe") {
            invalid()
        }
    }
}
