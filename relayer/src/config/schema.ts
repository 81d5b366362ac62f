// SPDX-License-Identifier: GPL-3.0-or-later

import { z } from "zod";
import { authSchema, rateLimitSchema, streamsPerAddressSchema, trustedProxiesSchema } from "./access.ts";
import { enclaveSchema } from "./enclave.ts";
import { feesSchema } from "./fees.ts";
import { withdrawSchema } from "./withdraw.ts";

/** The shape of the configuration file. `meantime config schema` prints it as JSON Schema. */
export const configSchema = z.strictObject({
  $schema: z.string().optional().describe("for editors: where `meantime config schema` was written to"),
  chain: z
    .strictObject({
      rpcUrls: z
        .array(z.url({ protocol: /^https?$/ }))
        .min(1)
        .max(16)
        .optional()
        .describe("JSON-RPC endpoints of Ethereum nodes; several of different providers outlive one"),
      rpcUrl: z
        .url({ protocol: /^https?$/ })
        .optional()
        .describe("a single endpoint; either this or rpcUrls"),
      chainId: z.int().positive(),
      settlement: hex(20).describe("address of the Settlement contract"),
      enclaveEvidence: hex(20)
        .optional()
        .describe("address of the EnclaveEvidence contract; needed to attest"),
      inferenceRequests: hex(20)
        .optional()
        .describe("address of the InferenceRequests contract, for the index to follow requests"),
      confirmations: z
        .int()
        .min(1)
        .max(256)
        .default(1)
        .describe("blocks until an event or transaction counts"),
      pollMilliseconds: z.int().min(20).max(60_000).default(250),
      startBlock: z.int().min(0).default(0).describe("first block to read events from"),
    })
    .refine(({ rpcUrl, rpcUrls }) => rpcUrl !== undefined || rpcUrls !== undefined, {
      path: ["rpcUrl"],
      message: "name at least one endpoint, here or in rpcUrls",
    })
    .describe("where claims settle"),
  operator: z
    .strictObject({
      address: hex(20).describe("the bonded operator; its own key is not needed here"),
      senderKey: key().describe("signs transactions of every lane that has no key of its own"),
      senderKeys: z
        .prefault(
          z.strictObject({
            answer: key().optional().describe("answers, reveals and voids: what must land by a deadline"),
            finalise: key().optional().describe("proofs, attestations and releases: what can wait"),
            commit: key().optional().describe("commits and announces"),
          }),
          {},
        )
        .describe("a sender for each lane, so that what is stuck in one holds up no other"),
      receiptKey: key().describe("signs receipts"),
      enclaveKey: secret().optional().describe("signs attestations; the key that lives in the enclave"),
    })
    .describe("who settles"),
  gateway: z.strictObject({
    host: z.string().min(1).default("127.0.0.1"),
    port: z.int().min(0).max(65_535).default(8080).describe("0: any free port"),
    publicUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("announced on chain; default: the bound address"),
    maxBodyBytes: z.int().min(1_024).max(16_777_216).default(65_536),
    requester: hex(20)
      .optional()
      .describe("whom claims compensate that were asked for by nobody in particular; default: nobody"),
    maxAnswerBytes: z
      .int()
      .min(1_024)
      .max(268_435_456)
      .default(16_777_216)
      .describe("an upstream's longer answer is refused"),
    requestTimeoutSeconds: z
      .number()
      .min(0.1)
      .max(86_400)
      .default(600)
      .describe("how long a request to an upstream may take, its wait for its turn included"),
    queue: z.prefault(
      z.strictObject({
        maxConcurrent: z.int().min(1).max(65_536).default(256).describe("requests to one upstream at a time"),
        maxWaiting: z
          .int()
          .min(0)
          .max(1_048_576)
          .default(1_024)
          .describe("requests that wait for their turn; the next is refused with 503"),
        perCaller: z
          .int()
          .min(1)
          .max(1_114_112)
          .optional()
          .describe(
            "of both together, for one key, payer or network address; the next is refused with 429. Default: a quarter",
          ),
      }),
      {},
    ),
    auth: authSchema.prefault({ mode: "none" }).describe("who may ask for answers"),
    rateLimit: rateLimitSchema.prefault({}).describe("how often"),
    streamsPerAddress: streamsPerAddressSchema,
    trustedProxies: trustedProxiesSchema,
    metrics: z.boolean().default(true).describe("serve /metrics beside the API"),
  }),
  ledger: z.prefault(
    z.strictObject({
      file: z.string().min(1).optional().describe("SQLite file, relative to this file"),
      url: z
        .union([postgresUrl(), z.strictObject({ env: environmentName() })])
        .optional()
        .describe("PostgreSQL database instead; default without a file: what DATABASE_URL holds"),
      leaseSeconds: z
        .int()
        .min(2)
        .max(120)
        .default(15)
        .describe("how long a worker that was killed keeps the others of its database from its work"),
    }),
    {},
  ),
  models: z.array(z.union([networkSchema(), upstreamModelSchema()])).min(1),
  policies: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be a short lower-case name such as window"),
        id: hex(32),
        prove: z
          .union([
            z.literal("never"),
            z.literal("always"),
            z.strictObject({ sample: z.number().gt(0).max(1) }),
          ])
          .default("never")
          .describe("which claims are proven before anybody asks"),
        availability: availability().optional().describe("default: commit.availability"),
      }),
    )
    .min(1)
    .describe("the first is the default"),
  commit: z.prefault(
    z.strictObject({
      maxAgeSeconds: z
        .number()
        .min(0)
        .max(86_400)
        .default(30)
        .describe("a batch closes when its oldest claim is this old"),
      maxClaims: z.int().min(1).max(65_536).default(4_096),
      commitHorizonSeconds: z.int().min(10).max(86_400).default(600).describe("commitBy = servedAt + this"),
      availability: availability()
        .default("http")
        .describe(
          "http: this gateway serves what is in a batch; blob: its commit carries it in blobs as well",
        ),
      blobs: z.prefault(
        z.strictObject({
          maxBlobs: z.int().min(1).max(6).default(3).describe("of one batch; each holds about 400 claims"),
          maxFeeGwei: z
            .number()
            .gt(0)
            .max(1_000_000)
            .default(20)
            .describe("of a unit of blob gas; while blobs are dearer a batch waits, at last it goes without"),
          proofs: z
            .enum(["cell", "blob"])
            .default("cell")
            .describe("cell: since Osaka (EIP-7594); blob: before it, and Hardhat's node (EIP-4844)"),
        }),
        {},
      ),
    }),
    {},
  ),
  fees: feesSchema().describe("what may be spent on transactions; see docs/OPERATING.md"),
  withdraw: withdrawSchema().optional(),
  prover: z.prefault(
    z.strictObject({
      workers: z.int().min(1).max(64).default(1).describe("proofs at the same time; one uses every core"),
      timeoutMilliseconds: z.int().min(1_000).max(3_600_000).default(120_000),
      memoryMegabytes: z.int().min(256).max(1_048_576).default(4_096).describe("resident, of one worker"),
      rapidsnark: z
        .strictObject({
          path: z.string().min(1).describe("the prover binary, relative to this file"),
          sha256: z
            .string()
            .regex(/^[0-9a-fA-F]{64}$/)
            .optional()
            .describe("refuse a binary with another hash"),
        })
        .optional()
        .describe("an external prover, several times faster than snarkjs"),
    }),
    {},
  ),
  enclave: enclaveSchema
    .extend({ registrarKey: secret().describe("pays for its registration; a sender of its own") })
    .optional()
    .describe("registers operator.enclaveKey by attestation, and keeps it registered"),
  watch: z.prefault(
    z.strictObject({
      mode: z
        .enum(["auto", "oversight", "manual", "off"])
        .default("off")
        .describe("auto acts, oversight proposes to a human, manual only logs"),
      challengerKey: key().optional().describe("pays challenge bonds; a sender of its own"),
      maxOpenChallenges: z.int().min(0).default(4),
      ...watchLimits(),
      disprove: z.boolean().default(false).describe("prove the true output of a lie, where that can be done"),
    }),
    {},
  ),
  index: z.prefault(
    z.strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe("keep an index of everything on chain and of what operators publish, and serve /index/v1"),
      allowPrivateAddresses: z
        .boolean()
        .default(false)
        .describe("fetch from private and loopback addresses too; always so on chain 31337"),
    }),
    {},
  ),
  breaker: z.prefault(
    z.strictObject({
      maxFailedObligations: z
        .int()
        .min(1)
        .default(3)
        .describe("so many failed obligations stop new work until `meantime resume`"),
    }),
    {},
  ),
  admin: z.prefault(
    z.strictObject({
      socket: z
        .string()
        .min(1)
        .optional()
        .describe(
          "Unix socket for the operator's commands, relative to this file; default: beside the ledger file",
        ),
    }),
    {},
  ),
  telemetry: z.prefault(
    z.strictObject({
      otlpUrl: z
        .url({ protocol: /^https?$/ })
        .optional()
        .describe(
          "takes OpenTelemetry spans, such as http://127.0.0.1:4318/v1/traces; default: none are made",
        ),
    }),
    {},
  ),
  log: z.prefault(
    z.strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info") }),
    {},
  ),
});

