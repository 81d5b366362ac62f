// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Bytes kept as the code of a contract
/// @notice Cheaper than storage from three words on, to write and to read. The code begins with STOP: it cannot be run.
library CodeBlob {
    /// @dev Returns the code that follows: PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN; then STOP.
    uint256 private constant CREATION_HEAD = 0x61000080600a5f395ff300;
    uint256 private constant LENGTH_SHIFT = 64;
    uint256 private constant MAX_BYTES = 24_575;

    /// @notice The bytes do not fit into the code of one contract.
    error BlobTooLong(uint256 lengthBytes);
    /// @notice The contract that was to hold the bytes could not be created.
    error BlobNotCreated();

    function write(bytes memory content) internal returns (address blob) {
        if (content.length > MAX_BYTES) revert BlobTooLong(content.length);
        bytes memory creation = bytes.concat(
            bytes11(uint88(CREATION_HEAD | ((content.length + 1) << LENGTH_SHIFT))),
            content
        );
        assembly ("memory-safe") {
            blob := create(0, add(creation, 0x20), mload(creation))
        }
        if (blob == address(0)) revert BlobNotCreated();
    }

    /// @notice The bytes of a blob; none at an address without code.
    function read(address blob) internal view returns (bytes memory content) {
        uint256 size = blob.code.length;
        if (size < 2) return content;
        content = new bytes(size - 1);
        assembly ("memory-safe") {
            extcodecopy(blob, add(content, 0x20), 1, sub(size, 1))
        }
    }
}
