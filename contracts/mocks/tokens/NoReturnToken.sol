// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Moves tokens and returns nothing, as USDT does.
contract NoReturnToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    error Insufficient();

    function mint(address to, uint256 amountWei) external {
        balanceOf[to] += amountWei;
    }

    function approve(address spender, uint256 amountWei) external {
        allowance[msg.sender][spender] = amountWei;
    }

    function transfer(address to, uint256 amountWei) external {
        _move(msg.sender, to, amountWei);
    }

    function transferFrom(address from, address to, uint256 amountWei) external {
        if (allowance[from][msg.sender] < amountWei) revert Insufficient();
        allowance[from][msg.sender] -= amountWei;
        _move(from, to, amountWei);
    }

    function _move(address from, address to, uint256 amountWei) private {
        if (balanceOf[from] < amountWei) revert Insufficient();
        balanceOf[from] -= amountWei;
        balanceOf[to] += amountWei;
    }
}
