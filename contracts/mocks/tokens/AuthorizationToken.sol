// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @notice A token with EIP-3009's authorisations. It logs what the EIP's reference implementation does, in its order.
contract AuthorizationToken is ERC20, EIP712 {
    /// @notice A transfer that its payer signed. Whoever has the signature may send it.
    struct Authorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,"
        "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");

    mapping(address authorizer => mapping(bytes32 nonce => bool)) public authorizationState;

    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    error AuthorizationSpent(address authorizer, bytes32 nonce);
    error OutsideValidity(uint256 validAfter, uint256 validBefore);
    error WrongSigner(address signer, address authorizer);

    constructor(
        string memory name,
        string memory symbol,
        string memory version
    ) ERC20(name, symbol) EIP712(name, version) {}

    function mint(address to, uint256 amountWei) external {
        _mint(to, amountWei);
    }

    function transferWithAuthorization(Authorization memory given, bytes calldata signature) public {
        if (block.timestamp <= given.validAfter || block.timestamp >= given.validBefore) {
            revert OutsideValidity(given.validAfter, given.validBefore);
        }
        _spend(given.from, given.nonce, keccak256(abi.encode(TRANSFER_TYPEHASH, given)), signature);
        emit AuthorizationUsed(given.from, given.nonce);
        _transfer(given.from, given.to, given.value);
    }

    /// @notice Several in one transaction, as a wallet that batches calls would send them.
    function transferAllWithAuthorization(Authorization[] calldata given, bytes[] calldata signatures) external {
        for (uint256 i = 0; i < given.length; i++) transferWithAuthorization(given[i], signatures[i]);
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external {
        _spend(authorizer, nonce, keccak256(abi.encode(CANCEL_TYPEHASH, authorizer, nonce)), signature);
        emit AuthorizationCanceled(authorizer, nonce);
    }

    function _spend(address authorizer, bytes32 nonce, bytes32 structHash, bytes calldata signature) private {
        if (authorizationState[authorizer][nonce]) revert AuthorizationSpent(authorizer, nonce);
        address signer = ECDSA.recover(_hashTypedDataV4(structHash), signature);
        if (signer != authorizer) revert WrongSigner(signer, authorizer);
        authorizationState[authorizer][nonce] = true;
    }
}
