// SPDX-License-Identifier: GPL-3.0-or-later

import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { eventSources } from "../../chain/event-sources.ts";
import type { IndexReader } from "../services.ts";
import { answer, answerList } from "./answer.ts";
import { listBatches, oneBatch } from "./batches.ts";
import { oneClaim } from "./claim.ts";
import { claimsOfBatch, LISTED_STATUSES, listClaims } from "./claim-list.ts";
import { listDisputes } from "./disputes.ts";
import { listEvents } from "./events.ts";
import { createGap } from "./gap.ts";
import { gapHistory, HISTORY_KEYS } from "./history.ts";
import {
  addressParameter,
  badQuery,
  hashParameter,
  pageOf,
  pathId,
  wholeNumber,
  wordParameter,
} from "./query.ts";
import { listModels, listOperators, listPolicies, oneModel, oneOperator, onePolicy } from "./registries.ts";
import { listRequests, oneRequest } from "./requests.ts";
import { search } from "./search.ts";
import { createStream, type ListeningClients } from "./stream.ts";

/** Where the API is mounted. */
export const INDEX_PATH = "/index/v1";

const LARGEST_TIME = 10_000_000_000;
const DAY_SECONDS = 86_400;

/** What the index is asked: see docs/INDEXING.md. Whoever mounts it answers its `HttpError`s. */
export function createIndexApi(reader: IndexReader, clients: ListeningClients): Hono {
  const app = new Hono();
  app.use(cors({ origin: "*", allowMethods: ["GET"], exposeHeaders: ["etag", "link"] }));
  app.use(async (context, next) => {
    if (context.req.path === `${INDEX_PATH}/`) return context.redirect(INDEX_PATH, 308);
    return next();
  });
  app.get("/", async (context) => answer(context, await about(reader)));

  const gap = createGap(reader);
  app.get("/gap", async (context) => answer(context, await gap()));
  app.get("/gap/history", async (context) =>
    answer(context, await gapHistory(reader, historyOf(context, reader))),
  );

  app.get("/operators", async (context) =>
    answerList(context, await listOperators(reader, pageOf(context, 2))),
  );
  app.get("/operators/:id", async (context) =>
    answer(context, await oneOperator(reader, pathId(context, "id", 20))),
  );
  app.get("/models", async (context) => answerList(context, await listModels(reader, pageOf(context, 2))));
  app.get("/models/:id", async (context) =>
    answer(context, await oneModel(reader, pathId(context, "id", 32))),
  );
  app.get("/policies", async (context) =>
    answerList(context, await listPolicies(reader, pageOf(context, 2))),
  );
  app.get("/policies/:id", async (context) =>
    answer(context, await onePolicy(reader, pathId(context, "id", 32))),
  );

  app.get("/batches", async (context) => {
    const filter = {
      operator: addressParameter(context, "operator"),
      policy: hashParameter(context, "policy"),
      model: hashParameter(context, "model"),
    };
    return answerList(context, await listBatches(reader, filter, pageOf(context, 1)));
  });
  app.get("/batches/:id", async (context) =>
    answer(context, await oneBatch(reader, pathId(context, "id", 32))),
  );
  app.get("/batches/:id/claims", async (context) =>
    answerList(context, await claimsOfBatch(reader, pathId(context, "id", 32), pageOf(context, 1))),
  );

  app.get("/claims", async (context) => {
    const filter = {
      operator: addressParameter(context, "operator"),
      model: hashParameter(context, "model"),
      policy: hashParameter(context, "policy"),
      requester: addressParameter(context, "requester"),
      status: wordParameter(context, "status", LISTED_STATUSES),
    };
    return answerList(context, await listClaims(reader, filter, pageOf(context, 3)));
  });
  app.get("/claims/:id", async (context) =>
    answer(context, await oneClaim(reader, pathId(context, "id", 32))),
  );

  app.get("/challenges", async (context) =>
    answerList(
      context,
      await listDisputes(reader, addressParameter(context, "operator"), pageOf(context, 2)),
    ),
  );
  app.get("/requests", async (context) =>
    answerList(context, await listRequests(reader, pageOf(context, 2))),
  );
  app.get("/requests/:id", async (context) =>
    answer(context, await oneRequest(reader, pathId(context, "id", 32))),
  );

  app.get("/events", async (context) => {
    const name = context.req.query("name");
    if (name !== undefined && !/^[A-Za-z0-9]{1,64}$/.test(name)) throw badQuery("name", "is no event's");
    const filter = {
      name,
      batch: hashParameter(context, "batch"),
      claim: hashParameter(context, "claim"),
      subject: hashParameter(context, "subject"),
      tx: hashParameter(context, "tx"),
      operator: addressParameter(context, "operator"),
    };
    return answerList(context, await listEvents(reader, filter, pageOf(context, 2)));
  });
  app.get("/search", async (context) => {
    const text = context.req.query("q");
    if (text === undefined || text.length === 0 || text.length > 200) {
      throw badQuery("q", "must be a text of 1 to 200 characters");
    }
    return answer(context, { items: await search(reader.ledger, text), nextCursor: null });
  });
  app.get("/stream", createStream(reader, clients));
  return app;
}

/** `GET /`: what the index is of, and how far it has read. */
async function about({ ledger, domain, startBlock, view }: IndexReader): Promise<object> {
  const seen = view();
  const sources = await eventSources(ledger);
  return {
    chainId: Number(domain.chainId),
    settlement: domain.settlement,
    startBlock,
    head: seen
      ? { number: seen.head.number, hash: seen.head.hash, timestamp: seen.head.timestampSeconds }
      : null,
    readUpTo: seen?.readUpTo ?? null,
    synced:
      seen !== undefined &&
      seen.readUpTo + CONFIRMATIONS_AT_MOST >= seen.head.number &&
      // None: it has not looked yet which there are.
      sources.length > 0 &&
      sources.every(({ read_up_to }) => read_up_to >= seen.readUpTo),
    sources: sources.map(({ address, name, read_up_to }) => ({ address, name, readUpTo: read_up_to })),
  };
}

/** Events are read so many blocks behind the head at most, by configuration. */
const CONFIRMATIONS_AT_MOST = 256;

function historyOf(context: Context, { clock }: IndexReader) {
  const to = wholeNumber(context, "to", 0, LARGEST_TIME) ?? clock.nowSeconds() + 1;
  return {
    to,
    from: wholeNumber(context, "from", 0, LARGEST_TIME) ?? Math.max(0, to - DAY_SECONDS),
    bucketSeconds: wholeNumber(context, "bucketSeconds", 1, LARGEST_TIME) ?? 3_600,
    by: wordParameter(context, "by", HISTORY_KEYS) ?? ("none" as const),
  };
}
