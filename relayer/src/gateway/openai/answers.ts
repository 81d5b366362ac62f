// SPDX-License-Identifier: GPL-3.0-or-later

import type { IncomingMessage } from "node:http";
import { isJsonObject, type JsonObject, parseJson } from "@meantime/sdk/canonical-json";
import { MeantimeError } from "@meantime/sdk/errors";
import { outputBytes } from "@meantime/sdk/openai/commitment";
import type { OpenAiPath } from "@meantime/sdk/openai/content";
import { createAnswerFold } from "@meantime/sdk/openai/fold";
import { chunkOf, createEventReader, writeEvent } from "@meantime/sdk/server-events";
import { RelayerError } from "../../errors.ts";
import type { Answered } from "./promise.ts";
import { brokenOff, readWhole } from "./upstream.ts";
import { noAnswer } from "./upstream-error.ts";

/** Members of chunks that say nothing of the answer, and that a replayed stream shows again. */
const DELIVERY_MEMBERS = ["id", "object", "created", "system_fingerprint", "service_tier"] as const;

/** Reads an answer that comes whole. @throws HttpError 502 `MT-GW-066` */
export async function readAnswer(
  message: IncomingMessage,
  path: OpenAiPath,
  maxBytes: number,
): Promise<Answered> {
  const text = await readWhole(message, maxBytes);
  return judged(() => {
    const response = parseJson(text);
    const output = outputBytes({ path, response });
    const isForeign = isJsonObject(response) && response.receipt !== undefined;
    return { output, text: isForeign ? JSON.stringify({ ...response, receipt: undefined }) : text };
  });
}

/**
 * Reads a streamed answer and hands its chunks on as they come, but for its end.
 *
 * @param handOn resolves when more may come
 * @throws HttpError 502 `MT-GW-066` for chunks that make no one answer, an error among them, and a stream that breaks off
 */
export async function readStream(
  message: IncomingMessage,
  path: OpenAiPath,
  maxBytes: number,
  handOn: (events: string) => Promise<void>,
): Promise<Answered> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const events = createEventReader();
  const stream = createFoldedStream();
  let bytes = 0;
  try {
    for await (const part of message as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > maxBytes) throw noAnswer(`it is longer than ${maxBytes} bytes`);
      const passed = judged(() =>
        events
          .push(decoder.decode(part, { stream: true }))
          .map((data) => stream.take(data))
          .join(""),
      );
      await handOn(passed);
    }
  } catch (error) {
    throw brokenOff(error);
  }
  return judged(() => {
    const { response, chunk } = stream.end();
    return { output: outputBytes({ path, response }), text: JSON.stringify(chunk) };
  });
}

/** Puts a stream together while it passes. */
function createFoldedStream() {
  const fold = createAnswerFold();
  const delivery: JsonObject = {};
  let hasEnded = false;
  return {
    /** The event that goes on to the client; empty for the end, and for receipts of others. */
    take(data: string): string {
      if (hasEnded) throw noAnswer("the stream goes on after its end");
      const chunk = chunkOf(data);
      if (chunk === undefined) {
        hasEnded = true;
        return "";
      }
      if (isJsonObject(chunk) && chunk.error !== undefined && chunk.error !== null) {
        // Its words may be of the operator's key or account, and there is no status to tell.
        throw noAnswer("the stream broke off with an error");
      }
      fold.add(chunk);
      if (!isJsonObject(chunk)) return "";
      for (const name of DELIVERY_MEMBERS) {
        const value = chunk[name];
        if (value !== undefined) delivery[name] ??= value;
      }
      if (isJsonObject(chunk.usage)) delivery.usage = chunk.usage;
      if (chunk.receipt === undefined) return writeEvent(data);
      const { receipt: _, ...rest } = chunk;
      return writeEvent(JSON.stringify(rest));
    },
    end(): { response: JsonObject; chunk: JsonObject } {
      if (!hasEnded) throw noAnswer("the stream broke off");
      const response = fold.response();
      return { response, chunk: { ...delivery, ...asChunk(response) } };
    },
  };
}

/** The inverse of the fold: one chunk that folds to the whole. */
function asChunk(response: JsonObject): JsonObject {
  const { choices } = response;
  if (!Array.isArray(choices)) return response;
  const deltas = choices.map((choice) => {
    if (!isJsonObject(choice) || choice.message === undefined) return choice;
    const { message, ...rest } = choice;
    return { ...rest, delta: message };
  });
  return { ...response, choices: deltas };
}

/** What the SDK finds wrong with an answer is the upstream's fault. */
function judged<Result>(judge: () => Result): Result {
  try {
    return judge();
  } catch (error) {
    if (error instanceof RelayerError) throw error;
    if (error instanceof MeantimeError || error instanceof TypeError) throw noAnswer(error.message);
    throw error;
  }
}
