// SPDX-License-Identifier: GPL-3.0-or-later

/** What a span says of its work. */
export type SpanAttributes = Record<string, string | number | boolean>;

/** Adds what became known while the work ran. */
export type NoteOnSpan = (attributes: SpanAttributes) => void;

/** Where spans go. */
export interface Tracing {
  /**
   * Runs work as a span, a child of the one that runs it; an error marks it with its code.
   *
   * @param traceparent of somebody else's span (W3C Trace Context), which becomes the parent
   */
  span<Result>(
    name: string,
    attributes: SpanAttributes,
    work: (note: NoteOnSpan) => Promise<Result>,
    traceparent?: string,
  ): Promise<Result>;
}

const ignore: NoteOnSpan = () => undefined;

let tracing: Tracing | undefined;

/** Turns spans on for this process, or off. */
export function setTracing(next: Tracing | undefined): void {
  tracing = next;
}

/** Whether spans are made: for places where even their attributes would cost something. */
export function isTracing(): boolean {
  return tracing !== undefined;
}

/** {@link Tracing.span}; where spans are off, the work alone. */
export function traced<Result>(
  name: string,
  attributes: SpanAttributes,
  work: (note: NoteOnSpan) => Promise<Result>,
  traceparent?: string,
): Promise<Result> {
  return tracing ? tracing.span(name, attributes, work, traceparent) : work(ignore);
}
