// SPDX-License-Identifier: GPL-3.0-or-later
// Imported only where the configuration asks for it.

import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { describeError } from "../../errors.ts";
import { VERSION } from "../version.ts";
import { type SpanAttributes, setTracing } from "./trace.ts";

/** A collector that does not answer holds up neither work nor the end. */
const EXPORT_MILLISECONDS = 2_000;

/**
 * Sends spans to a collector of OpenTelemetry (OTLP over HTTP, JSON).
 *
 * @param otlpUrl where it takes spans, such as `http://127.0.0.1:4318/v1/traces`
 * @param whose what every span says of this relayer
 * @returns sends what is left, within some seconds, and stops
 */
export function startTracing(otlpUrl: string, whose: SpanAttributes): () => Promise<void> {
  const exporter = new OTLPTraceExporter({ url: otlpUrl, timeoutMillis: EXPORT_MILLISECONDS });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      "service.name": "meantime-relayer",
      "service.version": VERSION,
      ...whose,
    }),
    spanProcessors: [new BatchSpanProcessor(exporter, { exportTimeoutMillis: EXPORT_MILLISECONDS })],
  });
  provider.register();
  const tracer = provider.getTracer("meantime");
  setTracing({
    span(name, attributes, work, traceparent) {
      const parent =
        traceparent === undefined ? context.active() : propagation.extract(ROOT_CONTEXT, { traceparent });
      return tracer.startActiveSpan(name, { attributes }, parent, async (span) => {
        try {
          return await work((more) => span.setAttributes(more));
        } catch (error) {
          span.setStatus({ code: SpanStatusCode.ERROR, message: describeError(error).code });
          throw error;
        } finally {
          span.end();
        }
      });
    },
  });
  return async () => {
    setTracing(undefined);
    // What the collector did not take is lost, which is no fault of the relayer's work.
    await provider.shutdown().catch(() => undefined);
    trace.disable();
    context.disable();
    propagation.disable();
  };
}
