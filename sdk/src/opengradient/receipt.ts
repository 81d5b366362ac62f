// SPDX-License-Identifier: MIT
import { sha256 } from "@noble/hashes/sha2.js";
import { isJsonObject, type JsonObject, type JsonValue } from "../canonical-json.ts";
import { MeantimeError } from "../errors.ts";
import { asHexOf, bytesToHex, concatBytes, type Hex, hexToBytes, keccak256, keccak256Text } from "../hex.ts";
import { asRecord } from "../json.ts";
import { type Check, judged, overall, type Verdict } from "../verdict.ts";
import { encodeWords } from "../words.ts";
import { pythonJson } from "./python-json.ts";
import { hashedRequestText, uncoveredBy } from "./request.ts";

/** What OpenGradient's gateway adds to an answer, or to the last chunk of a stream. */
export interface OpenGradientReceipt {
  /** keccak256 of the signing key's DER. */
  teeId: Hex;
  requestHash: Hex;
  outputHash: Hex;
  /** Unix seconds, as the enclave's clock had it. */
  timestamp: bigint;
  signature: Uint8Array;
}

/** What was asked and answered, as far as it is at hand. */
export interface Said {
  request?: JsonValue;
  /** The text that was hashed, where it is known; goes before `request`. */
  requestText?: string;
  answer?: JsonObject;
  /** The text that was hashed: of a stream what its chunks say; goes before `answer`. */
  answerText?: string;
}

/** What such a receipt is worth. */
export interface OpenGradientVerdict {
  verdict: Verdict;
  /** `tee id`, `request`, `output`, `signature`. */
  checks: Check[];
  /** What the signature does say. */
  binds: string[];
  /** What it does not, though an answer seems to. */
  doesNotBind: string[];
}

/** The salt of a signature: 32 bytes today, as many as fit under a key of 2,048 bits in 2025. */
const SALT_BYTES = 32;
const LEGACY_SALT_BYTES = 222;

const NEVER_BOUND: readonly string[] = [
  "a chain or a contract: the same signature can be settled anywhere, any number of times",
  "who asked, who paid, a request id or a nonce",
  "a deadline or a bond: nothing is lost by whoever signed",
  "the finish reason, the usage, the other choices and generated images",
  "that a model computed the answer: the enclave passes requests on to a provider and signs what came back",
  "that the key lives in an enclave: its registration and attestation have to be checked",
];

/** Reads the receipt of an answer. Throws MT-SDK-901 where it has none, MT-SDK-002 for a malformed hash. */
export function parseOpenGradientReceipt(response: unknown): OpenGradientReceipt {
  const fields = asRecord(response, "response");
  const { tee_timestamp: timestamp, tee_signature: signature } = fields;
  if (typeof timestamp !== "number" || !Number.isSafeInteger(timestamp) || timestamp < 0)
    throw noReceipt("tee_timestamp");
  return {
    teeId: hash(fields, "tee_id"),
    requestHash: hash(fields, "tee_request_hash"),
    outputHash: hash(fields, "tee_output_hash"),
    timestamp: BigInt(timestamp),
    signature: base64(signature, "tee_signature"),
  };
}

/**
 * Verifies a receipt off chain: RSA-PSS with SHA-256 and 32 bytes of salt over
 * `keccak256(request hash | output hash | uint256 timestamp)`. Without the request or the answer their hashes are what the
 * signer says they are: `cannot tell`.
 *
 * @param signingKey of the TEE as the on-chain registry has it: DER of a SubjectPublicKeyInfo, or PEM.
 * @param said what was asked and answered: the chat request as it was sent, or the very text that was hashed; the answer
 *   whole, or of a stream the text put together.
 * @throws MeantimeError MT-SDK-901 and -902 as above, MT-SDK-903 for what is no RSA key.
 */
export async function verifyOpenGradientReceipt(
  receipt: OpenGradientReceipt,
  signingKey: Uint8Array | string,
  said: Said = {},
): Promise<OpenGradientVerdict> {
  const key = typeof signingKey === "string" ? derOf(signingKey) : signingKey;
  const message = keccak256(
    concatBytes(
      hexToBytes(receipt.requestHash),
      hexToBytes(receipt.outputHash),
      encodeWords(receipt.timestamp),
    ),
  );
  const holds = await isSigned(key, receipt.signature, hexToBytes(message), SALT_BYTES);
  const checks = [
    judged("tee id", keccak256(key) === receipt.teeId, "the hash of the signing key"),
    checkHash("request", receipt.requestHash, said.requestText ?? textOf(said.request, hashedRequestText)),
    checkHash("output", receipt.outputHash, said.answerText ?? textOf(said.answer, textOfAnswer)),
    judged("signature", holds, "the key's signature over request hash, output hash and time"),
  ];
  return {
    verdict: overall(checks),
    checks,
    binds: holds ? ["the request hash, the output hash and a time that the enclave set, to the key"] : [],
    doesNotBind: [
      ...(said.request === undefined
        ? []
        : uncoveredBy(said.request).map((name) => `${name} of the request`)),
      ...NEVER_BOUND,
    ],
  };
}

/** A receipt of the scheme of 2025, from `system_fingerprint`, and what was signed with it. */
export interface LegacyOpenGradientReceipt {
  /** SHA-256 of the request as the gateway had read it. */
  requestHash: Hex;
  /** ISO 8601, with microseconds and offset. */
  timestamp: string;
  signature: Uint8Array;
}

