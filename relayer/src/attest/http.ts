// SPDX-License-Identifier: GPL-3.0-or-later

import { type IncomingHttpHeaders, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { describeError, RelayerError, TemporaryError } from "../errors.ts";

/** Where a service listens, and what it is asked. */
export interface Question {
  url: URL;
  /** A Unix socket in place of the URL's host. */
  socketPath?: string | undefined;
  /** Sent by POST; by GET where there is none. */
  body?: string;
  contentType?: string;
  /** For services whose answers prove themselves, and whose certificates are their own. */
  trustAnyCertificate?: boolean;
}

/** A service's answer with status 200. */
export interface Answer {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

const TIMEOUT_MILLISECONDS = 10_000;
const MAX_ANSWER_BYTES = 1_048_576;
const SHOWN_CHARACTERS = 200;

/**
 * Asks a service over HTTP.
 *
 * @param name of the service, for errors
 * @throws TemporaryError `MT-ATT-010` no answer, or one of a service in trouble (5xx)
 * @throws RelayerError `MT-ATT-011` any other answer than 200
 */
export async function ask(name: string, question: Question): Promise<Answer> {
  const { status, ...answer } = await exchange(name, question);
  if (status === 200) return answer;
  const shown = answer.body.toString("utf8").slice(0, SHOWN_CHARACTERS).trim();
  const said = `${name} answers ${status} to ${question.url.pathname}${shown && `: ${shown}`}`;
  if (status >= 500) throw new TemporaryError("MT-ATT-010", said, "It is tried again; look into its log.");
  throw new RelayerError("MT-ATT-011", said, "Correct its address in the configuration, or its version.");
}

function exchange(name: string, question: Question): Promise<Answer & { status: number }> {
  const { url, socketPath, body, contentType, trustAnyCertificate } = question;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(unreachable(name, question, error));
    const options = {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "content-type": contentType ?? "text/plain" },
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(trustAnyCertificate ? { rejectUnauthorized: false } : {}),
    };
    const start = url.protocol === "https:" ? requestHttps : requestHttp;
    const sent = start(url, options, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > MAX_ANSWER_BYTES) response.destroy(new Error(`more than ${MAX_ANSWER_BYTES} bytes`));
      });
      response.on("error", fail);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    sent.on("error", fail);
    sent.end(body);
  });
}

function unreachable(name: string, { url, socketPath }: Question, error: unknown): TemporaryError {
  const { message } = describeError(error);
  return new TemporaryError(
    "MT-ATT-010",
    `${name} at ${socketPath ?? url.origin} does not answer: ${message}`,
    "Start it, or correct its address in the configuration.",
  );
}
