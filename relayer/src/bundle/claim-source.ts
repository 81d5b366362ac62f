// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, type Opening, parseBatchHeader } from "@meantime/sdk/batch";
import { MeantimeError } from "@meantime/sdk/errors";
import { asHex32, type Hex } from "@meantime/sdk/hex";
import { exchange } from "@meantime/sdk/http";
import { asRecord } from "@meantime/sdk/json";
import { parseReceipt, type Receipt } from "@meantime/sdk/receipt";
import { RelayerError, TemporaryError } from "../errors.ts";

/** What somebody says of a claim. Nothing of it is believed until it was held against the chain. */
export interface KnownClaim {
  receipt: Receipt;
  opening?: Opening;
  /** Undefined: it is in no batch yet. */
  place?: { batchId: Hex; header: BatchHeader; index: number; proof: Hex[] };
}

/** Who says what of claims: an operator's gateway, or an indexer. */
export interface ClaimSource {
  /** @throws RelayerError `MT-BND-001` it does not know the claim */
  find(claimId: Hex): Promise<KnownClaim>;
  /** All openings of a batch in order; undefined where they are not to be had. */
  openings(batchId: Hex): Promise<Opening[] | undefined>;
}

const PATIENCE = { timeoutMs: 20_000, retries: 2 };
const NOT_FOUND = 404;

/** An operator's gateway. */
export function gatewaySource(url: string): ClaimSource {
  return {
    async find(claimId) {
      const [held, claim] = await Promise.all([
        readJson(url, `v1/receipts/${claimId}`),
        readJson(url, `v1/claims/${claimId}`),
      ]);
      if (held === undefined || claim === undefined) throw notKnown(url, claimId);
      const { receipt, opening } = asRecord(held, "answer");
      return {
        receipt: parseReceipt(receipt),
        ...(opening === undefined ? {} : { opening: openingOf(opening) }),
        ...placeOf(asRecord(claim, "claim")),
      };
    },
    async openings(batchId) {
      const file = await readJson(url, `v1/batches/${batchId}`);
      if (file === undefined) return undefined;
      const { claims } = asRecord(file, "batch");
      const openings = Array.isArray(claims) ? claims.map((one) => asRecord(one, "claim").opening) : [];
      return openings.some((opening) => opening === undefined) ? undefined : openings.map(openingOf);
    },
  };
}

/** An indexer's API, or that of a relayer that indexes. */
export function indexSource(url: string): ClaimSource {
  return {
    async find(claimId) {
      const claim = await readJson(url, `index/v1/claims/${claimId}`);
      if (claim === undefined) throw notKnown(url, claimId);
      const fields = asRecord(claim, "claim");
      if (fields.receipt === null || fields.receipt === undefined) {
        throw unusable(url, "the indexer has no receipt of the claim: its operator published none");
      }
      const { receipt, opening } = fields;
      return {
        receipt: parseReceipt(receipt),
        ...(opening === null || opening === undefined ? {} : { opening: openingOf(opening) }),
        ...placeOf(fields),
      };
    },
    openings: async () => undefined,
  };
}

function placeOf({ batchId, header, index, proof }: Record<string, unknown>): Pick<KnownClaim, "place"> {
  if (header === undefined || header === null) return {};
  return {
    place: {
      batchId: asHex32(batchId, "batchId"),
      header: parseBatchHeader(header),
      index: Number(index),
      proof: (Array.isArray(proof) ? proof : []).map((hash, at) => asHex32(hash, `proof[${at}]`)),
    },
  };
}

/** Gateways and indexers write bytes in base64url. */
function openingOf(json: unknown): Opening {
  const { input, salt, output } = asRecord(json, "opening");
  const bytesOf = (text: unknown) => Uint8Array.from(Buffer.from(String(text), "base64url"));
  return { input: bytesOf(input), salt: asHex32(salt, "opening.salt"), output: bytesOf(output) };
}

async function readJson(base: string, path: string): Promise<unknown> {
  const url = new URL(path, base.endsWith("/") ? base : `${base}/`);
  try {
    return await exchange(url, {}, PATIENCE, async (response) => {
      if (response.status === NOT_FOUND) return undefined;
      if (!response.ok) throw unusable(base, `it answered ${response.status}`);
      return response.json();
    });
  } catch (error) {
    if (error instanceof MeantimeError && /^MT-SDK-50\d$/.test(error.code)) {
      throw new TemporaryError("MT-BND-003", error.message, "Try again later, or ask another source.");
    }
    throw error;
  }
}

function notKnown(url: string, claimId: Hex): RelayerError {
  return new RelayerError(
    "MT-BND-001",
    `${url} does not know the claim ${claimId}`,
    "Ask the operator that served it: --gateway with the address of its gateway.",
  );
}

function unusable(url: string, why: string): RelayerError {
  return new RelayerError("MT-BND-002", `${url} cannot be used: ${why}`, "Ask another source.");
}
