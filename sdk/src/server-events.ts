// SPDX-License-Identifier: MIT
import { type JsonValue, parseJson } from "./canonical-json.ts";

/** The data that ends an OpenAI-shaped stream. */
export const STREAM_END = "[DONE]";

/** What ends a line, by the HTML standard: nothing else, while `^` of a pattern also stands after U+2028 and U+2029. */
const LINE_END = /\r\n|\n|\r/;

/** Takes a stream of server-sent events apart while it comes. */
export interface EventReader {
  /** The data of the events that the text completes. */
  push(text: string): string[];
}

/** Reads `text/event-stream` by the HTML standard, section 9.2.6; only `data` matters here. An event without its blank line is none. */
export function createEventReader(): EventReader {
  let rest = "";
  let data: string[] = [];
  // What the next text may begin with and means nothing: a byte order mark, the rest of a \r\n that was cut in two.
  let skipped = "\uFEFF";
  return {
    push(text) {
      rest += text.startsWith(skipped) ? text.slice(skipped.length) : text;
      if (text !== "") skipped = text.endsWith("\r") ? "\n" : "";
      const events: string[] = [];
      for (;;) {
        const end = LINE_END.exec(rest);
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

/** One event on the wire. A reader gets the data with \n for whatever ended its lines. */
export function writeEvent(data: string): string {
  const lines = data.split(LINE_END).map((line) => `data: ${line}\n`);
  return `${lines.join("")}\n`;
}

/** The chunk of an event; undefined for the end of the stream. Throws MT-SDK-008. */
export function chunkOf(data: string): JsonValue | undefined {
  return data.trim() === STREAM_END ? undefined : parseJson(data);
}
