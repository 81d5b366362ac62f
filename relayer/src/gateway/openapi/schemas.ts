// SPDX-License-Identifier: GPL-3.0-or-later

import { z } from "@hono/zod-openapi";
import { STATUS, type StatusName } from "@meantime/sdk/status";
import { ERROR_TYPES } from "../http-error.ts";

/** The shapes of answers: what the document shows, what handlers are checked against when they are compiled, and what the tests
 * hold every answer of a running gateway to. */

const hex = (bytes: number, description: string) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`))
    .openapi({ description });

/** 20 bytes. */
export const address = (description: string) => hex(20, description);
/** 32 bytes. */
export const hex32 = (description: string) => hex(32, description);
/** Of the latest block, or of the wall clock where a description says so. */
export const unixSeconds = (description: string) =>
  z
    .int()
    .min(0)
    .openapi({ description: `${description}; unix seconds` });
/** Amounts in the smallest unit of their token, as decimal digits: they do not fit a number. */
export const wei = (description: string) =>
  z
    .string()
    .regex(/^[0-9]+$/)
    .openapi({ description: `${description}; wei, decimal` });
const uint64 = (description: string) =>
  z
    .string()
    .regex(/^[0-9]{1,20}$/)
    .openapi({ description });

export const errorSchema = z
  .strictObject({
    error: z.strictObject({
      message: z.string(),
      type: z.enum(ERROR_TYPES),
      param: z.string().nullable().openapi({ description: "The member of the request that is to blame." }),
      code: z
        .string()
        .regex(/^MT-[A-Z]+-[0-9]{3}$/)
        .openapi({ description: "Does not change; docs/ERRORS.md has a heading for each." }),
      hint: z.string().openapi({ description: "What to do next." }),
    }),
  })
  .openapi("Error", { description: "Every refusal, on every route: OpenAI's shape, and a hint." });

export const claimSchema = z
  .strictObject({
    modelId: hex32("Of the model, in the model registry."),
    policyId: hex32("Of the settlement terms, in the policy registry."),
    operator: address("Whose stake stands behind the answer."),
    requester: address("Whom a rejection compensates."),
    requestId: hex32("Chosen by who asked, or at random."),
    inputHash: hex32("Commitment to the input; docs/HASHING.md."),
    outputHash: hex32("Commitment to the output."),
    servedAt: uint64("Block time at which the answer was given; unix seconds."),
    commitBy: uint64("Until when it has to be committed on chain; unix seconds."),
  })
  .openapi("Claim", {
    description: "What a receipt signs and a batch commits to; integers as decimal digits.",
  });

export const receiptSchema = z
  .strictObject({
    claim: claimSchema,
    claimId: hex32("The EIP-712 digest of the claim: what is signed."),
    signature: z
      .string()
      .regex(/^0x[0-9a-f]{130}$/)
      .openapi({ description: "r, s, v of secp256k1." }),
  })
  .openapi("Receipt", { description: "The operator's signed promise. Verify it before using the answer." });

export const openingSchema = z
  .strictObject({
    input: z.string().openapi({ description: "The committed bytes, base64url." }),
    salt: hex32("Both commitments are salted with it."),
    output: z.string().openapi({ description: "The committed bytes, base64url." }),
  })
  .openapi("Opening", {
    description: "What opens a claim's hashes. Shown under policies of public data only.",
  });

export const headerSchema = z
  .strictObject({
    operator: address("Who committed."),
    policyId: hex32("Of all its claims."),
    modelId: hex32("Of all its claims."),
    root: hex32("Of the tree over the claims."),
    dataRoot: hex32("Of the tree over their openings; zero under a policy of private data."),
    count: z.int().min(1).openapi({ description: "Claims in it." }),
    oldestServedAt: uint64("Of the claim that was served first; unix seconds."),
    nonce: uint64("Tells batches with the same claims apart."),
  })
  .openapi("BatchHeader", { description: "What is committed on chain for many claims together." });

const statusNames = ["Served", ...Object.keys(STATUS).filter((name) => name !== "Unknown")] as [
  "Served",
  ...Exclude<StatusName, "Unknown">[],
];

export const statusSchema = z.enum(statusNames).openapi("ClaimStatus", {
  description: "Served: not on chain yet. Final, Rejected and Voided do not change any more.",
});

const time = (description: string) => unixSeconds(description).optional();
const timelineSchema = z.strictObject({
  servedAt: unixSeconds("The answer"),
  commitBy: unixSeconds("Latest commit"),
  committedAt: time("Commit of its batch"),
  attestedAt: time("Attestation of its batch by an enclave"),
  challengedAt: time("Challenge, or demand to see it"),
  proveBy: time("Latest evidence against an open challenge"),
  revealBy: time("Latest opening against an open demand"),
  evidenceAt: time("First evidence"),
  rejectedAt: time("Rejection"),
  voidedAt: time("Voiding"),
  finalAt: time("Finality; may lie ahead"),
});

const place = {
  batchId: hex32("Of its batch."),
  index: z.int().min(0).openapi({ description: "Of its leaf." }),
  header: headerSchema,
  proof: z
    .array(hex32("A sibling."))
    .openapi({ description: "The Merkle path from its leaf to the root, lowest first." }),
};

const standing = { status: statusSchema, timeline: timelineSchema };

export const claimReportSchema = z
  .strictObject({
    claimId: hex32("As asked for."),
    claim: claimSchema,
    ...standing,
    transactions: z
      .partialRecord(
        z.enum(["commit", "attest", "challenge", "evidence", "void", "reject", "release"]),
        hex32("Transaction hash."),
      )
      .openapi({ description: "On chain, as far as they are." }),
    ...z.object(place).partial().shape,
  })
  .openapi("ClaimReport", {
    description:
      "Where a claim stands; batchId, index, header and proof once it is in a batch. Nothing of it is proof: check it against the chain.",
  });

export const claimProofSchema = z
  .strictObject({ claimId: hex32("As asked for."), status: statusSchema, ...place })
  .openapi("ClaimProof", { description: "The place of a claim, as Settlement's functions take it." });

export const receiptReportSchema = z
  .strictObject({ receipt: receiptSchema, opening: openingSchema.optional() })
  .openapi("ReceiptReport");

export const batchSchema = z
  .strictObject({
    batchId: hex32("As asked for."),
    header: headerSchema,
    claims: z.array(z.strictObject({ ...receiptSchema.shape, opening: openingSchema.optional() })),
  })
  .openapi("Batch", {
    description: "Everything that a watchtower needs to check a batch, in the order of its leaves.",
  });

const policyTermsSchema = z
  .strictObject({
    rule: z.int().openapi({ description: "EvidenceRule: what makes a claim final early." }),
    answerKinds: z.int().openapi({
      description: "Flags of the evidence that answers a challenge: 1 proof, 2 enclave, 4 quorum.",
    }),
    publicData: z.boolean().openapi({ description: "Whether anybody may demand to see openings." }),
    bondToken: address("What bonds are paid in; zero: ether."),
    zkEvidence: address("Zero: none."),
    teeEvidence: address("Zero: none."),
    quorumEvidence: address("Zero: none."),
    challengeWindowSeconds: z.int(),
    attestedWindowSeconds: z.int(),
    proveWindowSeconds: z.int(),
    claimBondWei: wei("What a claim locks of the operator's stake"),
    challengeBondWei: wei("What a challenge costs"),
    challengerBps: z.int(),
    requesterBps: z.int(),
  })
  .openapi("PolicyTerms", { description: "As registered: immutable." });

const priceSchema = z
  .strictObject({
    amount: z
      .string()
      .regex(/^[0-9]+$/)
      .openapi({ description: "In the smallest unit of the asset, for one request." }),
    asset: address("The token."),
    network: z.string().openapi({ description: "CAIP-2, as x402 names it." }),
  })
  .openapi("Price");

const evidenceKindSchema = z.enum(["zk", "tee", "quorum"]);

export const modelSchema = z
  .strictObject({
    id: z.string().openapi({ description: "The name in requests and paths." }),
    object: z.literal("model"),
    created: unixSeconds("When this gateway began to serve it"),
    owned_by: address("The operator."),
    meantime: z.strictObject({
      modelId: hex32("In the model registry."),
      kind: z.enum(["provable", "upstream"]).openapi({
        description:
          "provable: POST /v1/infer/{model} runs it, anybody can run it again. upstream: the OpenAI routes.",
      }),
      evidence: z.array(evidenceKindSchema).openapi({ description: "What can be shown for its claims." }),
      price: priceSchema.optional(),
      version: z.int().optional(),
      inputShape: z.array(z.int()).optional(),
      inputLength: z.int().optional().openapi({ description: "Numbers in an input." }),
      inputBits: z.int().optional().openapi({ description: "Each is from 0 to 2^inputBits - 1." }),
      classes: z.int().optional().openapi({ description: "Labels." }),
      policies: z.array(
        z.strictObject({
          name: z.string(),
          id: hex32("In the policy registry."),
          rule: z.string().openapi({ description: "What makes a claim final early; `window`: nothing." }),
          windows: z.strictObject({
            challengeSeconds: z.int(),
            attestedSeconds: z.int(),
            proveSeconds: z.int(),
          }),
          bonds: z.strictObject({
            claimWei: wei("What a claim locks of the operator's stake"),
            challengeWei: wei("What a challenge costs"),
            token: address("Zero: ether."),
          }),
          publicData: z.boolean(),
        }),
      ),
    }),
  })
  .openapi("Model", { description: "OpenAI's model object; what settles its answers is under `meantime`." });

export const modelListSchema = z
  .strictObject({ object: z.literal("list"), data: z.array(modelSchema) })
  .openapi("ModelList");

const count = z.int().min(0);
const latestClaimSchema = z.strictObject({
  claimId: hex32("Of the claim."),
  model: z.string(),
  policy: z.string(),
  ...standing,
});

export const statusReportSchema = z
  .strictObject({
    operator: address("Whose relayer this is."),
    chainId: z.int(),
    settlement: address("The Settlement contract."),
    nowSeconds: unixSeconds("Of the latest block"),
    chain: z.strictObject({ head: z.int(), readUpTo: z.int() }).nullable(),
    claims: z.record(z.string(), count).openapi({ description: "By status, and their total." }),
    gap: z
      .strictObject({ samples: count, p50Seconds: z.number().nullable(), p95Seconds: z.number().nullable() })
      .openapi({ description: "From the answer to finality, over the latest claims that are final." }),
    exposure: z.array(
      z.strictObject({
        token: address("Zero: ether."),
        stakeWei: wei("The operator's stake"),
        lockableWei: wei("What claims may lock of it"),
        lockedWei: wei("What claims on chain lock"),
        unbondingWei: wei("What is about to be withdrawn"),
        promisedWei: wei("What receipts that are not on chain will lock"),
        freeWei: wei("What new claims can lock"),
        suspended: z.boolean(),
      }),
    ),
    commitsPausedUntil: z.int().nullable(),
    obligations: z.strictObject({
      receiptsToCommit: count,
      challengesToAnswer: count,
      nextProveBy: z.int().nullable(),
      demandsToReveal: count,
      nextRevealBy: z.int().nullable(),
      omissionsToRefute: count,
      transactionsOpen: count,
    }),
    payments: z
      .strictObject({ held: count, pending: count, settled: count, failed: count, released: count })
      .openapi({ description: "By state (x402). pending: what came of it is not known yet." }),
    watch: z
      .looseObject({ mode: z.string() })
      .openapi({ description: "How much of others' claims was checked." }),
    tasks: z.array(
      z.strictObject({
        name: z.string(),
        runs: count,
        failuresInARow: count,
        lastSuccessAtMilliseconds: z.number().optional(),
        lastError: z.strictObject({ code: z.string(), message: z.string() }).optional(),
      }),
    ),
    latest: z.array(latestClaimSchema).openapi({ description: "At most 100 claims, the newest first." }),
  })
  .openapi("Status", { description: "The trust gap now." });

export const readinessSchema = z
  .strictObject({
    ready: z.boolean().openapi({ description: "Whether new work is taken under any policy." }),
    policies: z.array(
      z.strictObject({
        name: z.string(),
        ready: z.boolean(),
        code: z.string().optional(),
        message: z.string().optional(),
      }),
    ),
  })
  .openapi("Readiness");

export const inferAnswerSchema = z
  .strictObject({
    output: z.strictObject({ label: z.int(), logits: z.array(z.number()) }),
    receipt: receiptSchema,
    opening: z.strictObject({ salt: hex32("Both commitments are salted with it.") }),
    policy: z.string().openapi({ description: "The name of the policy that the receipt is under." }),
  })
  .openapi("Inference");

export const wellKnownSchema = z
  .strictObject({
    operator: address("Whose relayer this is."),
    url: z.string().openapi({ description: "Where clients reach this gateway." }),
    chainId: z.int(),
    settlement: address("The Settlement contract."),
    receipts: address("The Receipts contract."),
    receiptKey: address("Signs receipts now; the chain says since and until when it counts."),
    contracts: z.strictObject({
      settlement: address("Claims settle here."),
      receipts: address("Receipt keys and acceptances are here."),
      policies: address("The policy registry."),
      enclaveEvidence: address("Judges attestations.").optional(),
    }),
    domain: z
      .strictObject({
        name: z.string(),
        version: z.string(),
        chainId: z.int(),
        verifyingContract: address("Settlement."),
      })
      .openapi({ description: "The EIP-712 domain of receipts and batches." }),
    keys: z.strictObject({
      receipt: z.strictObject({ address: address("Signs receipts.") }),
      enclave: z
        .strictObject({
          address: address("Signs attestations."),
          measurement: hex32("Of the image.").optional(),
        })
        .optional(),
    }),
    access: z.strictObject({
      auth: z.enum(["none", "bearer", "x402"]),
      perKeyPerMinute: z.int().optional(),
      perAddressPerMinute: z.int().optional(),
      maxBodyBytes: z.int(),
      requestTimeoutSeconds: z.number(),
    }),
    models: z.array(z.strictObject({ name: z.string(), id: hex32("In the model registry.") })),
    policies: z.array(
      z.strictObject({ name: z.string(), id: hex32("In the policy registry."), terms: policyTermsSchema }),
    ),
    routes: z.array(z.string()).openapi({ description: "Every route: method and path." }),
    documents: z.strictObject({ openapi: z.string(), docs: z.string() }),
    version: z.string().openapi({ description: "Of the relayer." }),
  })
  .openapi("WellKnown", { description: "Who this is, and by what its receipts can be checked." });

export const attestationSchema = z
  .strictObject({
    nonce: hex32("As asked for."),
    binding: hex32("What the document has to contain: enclaveNonceBinding(domain, key, nonce) of the SDK."),
    platform: z.enum(["nitro", "tdx", "sgx"]),
    document: z.string().openapi({ description: "COSE_Sign1 of Nitro, or Intel's quote; base64url." }),
    collateral: z
      .record(z.string(), z.string())
      .optional()
      .openapi({ description: "Intel's documents for the platform, as far as they could be had." }),
    measurement: hex32("That the operator says it has; judge by the document."),
    key: z.strictObject({
      kind: z.enum(["secp256k1", "p256"]),
      id: hex32("In the registry on chain."),
      publicKey: z
        .string()
        .regex(/^0x04[0-9a-f]{128}$/)
        .openapi({ description: "SEC1, uncompressed: 04, x and y." }),
    }),
    domain: z.strictObject({ chainId: z.int(), enclaveEvidence: address("The registry's contract.") }),
  })
  .openapi("Attestation");
