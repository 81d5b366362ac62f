// SPDX-License-Identifier: MIT
import type { LocalStack } from "../../scripts/stack/local.ts";
import { localKey, lowerCase } from "../../scripts/stack/operators.ts";
import { eventually } from "./local-relayer.ts";

/** A block takes a handful of transactions. */
const BLOCK_GAS = 2_000_000;
const FILLER_GAS = 450_000;
const FILLERS_PER_BLOCK = 5;
/** Data costs so much gas a byte that is not zero. */
const GAS_PER_BYTE = 40;
const TIP_WEI = 3n * 10n ** 9n;
const MAX_FEE_WEI = 10n ** 13n;
/** Of so many blocks, one has room. */
const ROOM_EVERY = 3;
const FILLER_ACCOUNT = 15;

/** A chain whose blocks are full of better paying transactions but for every third one. */
export class Congestion {
  readonly #stack: LocalStack;
  #blocks = 0;
  #filled = 0;
  #nonce = 0;

  private constructor(stack: LocalStack) {
    this.#stack = stack;
  }

  static async start(stack: LocalStack): Promise<Congestion> {
    const { provider } = stack.chain.connection.ethers;
    await provider.send("evm_setBlockGasLimit", [`0x${BLOCK_GAS.toString(16)}`]);
    await provider.send("evm_setAutomine", [false]);
    const congestion = new Congestion(stack);
    congestion.#nonce = await provider.getTransactionCount(localKey(FILLER_ACCOUNT).address);
    return congestion;
  }

  /** Blocks that had no room for anybody. */
  get filled(): number {
    return this.#filled;
  }

  /** Waits for something while blocks go by. */
  until<Result>(what: string, check: () => Promise<Result | undefined>): Promise<Result> {
    return eventually(
      what,
      async () => {
        await this.#block();
        return check();
      },
      90,
    );
  }

  async end(): Promise<void> {
    const { provider } = this.#stack.chain.connection.ethers;
    await provider.send("evm_setBlockGasLimit", ["0x3938700"]);
    await provider.send("evm_setAutomine", [true]);
    await provider.send("evm_mine", []);
  }

  async #block(): Promise<void> {
    const { provider } = this.#stack.chain.connection.ethers;
    this.#blocks += 1;
    if (this.#blocks % ROOM_EVERY !== 0) await this.#fill();
    await provider.send("evm_mine", []);
    const block = await provider.getBlock("latest");
    if (block && Number(block.gasUsed) > BLOCK_GAS * 0.85) this.#filled += 1;
  }

  async #fill(): Promise<void> {
    const { provider } = this.#stack.chain.connection.ethers;
    const filler = localKey(FILLER_ACCOUNT);
    const bytes = Math.floor((FILLER_GAS - 21_000) / GAS_PER_BYTE) - 1;
    for (let each = 0; each < FILLERS_PER_BLOCK - 1; each++) {
      const raw = await filler.signTransaction({
        ...{ type: 2, chainId: 31_337, nonce: this.#nonce, to: lowerCase(filler.address) },
        data: `0x${"ff".repeat(bytes)}`,
        ...{ gasLimit: FILLER_GAS, maxFeePerGas: MAX_FEE_WEI, maxPriorityFeePerGas: TIP_WEI },
      });
      await provider.send("eth_sendRawTransaction", [raw]);
      this.#nonce += 1;
    }
  }
}
