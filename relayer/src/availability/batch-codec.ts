// SPDX-License-Identifier: GPL-3.0-or-later

import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import { type BatchHeader, MAX_OPENING_BYTES, type Opening } from "@meantime/sdk/batch";
import type { Claim } from "@meantime/sdk/claim";
import { bytesToHex, type Hex, hexToBytes, ZERO_HASH } from "@meantime/sdk/hex";
import { type ByteReader, readBytes, readVarint, varint } from "./byte-reader.ts";

/** A claim of a batch as it is published: what `/v1/batches/{id}` serves of it. */
export interface PublishedClaim {
  claim: Claim;
  /** 65 bytes, of the receipt key. */
  signature: Hex;
  /** Undefined where the policy keeps data private. */
  opening: Opening | undefined;
}

/** The only form there is; see docs/AVAILABILITY.md. */
const VERSION = 1;
const FLAG_DEFLATED = 1;
const FLAG_OPENINGS = 2;
const SIGNATURE_BYTES = 65;
/** Every field but the opening, of a batch without a model of its own. */
const MAX_CLAIM_BYTES = 32 + 20 + 3 * 32 + 2 * 10 + SIGNATURE_BYTES;
/** Beside input and output: the salt and two lengths. */
const OPENING_OVERHEAD_BYTES = 32 + 2 * 3;
/** What a reader unpacks at most, whatever the header's count allows. */
const MAX_UNPACKED_BYTES = 128 * 1024 * 1024;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** The bytes that a claim takes at most before they are deflated. */
export function boundOf({ opening }: Pick<PublishedClaim, "opening">): number {
  if (!opening) return MAX_CLAIM_BYTES;
  return MAX_CLAIM_BYTES + OPENING_OVERHEAD_BYTES + opening.input.length + opening.output.length;
}

/**
 * Packs the claims of a batch, in the order of its leaves. What the header says of all of them is left out.
 *
 * @throws RangeError a claim does not belong under the header, or only some have openings
 */
export async function encodeBatch(
  header: BatchHeader,
  claims: readonly PublishedClaim[],
): Promise<Uint8Array> {
  const hasOpenings = claims[0]?.opening !== undefined;
  const body = Buffer.concat(claims.flatMap((published) => claimParts(header, published, hasOpenings)));
  const deflated = await deflate(body);
  const shrinks = deflated.length < body.length;
  const flags = (shrinks ? FLAG_DEFLATED : 0) | (hasOpenings ? FLAG_OPENINGS : 0);
  return Buffer.concat([Uint8Array.of(VERSION, flags), shrinks ? deflated : body]);
}

/**
 * Unpacks what {@link encodeBatch} made. The bytes may be anybody's: nothing is believed, and no more is unpacked than
 * so many claims may take.
 *
 * @throws RangeError they are not the claims of a batch with this header
 */
export async function decodeBatch(header: BatchHeader, bytes: Uint8Array): Promise<PublishedClaim[]> {
  const [version, flags = 0] = bytes;
  if (version !== VERSION) throw new RangeError(`version ${version}, not ${VERSION}`);
  if ((flags & ~(FLAG_DEFLATED | FLAG_OPENINGS)) !== 0) throw new RangeError(`unknown flags ${flags}`);
  const hasOpenings = (flags & FLAG_OPENINGS) !== 0;
  const packed = bytes.subarray(2);
  const body = (flags & FLAG_DEFLATED) === 0 ? packed : await unpack(packed, header.count, hasOpenings);
  const reader: ByteReader = { bytes: body, at: 0 };
  const claims = Array.from({ length: header.count }, () => readClaim(reader, header, hasOpenings));
  if (reader.at !== body.length) throw new RangeError(`${body.length - reader.at} bytes too many`);
  return claims;
}

async function unpack(packed: Uint8Array, count: number, hasOpenings: boolean): Promise<Uint8Array> {
  const each = MAX_CLAIM_BYTES + (hasOpenings ? OPENING_OVERHEAD_BYTES + MAX_OPENING_BYTES : 0);
  const maxOutputLength = Math.min(count * each, MAX_UNPACKED_BYTES);
  try {
    return await inflate(packed, { maxOutputLength });
  } catch (error) {
    throw new RangeError(`cannot be inflated: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function claimParts(header: BatchHeader, published: PublishedClaim, hasOpenings: boolean): Uint8Array[] {
  const { claim, signature, opening } = published;
  const isMixed = header.modelId === ZERO_HASH;
  const fits =
    claim.operator === header.operator &&
    claim.policyId === header.policyId &&
    (isMixed || claim.modelId === header.modelId) &&
    claim.servedAt >= header.oldestServedAt &&
    claim.commitBy >= claim.servedAt;
  if (!fits) throw new RangeError("a claim does not belong under the header");
  if ((opening !== undefined) !== hasOpenings) throw new RangeError("only some claims have openings");
  return [
    ...(isMixed ? [hexToBytes(claim.modelId)] : []),
    ...[claim.requester, claim.requestId, claim.inputHash, claim.outputHash].map(hexToBytes),
    varint(claim.servedAt - header.oldestServedAt),
    varint(claim.commitBy - claim.servedAt),
    hexToBytes(signature),
    ...(opening ? openingParts(opening) : []),
  ];
}

function openingParts({ input, salt, output }: Opening): Uint8Array[] {
  return [hexToBytes(salt), varint(BigInt(input.length)), input, varint(BigInt(output.length)), output];
}

function readClaim(reader: ByteReader, header: BatchHeader, hasOpenings: boolean): PublishedClaim {
  const hex = (length: number): Hex => bytesToHex(readBytes(reader, length));
  const { operator, policyId, oldestServedAt } = header;
  const modelId = header.modelId === ZERO_HASH ? hex(32) : header.modelId;
  const [requester, requestId, inputHash, outputHash] = [hex(20), hex(32), hex(32), hex(32)];
  const servedAt = oldestServedAt + readVarint(reader);
  const commitBy = servedAt + readVarint(reader);
  if (commitBy >= 1n << 64n) throw new RangeError("a time is beyond 64 bits");
  const times = { servedAt, commitBy };
  const claim = { modelId, policyId, operator, requester, requestId, inputHash, outputHash, ...times };
  const signature = hex(SIGNATURE_BYTES);
  return { claim, signature, opening: hasOpenings ? readOpening(reader) : undefined };
}

function readOpening(reader: ByteReader): Opening {
  const salt = bytesToHex(readBytes(reader, 32));
  const input = readBytes(reader, Number(readVarint(reader)));
  const output = readBytes(reader, Number(readVarint(reader)));
  return { input, salt, output };
}
