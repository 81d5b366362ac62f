// SPDX-License-Identifier: GPL-3.0-or-later

import type { Command } from "commander";
import { doctor } from "../doctor/doctor.ts";
import { EXIT } from "../exit.ts";
import { type AddCommand, CONFIG_OPTION, JSON_OPTION, SET_OPTION } from "../options.ts";
import { challenge, changeTransaction, listTransactions, resume, showClaims, showStatus } from "./ask.ts";
import { type BondFlags, deposit, withdraw } from "./bond.ts";
import type { DaemonFlags } from "./print.ts";

const EXIT_OF_HEALTH = { ok: EXIT.ok, failed: EXIT.error, temporary: EXIT.temporary };

/** The commands that look after a relayer. Those that change something ask the running one. */
export function addOperatingCommands(command: AddCommand, exitWith: (code: number) => void): void {
  configured(command("doctor", "check everything that a relayer needs")).action(async (flags: DaemonFlags) =>
    exitWith(EXIT_OF_HEALTH[await doctor(flags)]),
  );
  configured(command("status", "what the running relayer owes, holds and waits for")).action(showStatus);
  configured(
    command("claims", "the latest claims of the running relayer, or one of them").argument("[id]"),
  ).action((id: string | undefined, flags: DaemonFlags) => showClaims(id, flags));
  configured(
    command("challenge", "challenge a claim that the watchtower found wrong")
      .argument("<batch>", "the batch's id")
      .argument("<index>", "the claim's leaf"),
  ).action(challenge);
  configured(command("resume", "take new work again after too many obligations failed")).action(resume);
  addTransactionCommands(command);
  addBondCommands(command);
}

function addTransactionCommands(command: AddCommand): void {
  const tx = command("tx", "about the running relayer's transactions");
  configured(
    command("list", "print those that are open", tx).option("--all", "the latest, open or not"),
  ).action(listTransactions);
  configured(command("bump", "offer a higher fee now", tx).argument("<number>")).action(
    (number: string, flags: DaemonFlags) => changeTransaction("bump", number, flags),
  );
  configured(
    command("cancel", "give one up; its nonce goes to a transfer to oneself", tx)
      .argument("<number>")
      .option("--force", "even if it keeps a promise and a bond is lost"),
  ).action((number: string, flags: DaemonFlags) => changeTransaction("cancel", number, flags));
}

function addBondCommands(command: AddCommand): void {
  const bond = command("bond", "about the operator's stake");
  const withKey = (name: string, description: string) =>
    configured(command(name, description, bond))
      .option("--token <address>", "the bond token; default: ether")
      .option("--keystore <file>", "the owner's key")
      .option("--password-file <file>", "the password of --keystore")
      .option("--key-env <name>", "or the environment variable with the owner's key", "MEANTIME_OWNER_KEY");
  withKey("deposit", "stake for the operator of a configuration")
    .requiredOption("--amount <wei>", "how much")
    .action((flags: BondFlags) => deposit(flags));
  withKey("withdraw", "announce that stake is to leave; after the delay take it out with --complete")
    .option("--amount <wei>", "how much is to leave")
    .option("--complete", "take out what was announced")
    .option("--to <address>", "whom --complete pays; default: the owner")
    .action((flags: BondFlags) => withdraw(flags));
}

function configured(command: Command): Command {
  return command
    .requiredOption(...CONFIG_OPTION)
    .option(...SET_OPTION)
    .option(...JSON_OPTION);
}
