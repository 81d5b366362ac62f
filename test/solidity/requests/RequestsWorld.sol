// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IInferenceRequests} from "../../../contracts/interfaces/IInferenceRequests.sol";
import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Claim} from "../../../contracts/types/Claim.sol";
import {LeafState} from "../../../contracts/types/Leaf.sol";
import {Model} from "../../../contracts/types/Model.sol";
import {Request, RequestState} from "../../../contracts/types/Request.sol";
import {EvidenceKind, EvidenceRule, Status} from "../../../contracts/types/Status.sol";
import {requireEqual, requireTrue, vm} from "../Vm.sol";
import {OtherActs} from "../settlement/OtherActs.sol";
import {Batch, Ref} from "../settlement/World.sol";
import {WalkRequester} from "./WalkRequester.sol";

/// @dev A request, and what should have become of it.
struct Ask {
    Request request;
    bytes32 id;
    uint256 requester;
    uint256 policy;
    RequestState state;
    Status told; // what the last callback was about
    bool isUndelivered;
    bool isCertain; // since the delivery somebody vouched for the answer, or it had been shown before
    uint256 offer; // that was delivered
    uint256 deliveredAt;
    uint256[] offers;
}

/// @dev A claim about a request, at its place in a batch.
struct Offer {
    uint256 ask;
    Ref ref;
}

