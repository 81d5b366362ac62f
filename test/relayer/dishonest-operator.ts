// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type BatchHeader, batchId, leafHash, type Opening, openingLeaf } from "@meantime/sdk/batch";
import { type Claim, claimId, claimToJson } from "@meantime/sdk/claim";
import { commitInput, commitLabel, randomSalt } from "@meantime/sdk/commitment";
import { type Hex, hexToBytes } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { type ModelSpec, runModel } from "@meantime/sdk/model";
import { type Receipt, receiptToJson, signReceipt } from "@meantime/sdk/receipt";
import type { LocalStack } from "../../scripts/stack/local.ts";
import { type LocalOperator, lowerCase } from "../../scripts/stack/operators.ts";
import { REQUESTER, sampleInput } from "./local-relayer.ts";

/** A claim as an operator without scruples makes it. */
export interface MadeClaim {
  receipt: Receipt;
  opening: Opening;
}

/** A committed batch of such claims. */
export interface MadeBatch {
  batchId: Hex;
  header: BatchHeader;
  claims: readonly MadeClaim[];
}

const HORIZON_SECONDS = 600n;
const CLASSES = 10;

/** An operator whose keys sign whatever a test wants, and that shows the data that a test lets it show. */
export class DishonestOperator {
  readonly #stack: LocalStack;
  readonly #operator: LocalOperator;
  readonly #spec: ModelSpec;
  readonly #shown = new Map<string, string>();
  readonly #server: Server;
  #requests = 0;

  private constructor(stack: LocalStack, operator: LocalOperator, spec: ModelSpec) {
    this.#stack = stack;
    this.#operator = operator;
    this.#spec = spec;
    this.#server = createServer((request, response) => {
      const file = this.#shown.get(request.url ?? "");
      response.writeHead(file ? 200 : 404, { "content-type": "application/json" }).end(file ?? "{}");
    });
  }

  /** Listens, and announces where. */
  static async start(
    stack: LocalStack,
    operator: LocalOperator,
    spec: ModelSpec,
  ): Promise<DishonestOperator> {
    const liar = new DishonestOperator(stack, operator, spec);
    await once(liar.#server.listen(0, "127.0.0.1"), "listening");
    const { port } = liar.#server.address() as AddressInfo;
    const receipts = stack.deployment.receipts.connect(liar.#sender());
    const { window } = stack.policyIds;
    await (await receipts.announce(operator.owner.address, window, `http://127.0.0.1:${port}`)).wait();
    return liar;
  }

  /** Signs that the model answers its true label plus `offBy`; the same `requestId` for two answers to one request. */
  async claim(seed: number, offBy: number, like?: MadeClaim): Promise<MadeClaim> {
    const elements = sampleInput(seed);
    const salt = like?.opening.salt ?? randomSalt();
    const { label } = runModel(this.#spec, elements);
    const servedAt = BigInt(await this.#stack.chain.now());
    const outputHash = commitLabel((label + offBy) % CLASSES, CLASSES);
    this.#requests += 1;
    const claim: Claim = {
      ...{ modelId: this.#stack.modelId, policyId: this.#stack.policyIds.window },
      ...{ operator: lowerCase(this.#operator.owner.address), requester: REQUESTER },
      requestId: like?.receipt.claim.requestId ?? `0x${this.#requests.toString(16).padStart(64, "0")}`,
      inputHash: commitInput({ bits: this.#spec.inputBits, elements, salt }),
      ...{ outputHash, servedAt, commitBy: servedAt + HORIZON_SECONDS },
    };
    const receipt = signReceipt(this.#operator.receiptKey.privateKey as Hex, claim, this.#stack.domain);
    return { receipt, opening: { input: Uint8Array.from(elements), salt, output: hexToBytes(outputHash) } };
  }

  /** Commits a batch, and shows its data only if `shown`; `send` may send the commit in another way. */
  async commit(
    claims: readonly MadeClaim[],
    shown = true,
    send: (header: BatchHeader) => Promise<unknown> = (header) => this.#commit(header),
  ): Promise<MadeBatch> {
    const { domain, modelId, policyIds } = this.#stack;
    const leaves = claims.map(({ receipt }, at) => leafHash(at, claimId(domain, receipt.claim)));
    const served = claims.map(({ receipt }) => receipt.claim.servedAt);
    this.#requests += 1;
    const header: BatchHeader = {
      ...{ operator: lowerCase(this.#operator.owner.address), policyId: policyIds.window, modelId },
      root: buildMerkleTree(leaves).root,
      dataRoot: buildMerkleTree(claims.map(({ opening }, at) => openingLeaf(at, opening))).root,
      count: claims.length,
      oldestServedAt: served.reduce((oldest, at) => (at < oldest ? at : oldest)),
      nonce: BigInt(this.#requests),
    };
    await send(header);
    const id = batchId(domain, header);
    if (shown) this.#shown.set(`/v1/batches/${id}`, JSON.stringify({ claims: claims.map(fileEntry) }));
    return { batchId: id, header, claims };
  }

  /** Shows these claims as the data of a batch, whatever it was made of. */
  show({ batchId: id }: MadeBatch, claims: readonly MadeClaim[]): void {
    this.#shown.set(`/v1/batches/${id}`, JSON.stringify({ claims: claims.map(fileEntry) }));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #commit(header: BatchHeader): Promise<void> {
    await (await this.#stack.deployment.settlement.connect(this.#sender()).commit(header)).wait();
  }

  #sender() {
    return this.#operator.sender.connect(this.#stack.chain.connection.ethers.provider);
  }
}

/** The way of a claim to the root of its batch. */
export function proofOf({ claims, header }: MadeBatch, index: number, stack: LocalStack): Hex[] {
  const leaves = claims.map(({ receipt }, at) => leafHash(at, claimId(stack.domain, receipt.claim)));
  const tree = buildMerkleTree(leaves);
  if (tree.root !== header.root) throw new Error("another tree");
  return [...tree.proof(index)];
}

function fileEntry({ receipt, opening }: MadeClaim) {
  const { signature, claimId: id } = receiptToJson(receipt);
  return {
    ...{ claim: claimToJson(receipt.claim), claimId: id, signature },
    opening: {
      input: Buffer.from(opening.input).toString("base64url"),
      salt: opening.salt,
      output: Buffer.from(opening.output).toString("base64url"),
    },
  };
}
