// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What Intel says of a platform's trusted computing base. The last two are found here, never stored.
enum TcbStatus {
    UpToDate,
    SwHardeningNeeded,
    ConfigurationNeeded,
    ConfigurationAndSwHardeningNeeded,
    OutOfDate,
    OutOfDateConfigurationNeeded,
    Revoked,
    TdRelaunchAdvised,
    TdRelaunchAdvisedConfigurationNeeded
}

/// @title How the statuses of a platform and of a part of it make one
/// @notice As Intel's quote verification library has it (`TcbLevelCheck`, `TdxModuleCheck`, `TDRelaunchCheck`).
library TcbStatuses {
    /// @notice The platform's status, lowered by that of its quoting enclave or TDX module.
    function converge(TcbStatus platform, TcbStatus part) internal pure returns (TcbStatus) {
        if (part == TcbStatus.Revoked) return TcbStatus.Revoked;
        if (part == TcbStatus.UpToDate) return platform;
        if (platform == TcbStatus.UpToDate || platform == TcbStatus.SwHardeningNeeded) return TcbStatus.OutOfDate;
        if (platform == TcbStatus.ConfigurationNeeded || platform == TcbStatus.ConfigurationAndSwHardeningNeeded) {
            return TcbStatus.OutOfDateConfigurationNeeded;
        }
        return platform;
    }

    function isConfigurationNeeded(TcbStatus status) internal pure returns (bool) {
        return
            status == TcbStatus.ConfigurationNeeded ||
            status == TcbStatus.ConfigurationAndSwHardeningNeeded ||
            status == TcbStatus.OutOfDateConfigurationNeeded;
    }

    function isOutOfDate(TcbStatus status) internal pure returns (bool) {
        return status == TcbStatus.OutOfDate || status == TcbStatus.OutOfDateConfigurationNeeded;
    }
}