/** The file as written, defaults filled in, keys not yet resolved. */
export type ConfigFile = z.output<typeof configSchema>;

/** A private key: its hex digits (development chain only) or the environment variable that holds them. */
export type SecretSource = z.output<ReturnType<typeof secret>>;

/** A key as the file names it; see `KeySource` of `signers/open.ts`. */
export type KeyEntry = ConfigFile["operator"]["senderKey"];

function availability() {
  return z.enum(["http", "blob"]);
}

function hex(bytes: number) {
  return z
    .string()
    .regex(new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`), `must be 0x followed by ${bytes * 2} hex digits`);
}

function networkSchema() {
  return z
    .strictObject({
      spec: z.string().min(1).describe("model specification, relative to this file"),
      verificationKey: z.string().min(1).optional().describe("snarkjs verification key (JSON)"),
      wasm: z.string().min(1).optional().describe("witness generator"),
      zkey: z.string().min(1).optional().describe("proving key"),
      measurement: hex(32).optional().describe("of the enclave image that runs the model"),
      version: z.int().min(0).optional().describe("default: the version in the specification"),
    })
    .describe("a network that this process runs");
}

/** A model behind an OpenAI-compatible server, as the file has it. */
export function upstreamModelSchema() {
  return z
    .strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/, "must be a name such as llama-3.1-8b-instruct")
        .describe("as requests name it in `model`"),
      version: z.int().min(1).max(0xffff_ffff).default(1),
      weights: z
        .string()
        .min(1)
        .max(256)
        .describe("what names the weights for good, such as sha256:… of their files; part of the model id"),
      measurement: hex(32).optional().describe("of the enclave image that runs the model"),
      reexecutable: z
        .boolean()
        .default(false)
        .describe("running it again gives the same answer: re-executors can vouch for it"),
      upstream: z
        .strictObject({
          url: z
            .url({ protocol: /^https?$/ })
            .regex(/^[^?#]*$/, "must have no query: the routes are put behind it")
            .describe("base URL as OpenAI's clients take it, such as http://127.0.0.1:8000/v1"),
          apiKey: z
            .strictObject({ env: environmentName() })
            .optional()
            .describe("variable with the key that the upstream wants"),
          model: z
            .string()
            .min(1)
            .max(256)
            .optional()
            .describe("what the upstream calls the model; default: name"),
        })
        .optional()
        .describe("who runs it; a watchtower needs none"),
    })
    .describe("a model behind an OpenAI-compatible server");
}

/** What bounds a watchtower, beside an operator or alone. */
export function watchLimits() {
  return {
    maxBondsWei: z
      .string()
      .regex(/^[0-9]{1,30}$/, "must be wei in decimal digits")
      .optional()
      .describe("bounds the bonds at risk at one time; default: their number alone does"),
    allowPrivateAddresses: z
      .boolean()
      .default(false)
      .describe("fetch from private and loopback addresses too; always so on chain 31337"),
    receiptsFolder: z
      .string()
      .min(1)
      .optional()
      .describe("receipts that we hold, relative to this file: their operators are held to them"),
    blobs: z.prefault(
      z.strictObject({
        beaconUrl: z
          .url({ protocol: /^https?$/ })
          .optional()
          .describe("beacon API of a consensus node: batches are read from blobs where they have them"),
        archiveFolder: z
          .string()
          .min(1)
          .optional()
          .describe("blobs that were read are kept here, relative to this file, and read from here first"),
      }),
      {},
    ),
  };
}

function secret() {
  return z.union([hex(32), z.strictObject({ env: environmentName() })]);
}

export function key() {
  const keystore = z.string().min(1).describe("encrypted key file, relative to this file");
  return z.union([
    hex(32).describe("the key itself; development chain 31337 only"),
    z
      .strictObject({ env: environmentName() })
      .describe("variable with the key itself; development chain 31337 only"),
    z.strictObject({ keystore, passwordFile: z.string().min(1).describe("relative to this file") }),
    z.strictObject({ keystore, passwordEnv: environmentName() }),
    z
      .strictObject({
        remote: z.url({ protocol: /^https?$/ }).describe("a Web3Signer"),
        address: hex(20).describe("of the key that it signs with"),
        timeoutMilliseconds: z.int().min(100).max(60_000).default(5_000),
      })
      .describe("a key that another process keeps"),
  ]);
}

function environmentName() {
  return z.string().regex(/^[A-Z_][A-Z0-9_]*$/);
}

function postgresUrl() {
  return z.url({ protocol: /^postgres(ql)?$/ });
}
