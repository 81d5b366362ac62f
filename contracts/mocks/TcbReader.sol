// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {QeIdentity, QeIdentityHead} from "../enclave/intel/QeIdentity.sol";
import {PlatformTcb, TcbInfo, TcbInfoHead} from "../enclave/intel/TcbInfo.sol";
import {TcbStatus, TcbStatuses} from "../enclave/intel/TcbStatus.sol";

/// @notice Reads Intel's documents and finds levels in them without signatures, for tests.
contract TcbReader {
    function readTcbInfo(bytes calldata json) external pure returns (TcbInfoHead memory) {
        return TcbInfo.read(json);
    }

    function readQeIdentity(bytes calldata json) external pure returns (QeIdentityHead memory) {
        return QeIdentity.read(json);
    }

    /// @notice The status of a platform under a quoting enclave of this status.
    function statusOf(bytes calldata json, PlatformTcb memory tcb, TcbStatus qe) external pure returns (TcbStatus) {
        bytes memory packed = TcbInfo.read(json).packed;
        uint256 info;
        assembly ("memory-safe") {
            info := add(packed, 0x20)
        }
        return TcbStatuses.converge(TcbInfo.statusOf(info, tcb, qe == TcbStatus.UpToDate), qe);
    }
}
