// SPDX-License-Identifier: GPL-3.0-or-later

import type { CollateralBundle } from "@meantime/sdk/dcap/collateral";
import { INTEL_ROOT_CERTIFICATE } from "@meantime/sdk/dcap/intel-root";
import { splitQuote } from "@meantime/sdk/dcap/quote";
import { TCB_STATUSES, type TcbStatusName } from "@meantime/sdk/dcap/tcb-status";
import { asHexOf, hexToBytes } from "@meantime/sdk/hex";
import { AWS_NITRO_ROOT_CERTIFICATE } from "@meantime/sdk/nitro/aws-root";
import { readNitroDocument } from "@meantime/sdk/nitro/document";
import { issuedBy } from "../../attest/collateral/moments.ts";
import { parseCollateral } from "../../attest/collateral/parse.ts";
import { timeText } from "../../attest/error-arguments.ts";
import { explainRefusal, refusalText } from "../../attest/explain.ts";
import { BadInputError } from "./bad-input.ts";
import { type AttestationKind, readBytes, readDocumentFile, readRootFile } from "./document-file.ts";
import { deployNitroVerifier, judgeNitro } from "./judge-nitro.ts";
import { ACCEPTABLE_STATUSES, deployQuoteVerifier, judgeQuote, type QuotePolicy } from "./judge-quote.ts";
import { startLocalEvm } from "./local-evm.ts";
import { type Judgement, NOTHING_KNOWN } from "./verdict.ts";

/** The flags of `meantime enclave verify`. */
export interface VerifyEnclaveOptions {
  kind: AttestationKind;
  file: string;
  collateral?: string;
  root?: string;
  at?: string;
  statuses?: string;
  serviceTd?: string;
  json?: true;
}

/** What the command prints. */
export interface Verdict extends Omit<Judgement, "refusal" | "transactions"> {
  accepted: boolean;
  /** The check that failed, what was found and what to do; null when accepted. */
  reason: string | null;
  kind: AttestationKind;
  /** The moment it was judged at, unix seconds. */
  at: number;
  gas: { total: number; byTransaction: number[] };
  /** How many transactions it takes on a chain that knows no certificate and no collateral yet. */
  transactions: number;
  /** Which ones, in order. */
  calls: string[];
}

/** Everything that a judgement is about. */
interface Question {
  kind: AttestationKind;
  document: Uint8Array;
  root: Uint8Array;
  bundle: Partial<CollateralBundle>;
  policy: QuotePolicy;
  atSeconds: number;
}

const EARLIEST_SECONDS = 1;
const LATEST_SECONDS = 2 ** 40 - 1;
const SERVICE_TD_BYTES = 48;

/**
 * `meantime enclave verify`: has the contracts of this repository judge an attestation document, on a chain in this
 * process, and prints what they say.
 *
 * @returns whether it was accepted
 * @throws BadInputError `MT-ENC-001` the document, `002` the collateral, `003` the root, `004` the flags
 * @throws RelayerError `MT-ENC-005` the contracts cannot be run
 */
export async function verifyEnclave(options: VerifyEnclaveOptions): Promise<boolean> {
  const verdict = await verdictOf(options);
  process.stdout.write(options.json ? `${JSON.stringify(verdict)}\n` : asText(verdict));
  return verdict.accepted;
}

/** The same without printing. */
export async function verdictOf(options: VerifyEnclaveOptions): Promise<Verdict> {
  const question = questionOf(options);
  const { refusal, transactions, ...judgement } = await answer(question);
  const byTransaction = transactions.map(({ gas }) => gas);
  return {
    accepted: refusal === undefined,
    reason: refusal === undefined ? null : refusalText(refusal),
    kind: question.kind,
    at: question.atSeconds,
    ...judgement,
    gas: { total: byTransaction.reduce((sum, gas) => sum + gas, 0), byTransaction },
    transactions: byTransaction.length,
    calls: transactions.map(({ name }) => name),
  };
}

async function answer(question: Question): Promise<Judgement> {
  const { kind, document, root, atSeconds } = question;
  const evm = await startLocalEvm(atSeconds);
  try {
    return kind === "nitro"
      ? await onRoot(
          () => deployNitroVerifier(evm, root),
          (verifier) => judgeNitro(verifier, document, atSeconds),
          atSeconds,
        )
      : await onRoot(
          () => deployQuoteVerifier(evm, root),
          (contracts) => judgeQuote(contracts, document, question),
          atSeconds,
        );
  } finally {
    await evm.close();
  }
}

/** A root that is not valid at the moment refuses every document; one that is no root at all is a mistake in the flags. */
async function onRoot<T>(
  deploy: () => Promise<T>,
  judge: (contracts: T) => Promise<Judgement>,
  at: number,
): Promise<Judgement> {
  let contracts: T;
  try {
    contracts = await deploy();
  } catch (error) {
    const refusal = explainRefusal(error, { at });
    if (refusal === undefined) throw error;
    if (refusal.check === "CertificateNotValid") return { ...NOTHING_KNOWN, refusal };
    throw new BadInputError(
      "MT-ENC-003",
      `--root: ${refusal.what} (${refusal.check})`,
      "Name the right root for --kind.",
    );
  }
  return judge(contracts);
}

