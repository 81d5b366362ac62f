// SPDX-License-Identifier: MIT
import { canonicalJson, type JsonObject, type JsonValue } from "../canonical-json.ts";
import { asHex32, concatBytes, type Hex, hexToBytes, keccak256, keccak256Text } from "../hex.ts";
import { answerContent, type OpenAiPath } from "./content.ts";

/** The input scheme of models behind the OpenAI-shaped routes. Their output scheme is `OUTPUT_KECCAK` (`request.ts`). */
export const OPENAI_INPUT_SCHEME: Hex = keccak256Text("meantime.input.openai.v1");

const INPUT_TAG = hexToBytes(OPENAI_INPUT_SCHEME);
const OUTPUT_TAG = hexToBytes(keccak256Text("meantime.output.openai.v1"));
const SALT_TAG = hexToBytes(keccak256Text("meantime.salt.openai.v1"));

/** A request as it was sent. */
export interface OpenAiRequest {
  path: OpenAiPath;
  /** The whole body: every member, tools, attachments and `stream` among them. */
  body: JsonValue;
  /** 32 bytes, the requester's choice (`randomSalt`), one for each request. Nobody guesses a hash without it. */
  salt: Hex;
}

/** An answer as it was received. */
export interface OpenAiAnswer {
  path: OpenAiPath;
  /** The body, or the folded chunks of a stream (`createAnswerFold`). */
  response: JsonValue;
  /** The request's. */
  salt: Hex;
}

/** What opens the hashes of a claim: the bytes that its batch's `dataRoot` commits to under a policy of public data. */
export interface OpenAiOpening {
  input: Uint8Array;
  salt: Hex;
  output: Uint8Array;
}

/** The input of a claim as bytes: canonical JSON of `{"body": ..., "path": ...}`. Throws MT-SDK-007. */
export function inputBytes({ path, body }: Pick<OpenAiRequest, "path" | "body">): Uint8Array {
  return utf8(canonicalJson({ body, path }));
}

/** The output of a claim as bytes: canonical JSON of what the answer says. Throws MT-SDK-007 and MT-SDK-510. */
export function outputBytes({ path, response }: Pick<OpenAiAnswer, "path" | "response">): Uint8Array {
  return utf8(canonicalJson(answerContent(path, response)));
}

/** `inputHash` of a claim: keccak256 of {@link inputPreimage}. */
export function hashInput(input: Uint8Array, salt: Hex): Hex {
  return keccak256(inputPreimage(input, salt));
}

/** `outputHash` of a claim: keccak256 of {@link outputPreimage}. */
export function hashOutput(output: Uint8Array, salt: Hex): Hex {
  return keccak256(outputPreimage(output, salt));
}

/** What `inputHash` is the keccak256 of: input scheme | salt | input. */
export function inputPreimage(input: Uint8Array, salt: Hex): Uint8Array {
  return concatBytes(INPUT_TAG, saltBytes(salt), input);
}

/**
 * What `outputHash` is the keccak256 of: `keccak256("meantime.output.openai.v1") | output salt | output`. A contract that
 * asked is given these bytes (`InferenceRequests.fulfil`); the answer begins at byte 64. The output's salt follows from the
 * request's, so that who shows the answer does not open the request: keccak256(keccak256("meantime.salt.openai.v1") | salt).
 */
export function outputPreimage(output: Uint8Array, salt: Hex): Uint8Array {
  const outputSalt = hexToBytes(keccak256(concatBytes(SALT_TAG, saltBytes(salt))));
  return concatBytes(OUTPUT_TAG, outputSalt, output);
}

/** `inputHash` of a request. Throws MT-SDK-002 for a salt that is not 32 bytes, MT-SDK-007. */
export function commitRequest(request: OpenAiRequest): Hex {
  return hashInput(inputBytes(request), request.salt);
}

/** `outputHash` of an answer. Throws MT-SDK-002, MT-SDK-007, MT-SDK-510. */
export function commitAnswer(answer: OpenAiAnswer): Hex {
  return hashOutput(outputBytes(answer), answer.salt);
}

/** Whether an opening is what a claim's hashes stand for. Throws MT-SDK-002 for a salt that is not 32 bytes. */
export function opens(
  { input, salt, output }: OpenAiOpening,
  claim: { inputHash: Hex; outputHash: Hex },
): boolean {
  return hashInput(input, salt) === claim.inputHash && hashOutput(output, salt) === claim.outputHash;
}

/** The request as an upstream has to get it: the bytes that were hashed, so that no reader makes another of it. */
export function upstreamBody(body: JsonObject): string {
  return canonicalJson(body);
}

function saltBytes(salt: Hex): Uint8Array {
  return hexToBytes(asHex32(salt, "salt"));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
