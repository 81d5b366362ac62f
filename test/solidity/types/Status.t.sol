// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EvidenceKind, EvidenceRule} from "../../../contracts/types/Status.sol";
import {requireEqual, requireTrue} from "../Vm.sol";

contract StatusTest {
    /// R-08 The truth table of the six rules over the eight sets of kinds: bit k says that set k closes.
    function test_R_08_closesTruthTable() external pure {
        uint8[6] memory closing = [
            uint8(0), // Window: none
            0xcc, // Tee: every set with TEE
            0, // TeeThenWindow: none at once
            0xaa, // Zk: every set with ZK
            0x88, // TeeAndZk: every set with both
            0xee // TeeOrZk: every set with either
        ];
        for (uint8 rule = 0; rule < 6; ++rule) {
            for (uint8 kinds = 0; kinds < 8; ++kinds) {
                bool expected = (closing[rule] >> kinds) & 1 == 1;
                requireTrue(EvidenceKind.closes(EvidenceRule(rule), kinds) == expected, "closes");
            }
        }
    }

    /// R-08 Kinds unknown to the protocol never close, and never keep known ones from it.
    function testFuzz_R_08_unknownKindsCloseNothing(uint8 ruleSeed, uint8 kinds) external pure {
        EvidenceRule rule = EvidenceRule(ruleSeed % 6);
        requireTrue(EvidenceKind.closes(rule, kinds) == EvidenceKind.closes(rule, kinds & 3), "closes");
    }

    /// R-08 More evidence never closes less.
    function testFuzz_R_08_closesIsMonotonic(uint8 ruleSeed, uint8 kinds, uint8 more) external pure {
        EvidenceRule rule = EvidenceRule(ruleSeed % 6);
        if (EvidenceKind.closes(rule, kinds)) requireTrue(EvidenceKind.closes(rule, kinds | more), "monotonic");
    }

    function testFuzz_R_47_tagAndSharedAgree(
        bytes32 modelHash,
        bytes32 policyHash,
        uint8 model,
        uint8 policy
    ) external pure {
        bytes32 modelId = EvidenceKind.tag(modelHash, model);
        bytes32 policyId = EvidenceKind.tag(policyHash, policy);
        requireEqual(uint256(modelId) >> 8, uint256(modelHash) >> 8, "content");
        requireEqual(EvidenceKind.shared(modelId, policyId), model & policy, "shared kinds");
    }
}
