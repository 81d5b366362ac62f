// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IP384
/// @notice ECDSA signatures over NIST P-384, checked with the help of hints that nobody has to trust.
interface IP384 {
    /// @notice What is to be judged has to have 240 bytes.
    error BadLength(uint256 length);
    /// @notice The public key is no point of the curve with coordinates below p.
    error BadKey();
    /// @notice r or s is not between 0 and the order, or the hints prove another signature.
    error BadSignature();
    /// @notice The hints are wrong at this offset of the calldata (0: as a whole). An invalid signature has only wrong
    /// ones.
    error BadHint(uint256 offset);

    /// @notice Returns if the signature is valid; reverts with one of the errors above otherwise. High s is accepted,
    /// as ECDSA has it: a signature has two forms, so its bytes identify nothing.
    /// @param signed digest | r | s | x of the key | y of the key, 48 bytes each, big endian.
    /// @param hints As `p384Hints` of the SDK makes them, about 17,000 bytes.
    function verify(bytes calldata signed, bytes calldata hints) external view;
}
