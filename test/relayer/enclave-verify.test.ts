// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { CollateralBundle } from "@meantime/sdk/dcap/collateral";
import { concatBytes } from "@meantime/sdk/hex";
import {
  authorityCertificate,
  bundle,
  PCK,
  PROCESSOR_CA,
  pckCertificate,
  rootCertificate,
  SERIALS,
} from "../../relayer/src/attest/simulated/pki/intel.ts";
import {
  certificateOf,
  chainOf,
  documentOf,
  keyOf,
  NOW,
  PCRS,
  partyOf,
} from "../../relayer/src/attest/simulated/pki/nitro.ts";
import { quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { type Party, pem } from "../../relayer/src/attest/simulated/pki/x509.ts";
import type { AttestationKind } from "../../relayer/src/cli/enclave/document-file.ts";
import { type Verdict, verdictOf } from "../../relayer/src/cli/enclave/verify.ts";
import { QUOTE_KINDS } from "../enclave/quote-kinds.ts";
import { readDcapVectors, vectorFolder } from "../enclave/vectors.ts";

const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const TRANSACTION_GAS_LIMIT = 2 ** 24;
const folder = mkdtempSync(join(tmpdir(), "meantime-enclave-"));
const NITRO_ROOT = saved("nitro-root.pem", pem(certificateOf("root")));
const INTEL_ROOT = saved("intel-root.pem", pem(rootCertificate()));

after(() => rmSync(folder, { recursive: true }));

interface NitroEntry {
  file: string;
  timestamp_ms: number;
  window_unix: [number, number];
  genuine: boolean;
  debug_zero_pcr012: boolean;
  pcr0: string;
  public_key: string | null;
}

describe("meantime enclave verify, genuine documents of Nitro enclaves", () => {
  const vectors = vectorFolder("nitro");
  if (vectors === undefined) return;
  const manifest = JSON.parse(readFileSync(join(vectors, "manifest.json"), "utf8")) as NitroEntry[];
  for (const entry of manifest) {
    const expected = entry.debug_zero_pcr012 ? "DebugEnclave" : entry.genuine ? "accepted" : "NotTheRoot";
    it(`${entry.file}: ${expected}`, async () => {
      const file = join(vectors, entry.file);
      for (const at of [
        undefined,
        `${Math.max(entry.window_unix[0], Math.ceil(entry.timestamp_ms / 1000)) + 60}`,
      ]) {
        const verdict = await verdictOf({ kind: "nitro", file, ...(at === undefined ? {} : { at }) });
        assert.equal(checkOf(verdict), expected);
        assert.equal(verdict.measurement.pcr0, `0x${entry.pcr0}`);
        assertGas(verdict);
        if (expected === "accepted" && entry.public_key !== null) {
          assert.ok(verdict.publicKey?.startsWith(`0x${entry.public_key}`));
        }
      }
    });
    if (expected === "accepted") {
      it(`${entry.file} is refused after its time, and with a bit flipped`, async () => {
        const late = {
          kind: "nitro",
          file: join(vectors, entry.file),
          at: `${entry.window_unix[1] + 1}`,
        } as const;
        assert.equal(checkOf(await verdictOf(late)), "ChainNotValid");
        const bytes = readFileSync(late.file);
        const flipped = saved("flipped.bin", bytes.with(bytes.length - 200, (bytes.at(-200) ?? 0) ^ 1));
        assert.equal((await verdictOf({ kind: "nitro", file: flipped })).accepted, false);
      });
    }
  }
});

describe("meantime enclave verify, genuine quotes", () => {
  const vectors = vectorFolder("dcap");
  if (vectors === undefined) return;
  for (const { name, validAt, expiresAt, expected } of readDcapVectors(vectors)) {
    const kind = name.startsWith("tdx") ? "tdx" : "sgx";
    const file = join(vectors, `${name}.quote.bin`);
    const collateral = join(vectors, `${name}.collateral.json`);
    const check =
      expected === "TCB_NOT_SUPPORTED"
        ? "TcbLevelUnknown"
        : name.includes("POLICY")
          ? "ServiceTdNotAllowed"
          : "accepted";

    it(`${name}: ${check}, ${expected}`, async () => {
      for (const at of [{}, { at: `${validAt}` }]) {
        const verdict = await verdictOf({ kind, file, collateral, ...at });
        assert.equal(checkOf(verdict), check);
        assert.equal(verdict.tcbStatus, check === "TcbLevelUnknown" ? null : expected);
        assertGas(verdict);
        assert.equal(verdict.expiresAt, check === "accepted" ? expiresAt : null);
      }
      const late = await verdictOf({ kind, file, collateral, at: `${expiresAt + 1}` });
      assert.equal(late.accepted, false);
    });

    it(`${name} without collateral: refused in words`, async () => {
      const verdict = await verdictOf({ kind, file });
      assert.equal(checkOf(verdict), "PckIssuerUnknown");
      assert.match(verdict.reason ?? "", /no collateral was given/);
    });
  }

  it("accepts the policy case when its service domain is named, and narrows statuses", async () => {
    const name = join(vectors, "tdx/POLICY_v5_alibaba_90C06F000000_2025-06");
    const files = { file: `${name}.quote.bin`, collateral: `${name}.collateral.json` };
    const { measurement } = await verdictOf({ kind: "tdx", ...files });
    const serviceTd = measurement.mrservicetd ?? "";
    assert.equal((await verdictOf({ kind: "tdx", ...files, serviceTd })).accepted, true);
    const old = join(vectors, "tdx/automata_00806f050000_2025-06");
    const narrow = await verdictOf({
      kind: "tdx",
      file: `${old}.quote.bin`,
      collateral: `${old}.collateral.json`,
      statuses: "UpToDate,SWHardeningNeeded",
    });
    assert.equal(checkOf(narrow), "TcbStatusNotAllowed");
    assert.equal(narrow.tcbStatus, "OutOfDate");
  });

  for (const name of ["quotes-only", "wrong-root"]) {
    it(`${name}: refused`, async () => {
      for (const file of readdirSync(join(vectors, name)).filter((one) => /quote\.(bin|dat)$/.test(one))) {
        const path = join(vectors, name, file);
        const tee = readFileSync(path).readUInt32LE(4) === 0x81 ? "tdx" : "sgx";
        assert.equal((await verdictOf({ kind: tee, file: path })).accepted, false, file);
      }
    });
  }
});

describe("meantime enclave verify, shapes of documents", () => {
  it("takes a document as bytes, hexadecimal, Base64 or a field of JSON", async () => {
    const bytes = Buffer.from(documentOf());
    const lines = bytes.toString("base64").replace(/.{76}/g, "$&\n");
    const shapes = [
      bytes,
      bytes.toString("hex"),
      `0x${bytes.toString("hex")}\n`,
      lines,
      bytes.toString("base64url"),
      JSON.stringify({ document: bytes.toString("base64") }),
      JSON.stringify(bytes.toString("hex")),
    ];
    for (const shape of shapes) assert.equal((await nitro(shape)).accepted, true, String(shape).slice(0, 40));
  });

  it("accepts what is legitimate: tagged, indefinite, 17 PCRs and more, all fields or none", async () => {
    const more = (count: number): [number, Uint8Array][] => [
      ...PCRS,
      ...Array.from({ length: count }, (_, index): [number, Uint8Array] => [
        16 + index,
        new Uint8Array(48).fill(7),
      ]),
    ];
    const documents = [
      { isTagged: true },
      { isIndefinite: true },
      { pcrs: more(1) },
      { pcrs: more(16) },
      { publicKey: new Uint8Array(65).fill(4), userData: new Uint8Array(512), nonce: new Uint8Array(512) },
    ];
    for (const changes of documents) assert.equal((await nitro(documentOf(changes))).accepted, true);
  });

  it("verifies a chain that is too long for one transaction in several", async () => {
    const authorities: Party[] = ["a", "b", "c", "d", "e", "f"].map((name) => ({ name, key: keyOf(name) }));
    const [first = partyOf("root")] = authorities;
    const links = authorities.map((subject, index) =>
      certificateOf("root", {
        subject,
        issuer: authorities[index - 1] ?? partyOf("root"),
        serial: BigInt(index + 77),
      }),
    );
    const leaf = certificateOf("leaf", { issuer: authorities.at(-1) ?? first });
    const verdict = await nitro(documentOf({ chain: [certificateOf("root"), ...links, leaf] }));
    assert.equal(verdict.reason, null);
    assert.deepEqual(verdict.calls, ["NitroVerifier.verifyChain", "NitroVerifier.verify"]);
    assertGas(verdict);
  });

  it("names the signature that is wrong", async () => {
    const forged = await nitro(documentOf({ alterSignature: (signature) => signature.with(50, 1) }));
    assert.match(forged.reason ?? "", /^Bad\w+: the signature on the document is wrong/);
    const chain = chainOf({ zonal: { alterSignature: (signature) => signature.with(50, 1) } });
    assert.match((await nitro(documentOf({ chain }))).reason ?? "", /certificate 2 of the chain/);
  });

  it("refuses, and does not choke on, documents cut short anywhere", async () => {
    const bytes = documentOf();
    for (const length of [80, 1000, bytes.length - 1]) {
      const { reason } = await nitro(bytes.slice(0, length));
      assert.match(reason ?? "", /^Cbor|^Document/);
    }
    assert.equal(checkOf(await intel(quote().slice(0, 700), bundle("tdx"))), "MT-SDK-653");
  });
});

describe("meantime enclave verify, shapes of collateral", () => {
  it("judges every kind of quote, under the Platform and the Processor CA", async () => {
    for (const kind of QUOTE_KINDS) {
      const verdict = await intel(quote(kind), bundle(kind.tee), kind.tee);
      assert.equal(verdict.tcbStatus, "UpToDate");
      assert.ok(verdict.accepted);
    }
    const pck = pckCertificate({}, { issuer: PROCESSOR_CA, subject: PCK });
    const chain = [pck, authorityCertificate(PROCESSOR_CA), rootCertificate()];
    const processor = quote({ tee: "sgx", pck, chain });
    assert.ok((await intel(processor, bundle("sgx", { ca: PROCESSOR_CA }), "sgx")).accepted);
  });

  it("takes the names and encodings of other programs", async () => {
    const own = bundle("tdx");
    const der = (hex: string) => Buffer.from(hex, "hex");
    const crlPem = (hex: string) =>
      `-----BEGIN X509 CRL-----\n${der(hex).toString("base64")}\n-----END X509 CRL-----\n`;
    const camel = {
      pckCrlIssuerChain: encodeURIComponent(own.pck_crl_issuer_chain),
      rootCaCrl: der(own.root_ca_crl).toString("base64"),
      pckCrl: crlPem(own.pck_crl),
      tcbInfoIssuerChain: own.tcb_info_issuer_chain,
      tcbInfo: `{"tcbInfo":${own.tcb_info},"signature":"${own.tcb_info_signature}"}`,
      qeIdentityIssuerChain: own.qe_identity_issuer_chain,
      enclaveIdentity: { enclaveIdentity: JSON.parse(own.qe_identity), signature: own.qe_identity_signature },
    };
    const objects = {
      ...own,
      tcb_info: JSON.parse(own.tcb_info),
      qe_identity: JSON.parse(own.qe_identity),
      tcb_info_signature: der(own.tcb_info_signature).toString("base64"),
      root_ca_crl: [...der(own.root_ca_crl)],
      pck_crl: `0x${own.pck_crl.toUpperCase()}`,
    };
    const reversed = {
      ...own,
      tcb_info_issuer_chain: reverse(own.tcb_info_issuer_chain),
      qe_identity_issuer_chain: undefined,
      pck_crl_issuer_chain: undefined,
    };
    for (const shape of [camel, objects, reversed, { collateral: own }]) {
      const verdict = await intel(quote(), shape);
      assert.equal(verdict.reason, null);
    }
  });

  it("says which document is missing, and why one was refused", async () => {
    const { pck_crl: _, ...withoutCrl } = bundle("tdx");
    assert.match(
      (await intel(quote(), withoutCrl)).reason ?? "",
      /QuoteDocumentMissing: the PCK revocation list/,
    );
    const { qe_identity: __, ...withoutQe } = bundle("tdx");
    assert.match((await intel(quote(), withoutQe)).reason ?? "", /QuoteDocumentMissing: the QE identity/);
    const altered = { ...bundle("tdx"), tcb_info: bundle("tdx").tcb_info.replace("UpToDate", "OutOfDate") };
    assert.match((await intel(quote(), altered)).reason ?? "", /enterTcbInfo was refused, SignatureWrong/);
    const revoked = bundle("tdx", { pckSerials: [SERIALS.pck] });
    assert.equal(checkOf(await intel(quote(), revoked)), "PckRevoked");
  });
});

describe("meantime enclave verify, as a program", () => {
  it("exits with 0, 1 and 2", async () => {
    const good = saved("good.bin", documentOf());
    const nitroArgs = ["--kind", "nitro", "--root", NITRO_ROOT, "--json"];
    const accepted = await run([...nitroArgs, "--file", good]);
    assert.equal(accepted.status, 0, accepted.stderr);
    const printed = JSON.parse(accepted.stdout) as Verdict;
    assert.equal(printed.accepted, true);
    assert.deepEqual(Object.keys(printed.gas), ["total", "byTransaction"]);

    const debug = saved(
      "debug.bin",
      documentOf({ pcrs: PCRS.map(([index]) => [index, new Uint8Array(48)]) }),
    );
    const refused = await run([...nitroArgs, "--file", debug]);
    assert.equal(refused.status, 1);
    assert.match(JSON.parse(refused.stdout).reason, /debug mode/);
  });

  const good = saved("good2.bin", documentOf());
  const tdx = saved("quote.bin", quote());
  const mistakes: Record<string, string[]> = {
    "a missing file": ["--kind", "nitro", "--file", join(folder, "none")],
    "an empty file": ["--kind", "nitro", "--file", saved("empty", "")],
    "a text that encodes nothing": ["--kind", "nitro", "--file", saved("hello.txt", "Hello, world!")],
    "bytes that are something else": ["--kind", "tdx", "--file", saved("else", Uint8Array.of(1, 2, 3, 255))],
    "another kind": ["--kind", "sgx", "--file", tdx],
    "a quote as a document": ["--kind", "nitro", "--file", tdx],
    "an unknown kind": ["--kind", "snp", "--file", good],
    "no file": ["--kind", "nitro"],
    "no moment": ["--kind", "nitro", "--file", good, "--at", "yesterday"],
    "another vendor's root": ["--kind", "nitro", "--file", good, "--root", "intel"],
    "a root that is none": ["--kind", "nitro", "--file", good, "--root", saved("root.txt", "no root")],
    "a root of another kind": ["--kind", "nitro", "--file", good, "--root", INTEL_ROOT],
    "collateral for Nitro": ["--kind", "nitro", "--file", good, "--collateral", good],
    "collateral that is no JSON": ["--kind", "tdx", "--file", tdx, "--collateral", good],
    "collateral without any": ["--kind", "tdx", "--file", tdx, "--collateral", saved("bare.json", "{}")],
    "a status that is none": ["--kind", "tdx", "--file", tdx, "--statuses", "Fine"],
  };
  for (const [what, args] of Object.entries(mistakes)) {
    it(`exits with 2 for ${what}, and says what`, async () => {
      const { status, stdout, stderr } = await run(args);
      assert.equal(status, 2, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, /MT-ENC-00[1-4]|error:/);
    });
  }
});

function nitro(content: Uint8Array | string): Promise<Verdict> {
  return verdictOf({ kind: "nitro", file: saved("document", content), root: NITRO_ROOT, at: `${NOW}` });
}

function intel(
  content: Uint8Array,
  collateral: Partial<CollateralBundle> | object,
  kind: AttestationKind = "tdx",
): Promise<Verdict> {
  const files = {
    file: saved("quote", content),
    collateral: saved("collateral.json", JSON.stringify(collateral)),
  };
  return verdictOf({ kind, ...files, root: INTEL_ROOT, at: `${NOW}` });
}

function assertGas({ gas, transactions, calls }: Verdict): void {
  assert.equal(
    gas.total,
    gas.byTransaction.reduce((sum, one) => sum + one, 0),
  );
  assert.ok(gas.byTransaction.every((one) => one > 21_000 && one <= TRANSACTION_GAS_LIMIT));
  assert.deepEqual([transactions, calls.length], [gas.byTransaction.length, gas.byTransaction.length]);
}

function checkOf({ accepted, reason }: Verdict): string {
  assert.equal(accepted, reason === null);
  return reason === null ? "accepted" : (reason.split(":")[0] ?? "");
}

function reverse(chain: string): string {
  return chain
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .reverse()
    .join("");
}

function saved(name: string, content: Uint8Array | string): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : concatBytes(content));
  return file;
}

async function run(args: readonly string[]) {
  const child = spawn(process.execPath, [BIN, "enclave", "verify", ...args]);
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await ended, stdout, stderr };
}
