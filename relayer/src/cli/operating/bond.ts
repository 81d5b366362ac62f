// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, asAddress, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { Contract, type ContractTransactionResponse, Wallet } from "ethers";
import { bindContracts } from "../../chain/contracts.ts";
import { checkChain, connectRpc } from "../../chain/rpc.ts";
import { loadConfig } from "../../config/load.ts";
import { RelayerError } from "../../errors.ts";
import { openKeystore, readPassword } from "../../signers/keystore.ts";
import type { ConfigFlags } from "../config/show.ts";
import { landed, orRefused, privateKeyOf } from "../sending.ts";
import { fields, print } from "./print.ts";

/** The flags of `meantime bond`. The owner's key is not the daemon's: it is given for this one command. */
export interface BondFlags extends ConfigFlags {
  amount: string;
  token?: string;
  to?: string;
  keystore?: string;
  passwordFile?: string;
  keyEnv: string;
  complete?: true;
  json?: true;
}

const ERC20_ABI = ["function approve(address spender, uint256 amount) returns (bool)"];

/**
 * `meantime bond deposit`: stakes for the operator of a configuration, in ether or a token.
 *
 * @throws RelayerError `MT-CLI-002`, `MT-CLI-006` no key, `MT-CLI-007` the contract refuses; TemporaryError `MT-CLI-010` not
 * in a block in time
 */
export async function deposit(flags: BondFlags): Promise<void> {
  const amountWei = amountOf(flags);
  const token = tokenOf(flags);
  await withSettlement(flags, async ({ settlement, address, operator, wallet }) => {
    if (token === ZERO_ADDRESS) return settlement.stake(operator, { value: amountWei });
    const erc20 = new Contract(token, ERC20_ABI, wallet);
    const approval = (await erc20.getFunction("approve")(address, amountWei)) as ContractTransactionResponse;
    await landed(approval);
    return settlement.stakeToken(operator, token, amountWei);
  });
}

/**
 * `meantime bond withdraw`: announces that stake is to leave, or, with `--complete` after the delay, takes it out. Only the
 * operator's own key can.
 *
 * @throws RelayerError as {@link deposit}
 */
export async function withdraw(flags: BondFlags): Promise<void> {
  const token = tokenOf(flags);
  const amountWei = flags.complete ? 0n : amountOf(flags);
  await withSettlement(flags, async ({ settlement, wallet }) => {
    if (!flags.complete) return settlement.unbond(token, amountWei);
    return settlement.completeUnbonding(token, flags.to ? asAddress(flags.to, "--to") : wallet.address);
  });
}

type Bound = {
  settlement: Awaited<ReturnType<typeof bindContracts>>["settlement"];
  address: Address;
  operator: Address;
  wallet: Wallet;
};

async function withSettlement(
  flags: BondFlags,
  send: (bound: Bound) => Promise<ContractTransactionResponse>,
): Promise<void> {
  const { chain, operator } = loadConfig(flags.config, { flags: flags.set ?? [] });
  const rpc = connectRpc(chain.rpcUrls, chain.chainId);
  try {
    await checkChain(rpc, chain.rpcUrls, chain.chainId, {
      "chain.settlement": chain.settlement,
    });
    const wallet = new Wallet(await ownerKey(flags), rpc);
    const contracts = await bindContracts(rpc, chain.settlement);
    const settlement = contracts.settlement.connect(wallet) as Bound["settlement"];
    const bound = { settlement, address: chain.settlement, operator: operator.address, wallet };
    const transaction = await orRefused(() => send(bound));
    const receipt = await landed(transaction);
    const result = { hash: transaction.hash, block: receipt.blockNumber, from: wallet.address };
    print(result, flags, () => fields(result));
  } finally {
    rpc.destroy();
  }
}

async function ownerKey({ keystore, passwordFile, keyEnv }: BondFlags): Promise<string> {
  if (keystore !== undefined) {
    if (passwordFile === undefined) {
      throw new RelayerError("MT-CLI-002", "--keystore needs --password-file", "Give both.");
    }
    return openKeystore(keystore, readPassword({ file: passwordFile }));
  }
  return privateKeyOf(
    keyEnv,
    "Give the owner's key with --keystore and --password-file, or in that variable.",
  );
}

function amountOf({ amount }: BondFlags): bigint {
  if (/^[1-9]\d{0,28}$/.test(amount ?? "")) return BigInt(amount);
  throw new RelayerError(
    "MT-CLI-002",
    `--amount ${amount} is no amount`,
    "Give wei, or the token's smallest units.",
  );
}

function tokenOf({ token }: BondFlags): Address {
  return token === undefined ? ZERO_ADDRESS : asAddress(token, "--token");
}
