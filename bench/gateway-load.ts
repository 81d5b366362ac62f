// SPDX-License-Identifier: MIT
// A process of its own (see gateway.ts): makes load on a gateway as its parent orders, one LoadOrder at a time, and answers
// each with LoadFigures.
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { AnswerReader, type WireAnswer, wireRequest } from "./gateway-wire.ts";

/** What load to make. */
export interface LoadOrder {
  /** Of the gateway. */
  url: string;
  path: string;
  /** The request's body; `%NUMBER%` in it becomes another number for each request. */
  body: string;
  connections: number;
  milliseconds: number;
  /** Requests a second, sent when they are due whether or not others were answered. Undefined: each answer is followed by a request. */
  perSecond?: number;
  /** Whether to keep the claim ids of the receipts. */
  keepsReceipts?: boolean;
}

/** What came of it. */
export interface LoadFigures {
  answered: number;
  /** Answers other than 200. */
  refused: number;
  /** The first of them. */
  refusal?: string;
  /** Connections that broke. */
  broken: number;
  seconds: number;
  /** From the moment that a request was due until its answer was whole, sorted. */
  milliseconds: number[];
  /** Claim ids of the receipts that were received whole. */
  claimIds: string[];
}

let number = 0;

process.on("message", async (order: LoadOrder) => process.send?.(await makeLoad(order)));
process.once("disconnect", () => process.exit(0));

async function makeLoad(order: LoadOrder): Promise<LoadFigures> {
  const figures: LoadFigures = {
    answered: 0,
    refused: 0,
    broken: 0,
    seconds: 0,
    milliseconds: [],
    claimIds: [],
  };
  const clients = await Promise.all(
    Array.from({ length: order.connections }, () => Client.open(order, figures)),
  );
  const startedAt = performance.now();
  if (order.perSecond === undefined) await closedLoop(order, clients);
  else await openLoop(order, order.perSecond, clients);
  figures.seconds = (performance.now() - startedAt) / 1_000;
  for (const client of clients) client.close();
  figures.milliseconds.sort((a, b) => a - b);
  return figures;
}

async function closedLoop({ milliseconds }: LoadOrder, clients: readonly Client[]): Promise<void> {
  const end = performance.now() + milliseconds;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end && client.isOpen) await client.ask(performance.now());
    }),
  );
}

/** Whoever is late does not hold up the next: latency counts from the time that a request was due. */
async function openLoop(
  { milliseconds }: LoadOrder,
  perSecond: number,
  clients: readonly Client[],
): Promise<void> {
  const start = performance.now();
  const asking = new Set<Promise<void>>();
  const free = [...clients];
  const waiting: number[] = [];
  const ask = (client: Client, dueAt: number) => {
    const one: Promise<void> = client.ask(dueAt).finally(() => {
      asking.delete(one);
      const next = waiting.shift();
      if (next === undefined) free.push(client);
      else ask(client, next);
    });
    asking.add(one);
  };
  const total = Math.floor((milliseconds * perSecond) / 1_000);
  for (let sent = 0; sent < total; ) {
    const dueAt = start + (sent * 1_000) / perSecond;
    if (dueAt > performance.now()) {
      await delay(Math.max(0, dueAt - performance.now()));
      continue;
    }
    sent++;
    // In turn: a server closes connections that lie idle.
    const client = free.shift();
    if (client) ask(client, dueAt);
    else waiting.push(dueAt);
  }
  while (asking.size > 0) await Promise.all(asking);
}

/** One connection that is kept alive. */
class Client {
  readonly #order: LoadOrder;
  readonly #figures: LoadFigures;
  readonly #socket: Socket;
  readonly #reader = new AnswerReader();
  readonly #host: string;
  #settle: ((answer: WireAnswer | undefined) => void) | undefined;
  isOpen = true;

  static async open(order: LoadOrder, figures: LoadFigures): Promise<Client> {
    const { hostname, port, host } = new URL(order.url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Client(order, figures, socket, host);
  }

  constructor(order: LoadOrder, figures: LoadFigures, socket: Socket, host: string) {
    this.#order = order;
    this.#figures = figures;
    this.#socket = socket;
    this.#host = host;
    socket.on("data", (chunk) => {
      for (const answer of this.#reader.read(chunk)) this.#settle?.(answer);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.isOpen = false;
      this.#settle?.(undefined);
    });
  }

  async ask(dueAt: number): Promise<void> {
    const body = this.#order.body.replace("%NUMBER%", String(number++));
    const answer = await new Promise<WireAnswer | undefined>((resolve) => {
      if (!this.isOpen) return resolve(undefined);
      this.#settle = resolve;
      this.#socket.write(wireRequest(this.#order.path, this.#host, body));
    });
    this.#settle = undefined;
    if (!answer) this.#figures.broken += 1;
    else if (answer.status !== 200) {
      this.#figures.refused += 1;
      this.#figures.refusal ??= `${answer.status} ${answer.body.slice(0, 300)}`;
    } else this.#count(answer.body, performance.now() - dueAt);
  }

  close(): void {
    this.#socket.destroy();
  }

  #count(body: string, milliseconds: number): void {
    const { answered, claimIds } = this.#figures;
    this.#figures.answered = answered + 1;
    this.#figures.milliseconds.push(milliseconds);
    if (!this.#order.keepsReceipts) return;
    const claimId = /"claimId":"(0x[0-9a-f]{64})"/.exec(body)?.[1];
    if (claimId) claimIds.push(claimId);
  }
}
