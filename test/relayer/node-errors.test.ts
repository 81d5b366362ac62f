// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { connectRpc, type Rpc } from "../../relayer/src/chain/rpc.ts";
import { classifyNodeError, type NodeErrorKind } from "../../relayer/src/tx/node-errors.ts";
import { hasAnvil, startAnvil } from "../../scripts/stack/anvil.ts";
import { type LocalChain, startChain } from "../../scripts/stack/chain.ts";
import { localKey } from "../../scripts/stack/operators.ts";

const GWEI = 10n ** 9n;
const RECIPIENT = localKey(19).address;
/** A creation whose code reverts with the four bytes 0xdeadbeef. */
const REVERTS_WITH_DATA = "0x63deadbeef6000526004601cfd";
const CREATION_WITHOUT_END = "0x5b600056";

const NODES: readonly [string, () => Promise<LocalChain>, boolean][] = [
  ["Hardhat", () => startChain(), true],
  ["Anvil", () => startAnvil(), hasAnvil()],
];

for (const [name, start, isThere] of NODES) {
  describe(`errors of a real ${name} node`, { skip: isThere ? false : `${name} is not installed` }, () => {
    let chain: LocalChain;
    let rpc: Rpc;

    before(async () => {
      chain = await start();
      rpc = connectRpc(chain.url, 31_337);
    });

    after(async () => {
      rpc?.destroy();
      await chain?.close();
    });

    it("tells why a transaction is refused", async () => {
      await send(1, {});
      await refused("nonceTooLow", 1, {});
      await refused("gasLimitTooHigh", 2, { gasLimit: 16_777_217n });
      await refused("gasLimitTooHigh", 2, { gasLimit: 100_000_000n });
      await refused("intrinsicGasTooLow", 2, { gasLimit: 20_000n });
      await refused("feeCapBelowBaseFee", 2, { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n });
      await refused("insufficientFunds", 2, { value: 10n ** 30n });
      await refused("wrongChainId", 2, { chainId: 1 });
    });

    it("tells a known transaction from one that offers too little to replace it", async () => {
      await rpc.send("evm_setAutomine", [false]);
      await send(3, {});
      await refused("alreadyKnown", 3, {});
      await refused("replacementUnderpriced", 3, { value: 2n });
      await rpc.send("evm_setAutomine", [true]);
    });

    if (name === "Hardhat") {
      it("tells a nonce that is too high where nothing is queued", () =>
        refused("nonceTooHigh", 4, { nonce: 50 }));
    }

    it("keeps what a reverted call returned", async () => {
      const from = localKey(5).address;
      for (const method of ["eth_call", "eth_estimateGas"]) {
        const error = await errorOf(rpc.send(method, [{ from, data: REVERTS_WITH_DATA }, "latest"]));
        assert.deepEqual(
          [classifyNodeError(error).kind, classifyNodeError(error).data],
          ["reverted", "0xdeadbeef"],
        );
      }
    });

    it("tells a call without end, a block that is not there, and a method that is not there", async () => {
      const from = localKey(5).address;
      await fails("outOfGas", "eth_estimateGas", [{ from, data: CREATION_WITHOUT_END }]);
      await failsRaw("headerNotFound", "eth_call", [{ to: RECIPIENT }, "0xffff"]);
      await failsRaw("headerNotFound", "eth_getTransactionCount", [RECIPIENT, "0xffff"]);
      await failsRaw("headerNotFound", "eth_getLogs", [{ blockHash: `0x${"11".repeat(32)}` }]);
      await failsRaw("methodMissing", "eth_noSuchMethod", []);
    });

    async function send(account: number, change: object): Promise<unknown> {
      const signed = await localKey(account).signTransaction({
        ...{ type: 2, chainId: 31_337, nonce: 0, to: RECIPIENT, value: 1n, gasLimit: 21_000n },
        ...{ maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI },
        ...change,
      });
      return rpc.send("eth_sendRawTransaction", [signed]);
    }

    async function refused(kind: NodeErrorKind, account: number, change: object): Promise<void> {
      const error = await errorOf(send(account, change));
      assert.equal(classifyNodeError(error).kind, kind, String(error));
    }

    async function fails(kind: NodeErrorKind, method: string, parameters: unknown[]): Promise<void> {
      const error = await errorOf(rpc.send(method, parameters));
      assert.equal(classifyNodeError(error).kind, kind, String(error));
    }

    /** Past the client, which would ask again. */
    async function failsRaw(kind: NodeErrorKind, method: string, parameters: unknown[]): Promise<void> {
      const response = await fetch(chain.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: parameters }),
      });
      const { error } = (await response.json()) as { error?: unknown };
      assert.equal(classifyNodeError(error).kind, kind, JSON.stringify(error));
    }
  });
}

