// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Leaf, LeafLib, LeafState} from "../../../contracts/types/Leaf.sol";
import {requireEqual, requireTrue} from "../Vm.sol";

contract LeafTest {
    uint8 private constant STATES = 7;

    function testFuzz_R_53_gettersReadTheirBits(
        uint8 stateSeed,
        uint8 kinds,
        uint40 deadline,
        uint200 tag
    ) external pure {
        uint8 state = stateSeed % STATES;
        Leaf leaf = Leaf.wrap(_pack(state, kinds, deadline, tag));
        requireEqual(uint8(leaf.state()), state, "state");
        requireEqual(leaf.kinds(), kinds, "kinds");
        requireEqual(leaf.deadline(), deadline, "deadline");
        requireEqual(leaf.tag(), tag, "tag");
        requireTrue(leaf.isZero() == (Leaf.unwrap(leaf) == 0), "zero");
    }

    /// R-53 Each setter changes its own field alone.
    function testFuzz_R_53_settersChangeTheirFieldAlone(
        uint8 stateSeed,
        uint8 kinds,
        uint40 deadline,
        uint200 tag,
        uint8 kinds2,
        uint40 deadline2,
        uint200 tag2,
        uint8 stateSeed2
    ) external pure {
        uint8 state = stateSeed % STATES;
        uint8 state2 = stateSeed2 % STATES;
        Leaf leaf = Leaf.wrap(_pack(state, kinds, deadline, tag));
        _requireEqual(leaf.enter(LeafState(state2), deadline2, tag2), _pack(state2, kinds, deadline2, tag2));
        _requireEqual(leaf.end(LeafState(state2)), _pack(state2, kinds, deadline, tag));
        _requireEqual(leaf.withKinds(kinds2), _pack(state, kinds2, deadline, tag));
        _requireEqual(leaf.withDeadline(deadline2), _pack(state, kinds, deadline2, tag));
    }

    /// R-03 A dispute is bound to claim and opener: the tag is 200 bits of their hash.
    function testFuzz_R_03_tagBindsClaimAndOpener(
        bytes32 claimId,
        address opener,
        bytes32 other,
        address stranger
    ) external pure {
        uint200 tag = LeafLib.tagOf(claimId, opener);
        uint256 mask = (1 << 200) - 1;
        requireEqual(tag, uint256(keccak256(abi.encode(claimId, opener))) & mask, "tag");
        if (other != claimId) requireTrue(LeafLib.tagOf(other, opener) != tag, "tag of another claim");
        if (stranger != opener) requireTrue(LeafLib.tagOf(claimId, stranger) != tag, "tag of another opener");
    }

    /// @dev The documented layout, written a second time.
    function _pack(uint8 state, uint8 kinds, uint40 deadline, uint200 tag) private pure returns (uint256) {
        return uint256(bytes32(abi.encodePacked(tag, deadline, kinds, state)));
    }

    function _requireEqual(Leaf leaf, uint256 expected) private pure {
        requireEqual(Leaf.unwrap(leaf), expected, "leaf");
    }
}