/// @notice The protocol of the other walk, with requesters, and requests that its dishonest operators answer, rightly
/// and wrongly; and what everybody is owed, kept by the rules of the specification and never read off the contract.
/// Honest operators stay out of it: they would have to be defended.
abstract contract RequestsWorld is OtherActs {
    uint256 internal constant REQUESTERS = 4;
    uint256 internal constant ASKED_POLICIES = 6; // the next is closed
    uint256 internal constant NONE = type(uint256).max;
    /// @dev No callback gets the gas of the whole run.
    uint256 internal constant CALL_GAS = 12_000_000;
    address internal constant ETHER = address(0);

    IInferenceRequests internal immutable REQUESTS;

    WalkRequester[] internal requesters;
    bytes32 internal immutable UNREGISTERED = EvidenceKind.tag(keccak256("nobody registered it"), ALL_KINDS);

    Ask[] internal asks;
    Offer[] internal offers;
    uint256[] internal unended; // asks that are open or delivered
    mapping(bytes32 requestId => uint256) internal askOf; // plus one
    mapping(bytes32 outputHash => bytes) internal outputOf;
    uint256 internal wanted = NONE; // what the next batch is to answer first

    mapping(uint256 ask => mapping(RequestState state => uint256)) internal tells;
    mapping(bytes4 refusal => uint256) public refused;

    uint64 private _nonce;

    constructor() {
        address registry = _deploy("ModelRegistry", abi.encode(MANAGER));
        REQUESTS = IInferenceRequests(_deploy("InferenceRequests", abi.encode(SETTLEMENT, registry)));
        for (uint256 i = 0; i < REQUESTERS; ++i) requesters.push(new WalkRequester(REQUESTS));
        for (uint256 i = 0; i < MODELS; ++i) models[i] = _register(IModelRegistry(registry), i);
        _addPolicy(EvidenceRule.Window, ALL_KINDS, 0, false, 4 hours, 0);
        SETTLEMENT.closePolicy(policyIds[ASKED_POLICIES]);
        for (uint256 i = HONEST * TOKENS; i < OPERATORS * TOKENS; ++i)
            _stake(i / TOKENS, tokens[i % TOKENS], 400 ether);
    }

    /// @dev The last model has an output scheme of its own.
    function _register(IModelRegistry registry, uint256 number) private returns (bytes32 modelId) {
        Model memory model;
        model.name = "model";
        model.version = uint32(number);
        model.specHash = keccak256("specification");
        model.outputScheme =
            number == MODELS - 1 ? keccak256("another scheme") : keccak256("meantime.output.keccak.v1");
        model.verificationKeyId = keccak256("key");
        model.measurement = keccak256("image");
        model.reexecutable = true;
        return registry.register(model);
    }

    function _nextNonce() internal returns (uint64) {
        return ++_nonce;
    }

    /* CLAIMS */

    /// @dev The other walk looks at statuses.
    function _observe(Ref memory) internal override {}

    /// @dev Where an open request asks for it, a claim answers that; and some answers are committed more than once.
    function _claimOf(
        uint256 operator,
        uint256 policy,
        uint256 model,
        bool isTrue
    ) internal override returns (Claim memory claim) {
        claim = super._claimOf(operator, policy, model, isTrue);
        (bool found, uint256 asked) = _askFor(operator, policy, claim.modelId);
        if (found) {
            Request storage request = asks[asked].request;
            (bool hasTwin, Claim memory twin) = _twinOf(asks[asked], operator, isTrue);
            if (hasTwin && _chance(50)) return twin;
            claim.modelId = request.modelId;
            claim.requester = request.requester;
            claim.requestId = asks[asked].id;
            claim.inputHash = request.inputHash;
        }
        bytes memory output =
            isTrue ? abi.encode("truth", claim.modelId, claim.inputHash) : abi.encode("lie", _below(type(uint256).max));
        claim.outputHash = keccak256(output);
        outputOf[claim.outputHash] = output;
    }

    function _askFor(uint256 operator, uint256 policy, bytes32 modelId) private returns (bool, uint256 asked) {
        if (wanted != NONE) {
            (asked, wanted) = (wanted, NONE);
            return (true, asked);
        }
        uint256 from = _below(1 + unended.length);
        for (uint256 n = 0; n < unended.length; ++n) {
            asked = unended[(from + n) % unended.length];
            Ask storage ask = asks[asked];
            bool isFor = ask.request.operator == address(0) || ask.request.operator == actors[operator];
            if (!isFor || ask.policy != policy || ask.state != RequestState.Open) continue;
            if (ask.request.modelId == modelId || _chance(30)) return (true, asked);
        }
        return (false, 0);
    }

    function _twinOf(Ask storage ask, uint256 operator, bool isTrue) private view returns (bool, Claim memory twin) {
        for (uint256 i = 0; i < ask.offers.length; ++i) {
            Ref storage ref = offers[ask.offers[i]].ref;
            Batch storage batch = batches[ref.batch];
            bool isMember = batch.lives[ref.index].isMember;
            if (isMember && batch.operator == operator && batch.lives[ref.index].isTrue == isTrue) {
                return (true, batch.claims[ref.index]);
            }
        }
        return (false, twin);
    }

    /// @dev Enters the claims of the last batch that are about requests.
    function _enterOffers() internal {
        Ref memory ref = Ref(batches.length - 1, 0);
        for (; ref.index < batches[ref.batch].claims.length; ++ref.index) {
            uint256 place = askOf[batches[ref.batch].claims[ref.index].requestId];
            if (place == 0) continue;
            asks[place - 1].offers.push(offers.length);
            Offer storage offer = offers.push();
            (offer.ask, offer.ref) = (place - 1, ref);
        }
    }

    function _claimAt(uint256 offer) internal view returns (Claim storage) {
        Ref storage ref = offers[offer].ref;
        return batches[ref.batch].claims[ref.index];
    }

    function _standing(uint256 offer) internal view returns (Status) {
        return _statusOf(offers[offer].ref);
    }

    function _isTerminal(Status status) internal pure returns (bool) {
        return status == Status.Final || status == Status.Rejected || status == Status.Voided;
    }

    /// @dev I-48 Evidence that is still believed, or the claim itself on chain. Where enclaves vouched for the claim
    /// alone their word counts, and not the one for its batch.
    function _isVouchedForOrShown(uint256 offer) internal view returns (bool) {
        Ref memory ref = offers[offer].ref;
        (LeafState state, uint8 kinds, uint40 acceptedAt, uint200 tag) = _leafOf(ref);
        if (state == LeafState.Revealed || kinds & (EvidenceKind.ZK | EvidenceKind.QUORUM) != 0) return true;
        if (kinds & EvidenceKind.TEE != 0) return _isBelieved(uint32(tag), acceptedAt);
        (, uint40 attestedAt, , , uint32 source, , , , , ) = SETTLEMENT.batchOf(batches[ref.batch].id);
        return attestedAt != 0 && _isBelieved(source, attestedAt);
    }

    /// @dev The enclave that alone vouches for a claim which was never shown.
    function _enclaveOf(uint256 offer) internal view returns (bool, uint32 source, uint40 acceptedAt) {
        Ref memory ref = offers[offer].ref;
        (LeafState state, uint8 kinds, uint40 provenAt, uint200 tag) = _leafOf(ref);
        if (state == LeafState.Revealed || kinds & ~EvidenceKind.TEE != 0) return (false, 0, 0);
        (source, acceptedAt) = (uint32(tag), provenAt);
        if (kinds == 0) (, acceptedAt, , , source, , , , , ) = SETTLEMENT.batchOf(batches[ref.batch].id);
        return (acceptedAt != 0 && TEE.compromisedSince(source) == 0, source, acceptedAt);
    }

    function _isBelieved(uint32 source, uint40 acceptedAt) private view returns (bool) {
        uint40 since = TEE.compromisedSince(source);
        return since == 0 || acceptedAt < since;
    }

    /* CALLS */

    /// @dev I-40 to I-48 as one table: the call succeeds when the specification lets it, and else fails as it says.
    function _expect(address caller, bytes memory data, uint256 valueWei, bytes4 refusal) internal {
        if (valueWei > 0) vm.deal(caller, caller.balance + valueWei);
        vm.prank(caller);
        (bool isDone, bytes memory result) = address(REQUESTS).call{gas: CALL_GAS, value: valueWei}(data);
        bytes4 actual = isDone || result.length < 4 ? bytes4(0) : bytes4(result);
        requireEqual(uint32(actual), uint32(refusal), "I-44 what a call failed with");
        requireTrue(isDone == (refusal == 0), "I-44 whether a call fails");
        if (refusal != 0) refused[refusal] += 1;
    }

    function _encode(bytes4 selector, uint256 ask, uint256 offer) internal view returns (bytes memory) {
        return _encodeWith(selector, asks[ask].request, offer, _claimAt(offer), _outputOf(offer));
    }

    function _encodeWith(
        bytes4 selector,
        Request memory request,
        uint256 offer,
        Claim memory claim,
        bytes memory output
    ) internal view returns (bytes memory) {
        Ref memory ref = offers[offer].ref;
        return
            abi.encodeWithSelector(selector, request, batches[ref.batch].header, claim, ref.index, _proof(ref), output);
    }

    function _outputOf(uint256 offer) internal view returns (bytes memory) {
        Claim storage claim = _claimAt(offer);
        return claim.modelId == models[MODELS - 1] ? abi.encode(claim.outputHash) : outputOf[claim.outputHash];
    }
}
