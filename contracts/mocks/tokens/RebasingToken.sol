// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Every balance is a share of a pool that grows and shrinks.
contract RebasingToken {
    uint256 public indexBps = 10_000;
    mapping(address account => uint256) private _shares;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    error Insufficient();

    function mint(address to, uint256 amountWei) external {
        _shares[to] += _toShares(amountWei);
    }

    function rebase(uint256 indexBps_) external {
        indexBps = indexBps_;
    }

    function approve(address spender, uint256 amountWei) external returns (bool) {
        allowance[msg.sender][spender] = amountWei;
        return true;
    }

    function transfer(address to, uint256 amountWei) external returns (bool) {
        _move(msg.sender, to, amountWei);
        return true;
    }

    function transferFrom(address from, address to, uint256 amountWei) external returns (bool) {
        if (allowance[from][msg.sender] < amountWei) revert Insufficient();
        allowance[from][msg.sender] -= amountWei;
        _move(from, to, amountWei);
        return true;
    }

    function balanceOf(address account) external view returns (uint256) {
        return (_shares[account] * indexBps) / 10_000;
    }

    function _move(address from, address to, uint256 amountWei) private {
        uint256 shares = _toShares(amountWei);
        if (_shares[from] < shares) revert Insufficient();
        _shares[from] -= shares;
        _shares[to] += shares;
    }

    function _toShares(uint256 amountWei) private view returns (uint256) {
        return (amountWei * 10_000) / indexBps;
    }
}
