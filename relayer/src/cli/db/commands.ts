// SPDX-License-Identifier: GPL-3.0-or-later

import { EXIT } from "../exit.ts";
import { type AddCommand, CONFIG_OPTION, JSON_OPTION } from "../options.ts";
import { type DbOptions, dbBackup, dbExport, dbMigrate, dbRebuild, dbRestore, dbVerify } from "./db.ts";

/** `meantime db`. */
export function addLedgerCommands(command: AddCommand, exitWith: (code: number) => void): void {
  const db = command("db", "about the ledger");
  const onLedger = (name: string, description: string) =>
    command(name, description, db)
      .option("--config <file>", "the relayer's configuration file, which names the ledger")
      .option("--ledger <place>", "a SQLite file or a PostgreSQL URL, instead of --config")
      .option(...JSON_OPTION);
  onLedger("migrate", "create the ledger, or bring its schema up to date").action(dbMigrate);
  onLedger("backup", "write everything to one file, also while a relayer runs")
    .argument("<file>", "what to write")
    .action(dbBackup);
  onLedger("restore", "fill an empty ledger from a backup, of either database")
    .argument("<file>", "a file of `db backup`")
    .action(dbRestore);
  onLedger("verify", "compute ids, signatures and roots again; exits with 1 when something is wrong")
    .option(
      "--rpc [url]",
      "compare the receipts' signers with the keys on chain; default: by --config's endpoints",
    )
    .action(async (options: DbOptions & { rpc?: string | true }) => {
      if (!(await dbVerify(options))) exitWith(EXIT.error);
    });
  command("rebuild", "read the chain again from its first block, beside the stored receipts", db)
    .requiredOption(...CONFIG_OPTION)
    .option(...JSON_OPTION)
    .action(dbRebuild);
  command("export-batches", "write the files of all batches, for any static host", db)
    .argument("<folder>", "what will be the root of the host")
    .requiredOption(...CONFIG_OPTION)
    .option(...JSON_OPTION)
    .action(dbExport);
}
