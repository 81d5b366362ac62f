// SPDX-License-Identifier: GPL-3.0-or-later

import { OPENAI_PATHS, type OpenAiPath } from "@meantime/sdk/openai/content";
import { writeEvent } from "@meantime/sdk/server-events";
import type { Context } from "hono";
import type { StoredReceipt } from "../../ledger/receipts.ts";
import { traced } from "../../ops/tracing/trace.ts";
import type { Services } from "../../services.ts";
import { clientAddressOf, hopsOf } from "../access/client-address.ts";
import { errorBody, HttpError } from "../http-error.ts";
import { whenHungUp } from "../hung-up.ts";
import { createRoutes, documented, type Routes } from "../openapi/route.ts";
import { refusalFor } from "../refusal.ts";
import { stopping } from "../routes/infer.ts";
import type { GatewayEnv, GatewayState } from "../state.ts";
import { createAdmission } from "./admission.ts";
import { readAnswer, readStream } from "./answers.ts";
import { createFailedStreams } from "./failed-streams.ts";
import { createFlights, type Flight } from "./flights.ts";
import { operationOf } from "./operations.ts";
import { findAnswer, promiseAnswer } from "./promise.ts";
import { endOfStream, replayedStream, STREAM_HEADERS, wholeReply } from "./replies.ts";
import { type OpenAiCall, readCall } from "./request.ts";
import { createSink, type Sink } from "./sink.ts";
import { createTurns, type Turns } from "./turns.ts";
import { createUpstreams } from "./upstream.ts";

/**
 * `POST /v1/chat/completions`, `/v1/completions` and `/v1/embeddings`: answers of OpenAI-compatible servers, with receipts
 * as `docs/HASHING.md` says. A receipt is durable before the last byte of its answer is sent.
 */
