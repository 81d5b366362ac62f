// SPDX-License-Identifier: MIT
/**
 * As much of HTTP/1.1 as both ends of the gateway's benchmark need: messages on one connection, one after the other, whose
 * length is declared or that come in chunks. A client of the platform would take as much processor time as the gateway.
 */

const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = "0\r\n\r\n";

/** Cuts what comes in on a connection into messages. */
class MessageReader {
  #text = "";

  /** @returns the messages that a piece completes: head and body each */
  protected messages(chunk: Buffer): { head: string; body: string }[] {
    this.#text += chunk.toString("latin1");
    const complete = [];
    for (;;) {
      const headEnd = this.#text.indexOf(HEAD_END);
      if (headEnd < 0) return complete;
      const head = this.#text.slice(0, headEnd);
      const start = headEnd + HEAD_END.length;
      const end = this.#bodyEnd(head, start);
      if (end === undefined || this.#text.length < end) return complete;
      complete.push({ head, body: this.#text.slice(start, end) });
      this.#text = this.#text.slice(end);
    }
  }

  #bodyEnd(head: string, start: number): number | undefined {
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) return start + Number(length);
    if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return start;
    // A chunk of nothing but these five bytes within the body would end it early; the answers here hold none.
    const last = this.#text.indexOf(LAST_CHUNK, start);
    return last < 0 ? undefined : last + LAST_CHUNK.length;
  }
}

/** Reads requests. */
export class RequestReader extends MessageReader {
  /** @returns how many requests a piece completes */
  read(chunk: Buffer): number {
    return this.messages(chunk).length;
  }
}

/** An answer as it was received. */
export interface WireAnswer {
  status: number;
  body: string;
}

/** Reads answers. */
export class AnswerReader extends MessageReader {
  read(chunk: Buffer): WireAnswer[] {
    return this.messages(chunk).map(({ head, body }) => ({ status: Number(head.slice(9, 12)), body }));
  }
}

/** A request, ready to be sent. */
export function wireRequest(path: string, host: string, body: string): Buffer {
  const head = `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n`;
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