function questionOf(options: VerifyEnclaveOptions): Question {
  const { kind } = options;
  const policy = policyOf(options);
  const at = momentOf(options.at);
  const root = rootOf(options);
  const document = readDocumentFile(options.file, kind);
  requireTee(options, document);
  const bundle = bundleOf(options);
  return { kind, document, root, bundle, policy, atSeconds: at ?? ownMomentOf(kind, document, bundle) };
}

function requireTee({ kind, file }: VerifyEnclaveOptions, document: Uint8Array): void {
  const tee = kind === "nitro" ? kind : attempt(() => splitQuote(document).tee);
  if (tee === undefined || tee === kind) return;
  throw badFlags(`${file} holds a quote of --kind ${tee}, not of ${kind}`, `Give --kind ${tee}.`);
}

function rootOf({ kind, root }: VerifyEnclaveOptions): Uint8Array {
  const own = kind === "nitro" ? "aws" : "intel";
  if (root === "aws" || root === "intel") {
    if (root !== own)
      throw badFlags(`--root ${root} has no documents of --kind ${kind}`, `Leave it out, or give ${own}.`);
  } else if (root !== undefined) {
    return readRootFile(root);
  }
  return hexToBytes(own === "aws" ? AWS_NITRO_ROOT_CERTIFICATE : INTEL_ROOT_CERTIFICATE);
}

function bundleOf({ kind, collateral }: VerifyEnclaveOptions): Partial<CollateralBundle> {
  if (collateral === undefined) return {};
  if (kind === "nitro")
    throw badFlags("--collateral is for quotes", "Documents of Nitro enclaves carry all they need.");
  const bundle = parseCollateral(new TextDecoder().decode(readBytes(collateral, "MT-ENC-002")));
  if (bundle) return bundle;
  throw new BadInputError(
    "MT-ENC-002",
    `${collateral} is no JSON with collateral`,
    "Give an object with tcb_info, qe_identity, pck_crl, root_ca_crl, their signatures and issuer chains.",
  );
}

function policyOf({ kind, statuses, serviceTd }: VerifyEnclaveOptions): QuotePolicy {
  if (kind === "nitro" && (statuses ?? serviceTd) !== undefined) {
    throw badFlags("--statuses and --service-td are for quotes", "Leave them out.");
  }
  const names = statuses?.split(",").map((name) => name.trim()) ?? ACCEPTABLE_STATUSES;
  const unknown = names.find((name) => !(name in TCB_STATUSES));
  if (unknown !== undefined) {
    throw badFlags(`--statuses: there is no ${unknown}`, `There are ${ACCEPTABLE_STATUSES.join(", ")}.`);
  }
  return {
    statuses: names as TcbStatusName[],
    minEvaluationNumber: 0,
    serviceTd: serviceTd === undefined ? undefined : serviceTdOf(serviceTd),
  };
}

function serviceTdOf(text: string) {
  try {
    return asHexOf(text.startsWith("0x") ? text : `0x${text}`, SERVICE_TD_BYTES, "--service-td");
  } catch {
    throw badFlags("--service-td is no MRSERVICETD", `Give its ${SERVICE_TD_BYTES} bytes in hexadecimal.`);
  }
}

function momentOf(at: string | undefined): number | undefined {
  if (at === undefined) return undefined;
  const seconds = /^\d{1,13}$/.test(at) ? Number(at) : Number.NaN;
  if (seconds >= EARLIEST_SECONDS && seconds <= LATEST_SECONDS) return seconds;
  throw badFlags(`--at ${at} is no moment`, "Give it in unix seconds, as `date +%s` prints it.");
}

/** When a document was made; of a quote, which does not say, when the last thing beside it was issued. */
function ownMomentOf(kind: AttestationKind, document: Uint8Array, bundle: Partial<CollateralBundle>): number {
  const isKnown = kind === "nitro" || Object.keys(bundle).length > 0;
  const own = attempt(() =>
    kind === "nitro"
      ? Math.ceil(readNitroDocument(document).timestampMs / 1000)
      : issuedBy(bundle, splitQuote(document).certificates.slice(0, 1)),
  );
  const isMoment = own !== undefined && own >= EARLIEST_SECONDS && own <= LATEST_SECONDS;
  return isKnown && isMoment ? own : Math.floor(Date.now() / 1000);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function badFlags(message: string, hint: string): BadInputError {
  return new BadInputError("MT-ENC-004", message, hint);
}

function asText(verdict: Verdict): string {
  const line = (name: string, value: unknown) => (value === null ? [] : [`  ${name.padEnd(16)} ${value}`]);
  const { total, byTransaction } = verdict.gas;
  const lines = [
    `${verdict.accepted ? "ACCEPTED" : "REFUSED"} (${verdict.kind}) as of ${timeText(verdict.at)}`,
    ...line("reason", verdict.reason),
    ...Object.entries(verdict.measurement).flatMap(([name, value]) => line(name, value)),
    ...line("public key", verdict.publicKey),
    ...line("user data", verdict.userData),
    ...line("nonce", verdict.nonce),
    ...line("TCB status", verdict.tcbStatus),
    ...line("valid until", verdict.expiresAt === null ? null : timeText(verdict.expiresAt)),
    ...line("gas", `${total} in ${byTransaction.length} transactions`),
    ...verdict.calls.flatMap((name, index) => line("", `${byTransaction[index]} ${name}`)),
  ];
  return `${lines.join("\n")}\n`;
}
