/** A session as a trace: one span for the whole, a child span for each step, and its events as span events. */
import { type Context, ROOT_CONTEXT, type Span, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import type { PublishedEvent } from "../events/published-event.ts";
import type { FeedEvent, ProgressStep, SessionEventOf } from "../protocol/events.ts";

const SESSION = "captcha_remote.session";
/** Name of the span from this step to the next one; null: no span. */
const STEP_SPANS: Readonly<Record<ProgressStep, string | null>> = {
  browser: "start the browser",
  page: "open the page",
  challenge: "look for the challenge",
  waiting: "wait for a person",
  opened: "a person looks",
  attempt: "attempt",
  failed_attempt: "a person looks",
  solved: null,
};
/** Events that become events of the session's span, with these of their fields. */
const EVENT_FIELDS = {
  "session.operator_joined": ["operator", "first"],
  "session.operator_left": ["operator"],
  "session.control": ["holder"],
  "session.claimed": [],
  "session.challenge": ["change"],
  "session.attempt_failed": ["attempts", "why"],
  "session.moved_on": [],
  "session.page": ["condition", "code"],
  "session.expiring": ["seconds_left"],
} as const satisfies Partial<Record<FeedEvent["type"], readonly string[]>>;

interface Open {
  readonly span: Span;
  readonly context: Context;
  step: Span | null;
}

export interface SessionSpansDeps {
  readonly tracer: Tracer;
  /** The context of the bot's own trace that the creation was part of; ROOT_CONTEXT: none. */
  readonly parentOf: (sessionId: string) => Context;
}

export class SessionSpans {
  readonly #deps: SessionSpansDeps;
  /** By uid. */
  readonly #open = new Map<string, Open>();

  constructor(deps: SessionSpansDeps) {
    this.#deps = deps;
  }

  /** Takes the next published event. */
  take({ event, subject: { uid, label } }: PublishedEvent): void {
    if (event.type === "system.notice") return;
    const at = Date.parse(event.timestamp);
    // Of a session from before a restart the end may be the only event; it has the duration.
    const beganAt = event.type === "session.ended" ? at - event.data.duration_ms : at;
    const open = this.#open.get(uid) ?? this.#begin(uid, event.data.session_id, label, beganAt);
    if (event.type === "session.progress") this.#step(open, event.data.step, at);
    else if (event.type === "session.ended") this.#end(uid, open, event);
    else if (event.type === "session.challenge" && event.data.change === "moved") return;
    else if (event.type in EVENT_FIELDS) {
      const fields: readonly string[] = EVENT_FIELDS[event.type as keyof typeof EVENT_FIELDS];
      const facts = Object.entries(event.data).filter(([name, value]) => fields.includes(name) && value !== null);
      open.span.addEvent(event.type, Object.fromEntries(facts) as Record<string, string | number | boolean>, at);
    }
  }

  /** Ends the spans of living sessions as broken off: the sessions continue in the next server. */
  close(): void {
    for (const { span, step } of this.#open.values()) {
      step?.end();
      span.addEvent("server.stopped");
      span.end();
    }
    this.#open.clear();
  }

  #begin(uid: string, sessionId: string, label: string | null, at: number): Open {
    const parent = this.#deps.parentOf(sessionId);
    const attributes = { [`${SESSION}.id`]: sessionId, ...(label === null ? {} : { [`${SESSION}.label`]: label }) };
    const span = this.#deps.tracer.startSpan("captcha session", { startTime: at, attributes }, parent);
    const open = { span, context: trace.setSpan(ROOT_CONTEXT, span), step: null };
    this.#open.set(uid, open);
    return open;
  }

  #step(open: Open, step: ProgressStep, at: number): void {
    if (step === "failed_attempt") open.step?.setStatus({ code: SpanStatusCode.ERROR, message: "there again" });
    open.step?.end(at);
    const name = STEP_SPANS[step];
    open.step = name === null ? null : this.#deps.tracer.startSpan(name, { startTime: at }, open.context);
  }

  #end(uid: string, { span, step }: Open, { timestamp, data }: SessionEventOf<"session.ended">): void {
    const at = Date.parse(timestamp);
    step?.end(at);
    const { outcome, reason, verified } = data;
    span.setAttributes({ [`${SESSION}.outcome`]: outcome, [`${SESSION}.reason`]: reason });
    if (verified !== null) span.setAttribute(`${SESSION}.verified`, verified);
    // A cancellation by the bot is no error.
    if (outcome === "failed" || outcome === "expired") span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
    span.end(at);
    this.#open.delete(uid);
  }
}

const TRACEPARENT = /^[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:$|-)/;

/** The context of a W3C `traceparent`; ROOT_CONTEXT if it is null or malformed. */
export function contextOf(traceparent: string | null): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags ?? "00", 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