describe("wordings of other nodes", () => {
  // Each with the file that it stands in, in the client's repository.
  const RECORDED: readonly [NodeErrorKind, number, string][] = [
    // go-ethereum: core/error.go
    ["nonceTooLow", -32_000, "nonce too low: next nonce 5, tx nonce 4"],
    ["nonceTooHigh", -32_000, "nonce too high"],
    ["insufficientFunds", -32_000, "insufficient funds for gas * price + value: balance 0, tx cost 21000"],
    ["insufficientFunds", -32_000, "insufficient funds for transfer"],
    ["intrinsicGasTooLow", -32_000, "intrinsic gas too low: gas 20000, minimum needed 21000"],
    [
      "intrinsicGasTooLow",
      -32_000,
      "insufficient gas for floor data gas cost: gas 22000, minimum needed 22600",
    ],
    ["gasLimitTooHigh", -32_000, "transaction gas limit too high (cap: 16777216, tx: 16777217)"],
    [
      "feeCapBelowBaseFee",
      -32_000,
      "max fee per gas less than block base fee: address 0x0, maxFeePerGas: 1, baseFee: 7",
    ],
    ["blobFeeCapBelowBlobBaseFee", -32_000, "max fee per blob gas less than block blob gas fee"],
    ["blobRefused", -32_000, "blob transaction missing blob hashes"],
    ["blobRefused", -32_000, "blob transaction has too many blobs (have 7, max 6)"],
    // go-ethereum: core/txpool/errors.go, core/txpool/validation.go
    ["senderReserved", -32_000, "address already reserved"],
    ["blobRefused", -32_000, "missing sidecar in blob transaction"],
    ["blobRefused", -32_000, "unexpected sidecar version, want: 1, got: 0"],
    ["blobRefused", -32_000, "invalid number of 1 blobs compared to 2 blob hashes"],
    [
      "replacementUnderpriced",
      -32_000,
      "replacement transaction underpriced: new tx gas blob fee cap 2 < 1 queued + 100% replacement penalty",
    ],
    ["alreadyKnown", -32_000, "already known"],
    ["underpriced", -32_000, "transaction underpriced: gas tip cap 0, minimum needed 1"],
    [
      "replacementUnderpriced",
      -32_000,
      "replacement transaction underpriced: new tx gas fee cap 1 < 2 queued",
    ],
    ["gasLimitTooHigh", -32_000, "exceeds block gas limit"],
    // go-ethereum: core/txpool/legacypool/legacypool.go
    ["poolFull", -32_000, "txpool is full"],
    // go-ethereum: internal/ethapi/errors.go, rpc/errors.go, rpc/http.go
    ["reverted", 3, "execution reverted: insufficient funds"],
    ["methodMissing", -32_601, "the method eth_foo does not exist/is not available"],
    ["headerNotFound", -32_000, "header not found"],
    ["headerNotFound", -32_000, "missing trie node 5a4f (path ) state 0x5a4f is not available"],
    ["timeout", -32_002, "request timed out"],
    ["outOfGas", -32_000, "gas required exceeds allowance (30000000)"],
    // erigon: txnprovider/txpool/txpoolcfg/txpoolcfg.go
    ["replacementUnderpriced", -32_000, "INTERNAL_ERROR: could not replace existing tx"],
    ["alreadyKnown", -32_000, "existing tx with same hash"],
    ["alreadyKnown", -32_000, "existing txn with same hash"],
    ["underpriced", -32_000, "fee too low"],
    ["poolFull", -32_000, "pending sub-pool is full"],
    ["poolFull", -32_000, "baseFee sub-pool is full"],
    ["intrinsicGasTooLow", -32_000, "IntrinsicGas"],
    ["insufficientFunds", -32_000, "insufficient funds"],
    // nethermind: Nethermind.TxPool/AcceptTxResult.cs
    ["alreadyKnown", -32_010, "AlreadyKnown"],
    ["replacementUnderpriced", -32_010, "FeeTooLowToCompete"],
    ["underpriced", -32_010, "FeeTooLow, EffectivePriorityFeePerGas too low 0 < 1"],
    ["gasLimitTooHigh", -32_010, "GasLimitExceeded, Gas limit: 30000000, gas limit of rejected tx: 40000000"],
    ["nonceTooLow", -32_010, "OldNonce, Current nonce: 5, nonce of rejected tx: 4"],
    ["nonceTooHigh", -32_010, "NonceGap, Future nonce. Expected nonce: 5"],
    ["insufficientFunds", -32_010, "InsufficientFunds, Account balance: 0, cumulative cost: 1"],
    // nethermind: Nethermind.TxPool/TxPoolErrorMessages.cs
    ["gasLimitTooHigh", -32_010, "gas limit reached"],
    // besu: ethereum/api/.../jsonrpc/internal/response/RpcErrorType.java
    ["nonceTooLow", -32_001, "Nonce too low"],
    ["intrinsicGasTooLow", -32_003, "Intrinsic gas exceeds gas limit"],
    ["insufficientFunds", -32_004, "Upfront cost exceeds account balance"],
    ["gasLimitTooHigh", -32_005, "Transaction gas limit exceeds block gas limit"],
    ["tooManyResults", -32_005, "Requested range exceeds maximum RPC range limit"],
    ["nonceTooHigh", -32_006, "Nonce too high"],
    ["underpriced", -32_009, "Gas price below configured minimum gas price"],
    ["feeCapBelowBaseFee", -32_009, "Gas price below current base fee"],
    // erigon: txnprovider/txpool/txpoolcfg/txpoolcfg.go
    ["blobRefused", -32_000, "INVALID: KZGcommitments must match the corresponding blobs and proofs"],
    // reth: crates/transaction-pool/src/error.rs
    ["blobRefused", -32_003, "unexpected eip-4844 sidecar after osaka"],
    ["blobFeeCapBelowBlobBaseFee", -32_009, "blob gas price below current blob base fee"],
    ["wrongChainId", -32_000, "Wrong chainId"],
    ["alreadyKnown", -32_000, "Known transaction"],
    ["replacementUnderpriced", -32_000, "Replacement transaction underpriced"],
    // besu: ethereum/core/.../mainnet/MainnetTransactionValidator.java
    ["gasLimitTooHigh", -32_000, "Transaction gas limit must be at most 16777216"],
    // reth: crates/rpc/rpc-eth-types/src/error/mod.rs
    ["alreadyKnown", -32_003, "already known"],
    ["poolFull", -32_003, "txpool is full"],
    ["gasLimitTooHigh", -32_003, "exceeds block gas limit"],
    // EIP-1474, and what providers say about their limits
    ["rateLimited", -32_005, "limit exceeded"],
    ["rateLimited", -32_005, "daily request count exceeded, request rate limited"],
    ["rateLimited", 429, "Too Many Requests"],
    ["tooManyResults", -32_005, "query returned more than 10000 results"],
    ["tooManyResults", -32_602, "block range is too wide"],
    ["tooManyResults", -32_600, "eth_getLogs is limited to a 10,000 block range"],
    ["headerNotFound", -32_001, "resource not found"],
  ];
  for (const [kind, code, message] of RECORDED) {
    it(`${kind}: ${message.slice(0, 60)}`, () => {
      assert.equal(classifyNodeError({ code, message }).kind, kind);
      // As ethers hands them on.
      const wrapped = Object.assign(new Error("could not coalesce error"), {
        code: "UNKNOWN_ERROR",
        error: { code, message },
      });
      assert.equal(classifyNodeError(wrapped).kind, kind);
      assert.equal(classifyNodeError(wrapped).message, message);
    });
  }

  it("takes a broken connection for what it is, and what it does not know for other", () => {
    const cause = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:9"), { code: "ECONNREFUSED" });
    assert.equal(classifyNodeError(new TypeError("fetch failed", { cause })).kind, "unreachable");
    assert.equal(classifyNodeError({ code: -32_000, message: "the moon is full" }).kind, "other");
    assert.equal(classifyNodeError(undefined).kind, "other");
  });

  it("believes revert data where the words say nothing", () => {
    const data: Hex = "0x08c379a0";
    assert.deepEqual(classifyNodeError({ code: -32_015, message: "VM error", data }), {
      ...{ kind: "reverted", message: "VM error", code: -32_015, data },
    });
  });
});

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  return assert.fail("it succeeded");
}