export function openAiRoutes(services: Services, state: GatewayState): Routes {
  const { config } = services;
  const upstreams = createUpstreams();
  const admission = createAdmission(services);
  const flights = createFlights(config.gateway.requestTimeoutSeconds);
  const failedStreams = createFailedStreams();
  const turns = new Map<string, Turns>();
  const addressOf = clientAddressOf(config.gateway.trustedProxies);

  function turnsOf({ upstream: { url } }: OpenAiCall["model"]): Turns {
    const known = turns.get(url) ?? createTurns(config.gateway.queue);
    turns.set(url, known);
    return known;
  }

  /** Whose share of the places at an upstream a request takes. */
  function askerOf(context: Context<GatewayEnv>): string {
    const { key, address } = context.get("caller");
    if (key !== undefined) return `key ${key}`;
    return address === undefined ? addressOf(...hopsOf(context)) : `payer ${address}`;
  }

  /** The answer of earlier, or a new one. @param sink where chunks go that come before the answer is whole */
  async function answer(
    { call, asker, payment }: Question,
    signal: AbortSignal,
    sink?: OpenedSink,
  ): Promise<StoredReceipt> {
    const earlier = call.isNamed ? await findAnswer(services, call) : undefined;
    if (earlier) return earlier;
    if (sink && payment !== undefined) failedStreams.check(payment);
    const release = await admission.enter(call.policy);
    let isStored = false;
    try {
      const endTurn = await turnsOf(call.model).take(asker, signal);
      const asked = traced("upstream", { model: call.model.name }, () => ask(call, signal, sink));
      const answered = await asked.finally(endTurn);
      signal.throwIfAborted();
      const { stored, isNew } = await promiseAnswer(services, call, answered);
      isStored = isNew;
      if (sink && Buffer.compare(stored.opening.output, answered.output) !== 0) throw answeredElsewhere();
      if (isNew) state.onReceipt(call.policy.name);
      return stored;
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : error;
      if (isOfUpstream(reason)) {
        services.logger.warn(
          { code: reason.code, model: call.model.name },
          "a model's server gave no answer",
        );
      }
      throw reason;
    } finally {
      release(isStored);
    }
  }

  async function ask({ path, model, upstreamText }: OpenAiCall, signal: AbortSignal, sink?: OpenedSink) {
    const { upstream } = model;
    const { maxAnswerBytes } = config.gateway;
    const wants = sink ? "text/event-stream" : "application/json";
    const message = await upstreams.ask(upstream, path, upstreamText, wants, signal);
    if (!sink) return readAnswer(message, path, maxAnswerBytes);
    sink.open();
    // A client that does not read must not keep the upstream for longer than the request may take.
    signal.addEventListener("abort", sink.hurry);
    return readStream(message, path, maxAnswerBytes, (events) => sink.write(events));
  }

  /** Chunks go to whoever came first; who joins later gets the whole. */
  async function streamed(context: Context<GatewayEnv>, question: Question): Promise<Response> {
    const { call, payment } = question;
    const sink = createOpenedSink();
    const flight = flights.start(call, (signal) => answer(question, signal, sink));
    const leave = leaveWhenGone(context, flight);
    const outcome = flight.outcome.finally(leave);
    const stored = await Promise.race([sink.opened, outcome]);
    if (stored) return replayedStream(context, stored);
    const { withheld } = context.get("caller");
    if (withheld && payment !== undefined) finishPaid(flight, sink, payment, withheld);
    outcome
      .then(endOfStream, (error: unknown) => writeEvent(JSON.stringify(errorBody(reported(error, call)))))
      .then((end) => sink.write(end))
      .finally(() => sink.end());
    return context.body(sink.body, 200, STREAM_HEADERS);
  }

  /**
   * A stream is paid for when it begins. Whoever could have it given up after that, by leaving or by reading nothing until its
   * time is up, could ask for it again and again with one payment, and read all but its end.
   */
  function finishPaid(flight: Flight, sink: Sink, payment: string, withheld: AbortSignal): void {
    const giveUp = flight.join();
    sink.hurry();
    withheld.addEventListener("abort", giveUp);
    state.unwatched.add(flight.outcome, giveUp);
    flight.outcome.catch(() => {
      if (!withheld.aborted) failedStreams.note(payment);
    });
  }

  /** What whoever answers whole requests does with an error. */
  function reported(error: unknown, { path }: OpenAiCall): HttpError {
    const shown = refusalFor(error);
    const { code } = shown;
    state.onRefused(code);
    if (shown !== error)
      services.logger.error({ code, err: error, path }, "a stream ended without a receipt");
    return shown;
  }

  async function reply(context: Context<GatewayEnv>, path: OpenAiPath): Promise<Response> {
    if (state.draining()) throw stopping();
    const call = readCall(services, {
      ...{ path, text: await readText(context), caller: context.get("caller") },
      header: (name) => context.req.header(name),
    });
    const question = { call, asker: askerOf(context), payment: context.get("caller").idempotencyKey };
    const underWay = flights.find(call);
    if (!underWay && call.isStream) return streamed(context, question);
    const flight = underWay ?? flights.start(call, (signal) => answer(question, signal));
    const leave = leaveWhenGone(context, flight);
    const stored = await flight.outcome.finally(leave);
    return call.isStream ? replayedStream(context, stored) : wholeReply(context, stored);
  }

  const routes = createRoutes();
  for (const path of OPENAI_PATHS) documented(routes, operationOf(path), (context) => reply(context, path));
  return routes;
}

/** Whose codes tell the operator of its upstream, and not of one request. */
const UPSTREAM_CODES: readonly string[] = ["MT-GW-061", "MT-GW-062", "MT-GW-065", "MT-GW-066"];

function isOfUpstream(error: unknown): error is HttpError {
  return error instanceof HttpError && UPSTREAM_CODES.includes(error.code);
}

/** What is asked, and by whom. */
interface Question {
  call: OpenAiCall;
  asker: string;
  /** Names what was paid with; undefined: nothing was. */
  payment: string | undefined;
}

/** A sink that says when the first chunk is about to come. */
interface OpenedSink extends Sink {
  opened: Promise<undefined>;
  open(): void;
}

function createOpenedSink(): OpenedSink {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { ...createSink(), opened: promise, open: () => resolve(undefined) };
}

function leaveWhenGone(context: Context<GatewayEnv>, flight: Flight): () => void {
  const leave = flight.join();
  whenHungUp(context, leave);
  return leave;
}

async function readText(context: Context<GatewayEnv>): Promise<string> {
  const type = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type === "application/json") return context.req.text();
  throw new HttpError(
    415,
    "MT-GW-002",
    "the body is not declared as JSON",
    "Send content-type: application/json.",
  );
}

function answeredElsewhere(): HttpError {
  return new HttpError(
    503,
    "MT-GW-068",
    "another worker answered the same request first, in other words",
    "Do not use what was streamed; repeat the request to get the answer with its receipt.",
    1,
  );
}
