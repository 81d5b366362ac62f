// SPDX-License-Identifier: MIT
import { type CollateralBundle, collateralCalls } from "@meantime/sdk/dcap/collateral";
import { INTEL_ROOT_CERTIFICATE } from "@meantime/sdk/dcap/intel-root";
import { type QuoteParts, splitQuote } from "@meantime/sdk/dcap/quote";
import { TCB_STATUSES, type TcbStatusName, tcbStatusBits } from "@meantime/sdk/dcap/tcb-status";
import { type Hex, hexToBytes } from "@meantime/sdk/hex";
import { bundle, NOW, rootCertificate } from "../../relayer/src/attest/simulated/pki/intel.ts";
import { quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { readDcapVectors } from "../../test/enclave/vectors.ts";
import { startChain } from "./chain.ts";
import type { Format, Part, Subject } from "./subject.ts";

const ANY_STATUS = {
  statuses: tcbStatusBits(Object.keys(TCB_STATUSES) as TcbStatusName[]),
  minEvaluationNumber: 0,
  serviceTd: `0x${"00".repeat(32)}`,
};

// Where the fields of the parts of a quote begin: header and report, authentication.
const HEADER_FIELDS = [0, 2, 4, 8, 10, 12, 28];
const SGX_FIELDS = [0, 16, 20, 48, 64, 96, 128, 160, 256, 258, 260, 320];
const TD_FIELDS = [...[0, 16, 64, 112, 120, 128, 136, 184, 232, 280, 328, 376, 424, 472, 520], ...[584, 600]];
const AUTHENTICATION_FIELDS = [0, 32, 64, 96, ...SGX_FIELDS.map((at) => 128 + at), 512, 544, 576];
const HEADER_BYTES = 48;
const DESCRIPTION_BYTES = 6;

interface Source {
  name: string;
  tee: "tdx" | "sgx";
  quote: Uint8Array;
  collateral: CollateralBundle;
  root: Hex | Uint8Array;
  /** Unix seconds at which all of it is valid. */
  moment: number;
}

/** Quotes of both kinds of platform under Intel's root, where the folder of them is there, and under our own. */
export async function quoteSubjects(folder: string | undefined): Promise<Subject[]> {
  const sources = sourcesOf(folder);
  const subjects: Subject[] = [];
  for (const source of sources) {
    const others = sources.filter(({ name, tee }) => name !== source.name && tee === source.tee);
    subjects.push(
      await quoteSubject(
        source,
        others.map(({ quote }) => splitQuote(quote).parts),
      ),
    );
  }
  return subjects;
}

/** Each document that such quotes stand on, in front of a contract that lacks it and has those before it. */
export async function collateralSubjects(folder: string | undefined): Promise<Subject[]> {
  const sources = sourcesOf(folder);
  const [own] = sources;
  const genuine = sources.find(({ root }) => root === INTEL_ROOT_CERTIFICATE);
  const subjects: Subject[] = [];
  for (const source of [own, genuine]) {
    if (!source) continue;
    const others = sources.filter(({ name }) => name !== source.name).map(({ collateral }) => collateral);
    subjects.push(...(await documentSubjects(source, others)));
  }
  return subjects;
}

async function quoteSubject(source: Source, others: readonly QuoteParts[]): Promise<Subject> {
  const chain = await startChain(source.moment);
  const collateral = await chain.deploy("IntelCollateral", [source.root]);
  const verifier = await chain.deploy("IntelQuoteVerifier", [await chain.addressOf(collateral)]);
  for (const { method, args } of collateralCalls(source.collateral))
    await chain.send(collateral, method, args);

  const { version, parts: split } = splitQuote(source.quote);
  const reportAt = version === 5 ? HEADER_BYTES + DESCRIPTION_BYTES : HEADER_BYTES;
  const reportFields = (source.tee === "tdx" ? TD_FIELDS : SGX_FIELDS).map((at) => reportAt + at);
  const part = (name: keyof QuoteParts, format: Format, weight: number, fields: number[]): Part => {
    const bytes = hexToBytes(split[name]);
    const donors = others.map((other) => hexToBytes(other[name]));
    return { bytes, format, weight, donors, fields: fields.filter((at) => at < bytes.length) };
  };
  return {
    kind: source.tee,
    name: source.name,
    parts: [
      part("signed", "raw", 3, [...HEADER_FIELDS, ...(version === 5 ? [48, 50] : []), ...reportFields]),
      part("authentication", "raw", 3, AUTHENTICATION_FIELDS),
      part("pckCertificate", "der", 3, []),
    ],
    target: await chain.addressOf(verifier),
    callOf: ([signed, authentication, pckCertificate]) =>
      verifier.interface.encodeFunctionData("verifyQuote", [
        { signed, authentication, pckCertificate },
        ANY_STATUS,
        source.moment,
      ]) as Hex,
    // Everything that goes on chain is signed, or is a signature.
    ending: "0x",
    isSame: () => false,
    chain,
  };
}

async function documentSubjects(source: Source, others: readonly CollateralBundle[]): Promise<Subject[]> {
  const calls = collateralCalls(source.collateral);
  const otherCalls = others.flatMap((other) => collateralCalls(other));
  const subjects: Subject[] = [];
  for (const [place, { method, args }] of calls.entries()) {
    const chain = await startChain(source.moment);
    const contract = await chain.deploy("IntelCollateral", [source.root]);
    for (const before of calls.slice(0, place)) await chain.send(contract, before.method, before.args);
    const donors = otherCalls.filter((call) => call.method === method);
    subjects.push({
      kind: "collateral",
      name: `${source.name}, ${place + 1} ${method}`,
      parts: args.map((value, index) => ({
        bytes: hexToBytes(value),
        format: index > 0 ? "raw" : method.startsWith("enterA") || method === "enterCrl" ? "der" : "json",
        weight: index > 0 ? 1 : 6,
        donors: donors.map((call) => hexToBytes(call.args[index] ?? "0x")),
      })),
      target: await chain.addressOf(contract),
      callOf: (given) => {
        // The last of three is a word, whatever became of it.
        const words = given.map((bytes, index) => (index === 2 ? wordOf(bytes) : bytes));
        return contract.interface.encodeFunctionData(method, words) as Hex;
      },
      ending: "0x",
      isSame: () => false,
      chain,
    });
  }
  return subjects;
}

function sourcesOf(folder: string | undefined): Source[] {
  const own = (name: string, tee: Source["tee"], made: Uint8Array): Source => ({
    ...{ name, tee, quote: made, collateral: bundle(tee), root: rootCertificate(), moment: NOW },
  });
  const genuine = (folder === undefined ? [] : readDcapVectors(folder)).filter(
    ({ expected, name }) => expected !== "TCB_NOT_SUPPORTED" && !name.includes("POLICY"),
  );
  return [
    own("own TD 1.0 quote, version 4", "tdx", quote()),
    own("own TD 1.5 quote, version 5", "tdx", quote({ version: 5, isTd15: true })),
    own("own SGX quote, version 3", "sgx", quote({ tee: "sgx" })),
    own("own SGX quote, version 5", "sgx", quote({ tee: "sgx", version: 5 })),
    ...genuine.map(
      ({ name, quote, collateral, validAt }): Source => ({
        ...{ name, tee: name.startsWith("sgx") ? "sgx" : "tdx", quote, collateral },
        ...{ root: INTEL_ROOT_CERTIFICATE, moment: validAt },
      }),
    ),
  ];
}

function wordOf(bytes: Uint8Array): Uint8Array {
  const word = new Uint8Array(32);
  word.set(bytes.subarray(0, 32));
  return word;
}
