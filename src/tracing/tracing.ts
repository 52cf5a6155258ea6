/** Exports traces by OTLP over HTTP. Imported only if a collector is configured: otherwise no library is loaded. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import type { EventPublisher } from "../events/event-publisher.ts";
import { withDeadline } from "../util/with-deadline.ts";
import { contextOf, SessionSpans } from "./session-spans.ts";

const NAME = "captcha-remote";
const EXPORT_DEADLINE_MS = 5_000;
/** A collector that hangs must not delay the stop. */
const CLOSE_PATIENCE_MS = 1_000;

export interface TracingDeps {
  /** The collector's URL; `/v1/traces` is appended. */
  readonly endpoint: string;
  readonly serviceName: string;
  readonly events: Pick<EventPublisher, "onEvent">;
  /** The `traceparent` that the creation of a living session had; null: none. */
  readonly traceparentOf: (sessionId: string) => string | null;
  readonly log: Logger;
}

/** Traces sessions from now on. Returns a function that stops it and exports what is left. */
export function startTracing({ endpoint, serviceName, events, traceparentOf, log }: TracingDeps): () => Promise<void> {
  const url = `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  const exporter = new LoggedExporter(new OTLPTraceExporter({ url, timeoutMillis: EXPORT_DEADLINE_MS }), log);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": serviceName }),
    spanProcessors: [new BatchSpanProcessor({ exporter, exportTimeoutMillis: EXPORT_DEADLINE_MS })],
  });
  const spans = new SessionSpans({
    tracer: provider.getTracer(NAME),
    parentOf: (sessionId) => contextOf(traceparentOf(sessionId)),
  });
  const stopListening = events.onEvent((event) => {
    try {
      spans.take(event);
    } catch (error) {
      // A failed trace must not keep the event from other listeners.
      log.warn({ err: error }, "an event is missing in its trace");
    }
  });
  return async () => {
    stopListening();
    spans.close();
    await withDeadline(provider.shutdown(), CLOSE_PATIENCE_MS, "traces").catch((error: unknown) => {
      log.warn({ err: error }, "the last traces were not exported");
    });
  };
}

/** Logs once when the collector is lost and once when it is back, rather than for each batch. */
export class LoggedExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #log: Logger;
  #isLost = false;

  constructor(inner: SpanExporter, log: Logger) {
    this.#inner = inner;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter["export"]>[1]): void {
    this.#inner.export(spans, (result) => {
      const isLost = result.error !== undefined;
      if (isLost && !this.#isLost) this.#log.warn({ err: result.error }, "traces cannot be exported, and are dropped");
      if (!isLost && this.#isLost) this.#log.info("traces are exported again");
      this.#isLost = isLost;
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}
