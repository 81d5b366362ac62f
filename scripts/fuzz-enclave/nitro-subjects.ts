// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { elementAt } from "@meantime/sdk/dcap/der";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { type NitroDocument, readNitroDocument } from "@meantime/sdk/nitro/document";
import { nitroSignatures } from "@meantime/sdk/nitro/signatures";
import { p384Hints } from "@meantime/sdk/p384-hints";
import type { BaseContract } from "ethers";
import { chainOf, documentOf, keyOf, NOW } from "../../relayer/src/attest/simulated/pki/nitro.ts";
import type { NitroManifestEntry } from "../../test/enclave/vectors.ts";
import { encodeArguments, encodeList } from "./calldata.ts";
import { type FuzzChain, startChain } from "./chain.ts";
import type { Part, Subject } from "./subject.ts";

const MAX_AGE_SECONDS = 100_000;
const COSE_TAG = 0xd2;

interface Source {
  name: string;
  document: Uint8Array;
  /** Unix seconds at which the document is neither old nor of the future. */
  moment: number;
}

/** Documents under AWS's root, where the folder of them is there, and under a root of our own; and their chains. */
export async function nitroSubjects(folder: string | undefined): Promise<Subject[]> {
  const sources = [...ownSources(), ...(folder === undefined ? [] : genuineSources(folder))];
  const donors = sources.map(({ document }) => document);
  const subjects: Subject[] = [];
  for (const source of sources) {
    const others = donors.filter((document) => document !== source.document);
    subjects.push(await documentSubject(source, others), await chainSubject(source, others));
  }
  return subjects;
}

// The chain is remembered, so that it is the document that is judged, or a certificate in it that is new.
async function documentSubject(source: Source, donors: readonly Uint8Array[]): Promise<Subject> {
  const read = readNitroDocument(source.document);
  const world = await deploy(source, read);
  const hints = nitroSignatures(read).map(({ signature }) => p384Hints(signature));
  await world.chain.send(world.verifier, "verify", [source.document, hints, MAX_AGE_SECONDS]);
  const hint = hexToBytes(hints.at(-1) ?? "0x");
  const ending = encodeList([hint]);
  const parts: Part[] = [
    { bytes: source.document, format: "cbor", weight: 9, donors },
    { bytes: hint, format: "raw", weight: 1, donors: [hint.subarray(0, hint.length >> 1)] },
  ];
  return {
    ...{ kind: "nitro", name: `${source.name}, document`, parts, target: world.target, chain: world.chain },
    callOf: ([document = new Uint8Array(), given = new Uint8Array()]) => {
      const args = encodeArguments([document, [given], MAX_AGE_SECONDS]);
      return without(`${selectorOf(world.verifier, "verify")}${args}`, given === hint ? ending : "");
    },
    ending: `0x${ending}`,
    // Hints prove what is true in more than one way, and the tag of COSE is not signed and says nothing.
    isSame: ([document = new Uint8Array()]) => isEqual(untagged(document), untagged(source.document)),
  };
}

// All but the last certificate are remembered.
async function chainSubject(source: Source, donors: readonly Uint8Array[]): Promise<Subject> {
  const read = readNitroDocument(source.document);
  const world = await deploy(source, read);
  const { certificates } = read;
  const hints = nitroSignatures(read)
    .slice(0, -1)
    .map(({ signature }) => p384Hints(signature));
  await world.chain.send(world.verifier, "verifyChain", [certificates.slice(0, -1), hints.slice(0, -1)]);
  const hint = hexToBytes(hints.at(-1) ?? "0x");
  const ending = encodeList([hint]);
  const last = certificates.length - 1;
  const donorChains = donors.map((document) => readNitroDocument(document).certificates);
  const parts: Part[] = [
    ...certificates.map(
      (bytes, place): Part => ({
        ...{ bytes, format: "der", weight: place === last ? 6 : 1 },
        donors: [...donorChains.flatMap((chain) => chain[place] ?? []), ...certificates],
      }),
    ),
    { bytes: hint, format: "raw", weight: 1, donors: [hint.subarray(0, hint.length >> 1)] },
  ];
  return {
    ...{ kind: "nitro", name: `${source.name}, chain`, parts, target: world.target, chain: world.chain },
    callOf: (given) => {
      const args = encodeArguments([given.slice(0, -1), given.slice(-1)]);
      return without(
        `${selectorOf(world.verifier, "verifyChain")}${args}`,
        given.at(-1) === hint ? ending : "",
      );
    },
    ending: `0x${ending}`,
    // A remembered certificate is known by what its issuer signed, whatever signature stands below it this time.
    isSame: (given) =>
      certificates.every((certificate, place) => {
        const mutant = given[place] ?? new Uint8Array();
        return place === last
          ? isEqual(mutant, certificate)
          : isEqual(signedPart(mutant), signedPart(certificate));
      }),
  };
}

async function deploy({ moment }: Source, { certificates: [root] }: NitroDocument) {
  const chain: FuzzChain = await startChain(moment);
  const [p384, sha384] = [await chain.deploy("P384", []), await chain.deploy("Sha384", [])];
  const p384Address = await chain.addressOf(p384);
  const cryptography = [p384Address, await chain.addressOf(sha384)];
  // Nobody revokes anything here: any address will do as the authority.
  const verifier = await chain.deploy("NitroVerifier", [p384Address, root, ...cryptography]);
  return { chain, verifier, target: await chain.addressOf(verifier) };
}

function ownSources(): Source[] {
  const chain = chainOf();
  const full = {
    publicKey: keyOf("enclave").point.slice(0, 65),
    userData: new Uint8Array(64).fill(7),
    nonce: new Uint8Array(32).fill(9),
  };
  return [
    { name: "own document", document: documentOf({ chain, ...full }), moment: NOW },
    {
      name: "own document of indefinite length",
      document: documentOf({ chain, isIndefinite: true }),
      moment: NOW,
    },
  ];
}

function genuineSources(folder: string): Source[] {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as NitroManifestEntry[];
  return manifest
    .filter(({ genuine, debug_zero_pcr012 }) => genuine && !debug_zero_pcr012)
    .map(({ file, timestamp_ms, window_unix }) => ({
      name: file,
      document: Uint8Array.from(readFileSync(join(folder, file))),
      moment: Math.max(Math.floor(timestamp_ms / 1000), window_unix[0]) + 1,
    }));
}

// Hints are longer than documents, and most mutants have the same: they are sent once for many.
function without(call: string, ending: string): Hex {
  if (!call.endsWith(ending)) throw new RangeError("the call has another ending");
  return call.slice(0, call.length - ending.length) as Hex;
}

function selectorOf(contract: BaseContract, name: string): string {
  return contract.interface.getFunction(name)?.selector ?? "";
}

function untagged(document: Uint8Array): Uint8Array {
  return document[0] === COSE_TAG ? document.subarray(1) : document;
}

// The first element inside the certificate; all of what is none.
function signedPart(certificate: Uint8Array): Uint8Array {
  try {
    const { content, end } = elementAt(certificate, 0);
    const signed = elementAt(certificate, content, end);
    return certificate.subarray(signed.start, signed.end);
  } catch {
    return certificate;
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return bytesToHex(one) === bytesToHex(other);
}
