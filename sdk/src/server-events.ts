// SPDX-License-Identifier: MIT
import { type JsonValue, parseJson } from "./canonical-json.ts";

/** The data that ends an OpenAI-shaped stream. */
export const STREAM_END = "[DONE]";

/** Takes a stream of server-sent events apart while it comes. */
export interface EventReader {
  /** The data of the events that the text completes. */
  push(text: string): string[];
}

/** Reads `text/event-stream` by the HTML standard, section 9.2.6; only `data` matters here. An event without its blank line is none. */
export function createEventReader(): EventReader {
  let rest = "";
  let data: string[] = [];
  let isStart = true;
  return {
    push(text) {
      rest += isStart ? text.replace(/^\uFEFF/, "") : text;
      if (text !== "") isStart = false;
      const events: string[] = [];
      for (;;) {
        // A \r at the very end may be half of a \r\n.
        const end = /\r\n|\n|\r(?!$)/.exec(rest);
        if (end === null) return events;
        const line = rest.slice(0, end.index);
        rest = rest.slice(end.index + end[0].length);
        if (line === "" && data.length > 0) {
          events.push(data.join("\n"));
          data = [];
        }
        if (line === "data" || line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      }
    },
  };
}

/** One event on the wire. */
export function writeEvent(data: string): string {
  return `${data.replaceAll(/^/gm, "data: ")}\n\n`;
}

/** The chunk of an event; undefined for the end of the stream. Throws MT-SDK-008. */
export function chunkOf(data: string): JsonValue | undefined {
  return data.trim() === STREAM_END ? undefined : parseJson(data);
}