/**
 * Reads a receipt of 2025: the text of `system_fingerprint`, a Python dictionary. Throws MT-SDK-901.
 */
export function parseLegacyReceipt(systemFingerprint: string): LegacyOpenGradientReceipt {
  const member = (name: string) => new RegExp(`'${name}': '([^'\\\\]*)'`).exec(systemFingerprint)?.[1];
  const timestamp = member("response_timestamp");
  if (timestamp === undefined) throw noReceipt("response_timestamp");
  return {
    requestHash: hash({ request_signature: member("request_signature") }, "request_signature"),
    timestamp,
    signature: base64(member("response_signature"), "response_signature"),
  };
}

/**
 * Verifies a receipt of the scheme of 2025: RSA-PSS with SHA-256 and the longest salt over Python's JSON of
 * `{finish_reason, message: {content, role}, model, request_hash, timestamp}`.
 *
 * @param answer what was signed beside the receipt: the first choice's text and finish reason, and the model.
 * @param request the request as the gateway had read it, absent members as null.
 */
export async function verifyLegacyReceipt(
  receipt: LegacyOpenGradientReceipt,
  signingKey: Uint8Array | string,
  answer: { content: string; finishReason: string; model: string },
  request?: JsonValue,
): Promise<OpenGradientVerdict> {
  const key = typeof signingKey === "string" ? derOf(signingKey) : signingKey;
  const message = pythonJson({
    finish_reason: answer.finishReason,
    message: { content: answer.content, role: "assistant" },
    model: answer.model,
    request_hash: receipt.requestHash.slice(2),
    timestamp: receipt.timestamp,
  });
  const holds = await isSigned(key, receipt.signature, utf8(message), LEGACY_SALT_BYTES);
  const hashed =
    request === undefined ? undefined : bytesToHex(sha256(utf8(pythonJson(request, ["temperature"]))));
  const checks: Check[] = [
    hashed === undefined
      ? { name: "request", verdict: "cannot tell", reason: "the request is not at hand" }
      : judged("request", hashed === receipt.requestHash, "the request that was hashed"),
    judged(
      "signature",
      holds,
      "the key's signature over answer, finish reason, model, request hash and time",
    ),
  ];
  return {
    verdict: overall(checks),
    checks,
    binds: holds
      ? ["the text, the finish reason, the model's name, the request hash and a time, to the key"]
      : [],
    doesNotBind: NEVER_BOUND.map((one) => one.replace("the finish reason, the usage", "the usage")),
  };
}

/** The output whose keccak256 is `tee_output_hash`: the text, or the tool calls by Python's JSON. */
function textOfAnswer(answer: JsonObject): string {
  const choices = Array.isArray(answer.choices) ? answer.choices : [];
  const [choice] = choices;
  const message = isJsonObject(choice) ? choice.message : undefined;
  if (!isJsonObject(choice) || !isJsonObject(message)) throw noReceipt("choices[0].message");
  const { content, tool_calls } = message;
  if (choice.finish_reason === "tool_calls" && Array.isArray(tool_calls)) return pythonJson(tool_calls);
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  return content
    .map((part) => (isJsonObject(part) && typeof part.text === "string" ? part.text : ""))
    .join("");
}

function textOf<Given>(given: Given | undefined, read: (given: Given) => string): string | undefined {
  return given === undefined ? undefined : read(given);
}

function checkHash(name: string, hashed: Hex, text: string | undefined): Check {
  if (text === undefined) return { name, verdict: "cannot tell", reason: `the ${name} is not at hand` };
  return judged(name, keccak256Text(text) === hashed, `the ${name} that was hashed`);
}

async function isSigned(
  key: Uint8Array,
  signature: Uint8Array,
  message: Uint8Array,
  saltLength: number,
): Promise<boolean> {
  const algorithm = { name: "RSA-PSS", hash: "SHA-256" };
  const imported = await crypto.subtle
    .importKey("spki", Uint8Array.from(key), algorithm, false, ["verify"])
    .catch((cause: unknown) => {
      throw new MeantimeError("MT-SDK-903", "the signing key is no RSA public key", {
        hint: "Pass the DER of its SubjectPublicKeyInfo, or PEM.",
        cause,
      });
    });
  const options = { name: "RSA-PSS", saltLength };
  return crypto.subtle.verify(options, imported, Uint8Array.from(signature), Uint8Array.from(message));
}

function derOf(pem: string): Uint8Array {
  const body = /^-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(
    pem.trim(),
  )?.[1];
  if (body !== undefined) return base64(body.replace(/\s/g, ""), "signing key");
  throw new MeantimeError("MT-SDK-903", "the signing key is no PEM of a public key", {
    hint: "Pass what /signing-key serves, or better the registry's DER.",
  });
}

function hash(fields: Record<string, unknown>, name: string): Hex {
  const value = fields[name];
  if (typeof value !== "string") throw noReceipt(name);
  return asHexOf(value.startsWith("0x") ? value : `0x${value}`, 32, name);
}

function base64(value: unknown, name: string): Uint8Array {
  if (typeof value !== "string" || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(value))
    throw noReceipt(name);
  return Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function noReceipt(name: string): MeantimeError {
  return new MeantimeError("MT-SDK-901", `the answer has no ${name}, or none that is well-formed`, {
    hint: "Pass the body of the answer, or the last chunk of a stream.",
    details: { name },
  });
}
