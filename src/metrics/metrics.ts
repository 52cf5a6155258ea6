/** [R20] Metrics of one server for Prometheus: outcomes of its sessions, and how fast it is for operators. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { EventPublisher } from "../events/event-publisher.ts";
import type { PublishedEvent } from "../events/published-event.ts";
import type { SessionState } from "../protocol/common.ts";
import { type Measures, onMetric } from "../util/diagnostics.ts";

export const PREFIX = "captcha_remote_";
/** Seconds. A person feels 50 ms; a machine with too much to do takes seconds. */
const QUICK = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const START = [0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30];
const HUMAN = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600];

export interface MetricsDeps {
  readonly registry: Registry;
  readonly events: Pick<EventPublisher, "onEvent" | "lag">;
  /** Living sessions by state. */
  readonly states: () => Readonly<Partial<Record<SessionState, number>>>;
  /** Private memory of each running browser, bytes. */
  readonly browserMemory: () => Promise<readonly number[]>;
}

/** Counts from now on. Returns a function that stops it. */
export function startMetrics(deps: MetricsDeps): () => void {
  exposeNow(deps);
  const stops = [countSessions(deps), ...observeMeasures(deps.registry)];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Gauges that are read for each answer. */
function exposeNow({ registry, events, states, browserMemory }: MetricsDeps): void {
  const registers = [registry];
  const living = ["starting", "waiting", "active"] as const;
  new Gauge({
    name: `${PREFIX}sessions`,
    help: "Living sessions by state.",
    labelNames: ["state"],
    registers,
    collect() {
      const counts = states();
      for (const state of living) this.set({ state }, counts[state] ?? 0);
    },
  });
  new Gauge({
    name: `${PREFIX}event_feed_lag_events`,
    help: "Events that the slowest reader of the feed has not been sent yet.",
    registers,
    collect() {
      this.set(events.lag);
    },
  });
  new Gauge({
    name: `${PREFIX}browser_memory_bytes`,
    help: "Memory that browsers have for themselves: all together, and the largest.",
    labelNames: ["of"],
    registers,
    async collect() {
      const bytes = await browserMemory();
      this.set(
        { of: "all" },
        bytes.reduce((sum, each) => sum + each, 0),
      );
      this.set({ of: "largest" }, Math.max(0, ...bytes));
    },
  });
  new Gauge({
    name: `${PREFIX}resident_memory_bytes`,
    help: "Resident memory of the server's process.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
}

/** Counts from the events of sessions. Sessions from before a restart lack the time of their creation. */
function countSessions({ registry, events }: MetricsDeps): () => void {
  const registers = [registry];
  const created = new Counter({
    name: `${PREFIX}sessions_created_total`,
    help: "Sessions that were created.",
    registers,
  });
  const ended = new Counter({
    name: `${PREFIX}sessions_ended_total`,
    help: "Sessions that have ended, by outcome and reason.",
    labelNames: ["outcome", "reason"],
    registers,
  });
  const toOperator = new Histogram({
    name: `${PREFIX}time_to_operator_seconds`,
    help: "From a session's creation to the first person who could act.",
    buckets: HUMAN,
    registers,
  });
  const toSolved = new Histogram({
    name: `${PREFIX}time_to_solved_seconds`,
    help: "From a session's creation to its solution.",
    buckets: HUMAN,
    registers,
  });
  const failedAttempts = new Counter({
    name: `${PREFIX}attempts_failed_total`,
    help: "Attempts after which the challenge was there again.",
    registers,
  });
  const createdAt = new Map<string, number>();
  return events.onEvent(({ event, subject: { uid } }: PublishedEvent) => {
    const at = Date.parse(event.timestamp);
    if (event.type === "session.created") {
      created.inc();
      createdAt.set(uid, at);
    } else if (event.type === "session.attempt_failed") {
      failedAttempts.inc();
    } else if (event.type === "session.operator_joined" && event.data.first) {
      const since = createdAt.get(uid);
      if (since !== undefined) toOperator.observe((at - since) / 1_000);
    } else if (event.type === "session.ended") {
      createdAt.delete(uid);
      ended.inc({ outcome: event.data.outcome, reason: event.data.reason });
      if (event.data.outcome === "solved") toSolved.observe(event.data.duration_ms / 1_000);
    }
  });
}

const DURATIONS = {
  first_picture: ["first_picture_seconds", "From a viewer's joining to its first picture.", START],
  round_trip: ["round_trip_seconds", "To a viewer and back, of pictures and of what has no weight.", QUICK],
  move_to_picture: ["move_to_picture_seconds", "From a move under a pressed button to the next picture.", QUICK],
  browser_start: ["browser_start_seconds", "Until a browser can be used.", START],
  look: ["completion_look_seconds", "One look at a page for where its challenge is, and whether it is done.", QUICK],
} as const satisfies Partial<Record<keyof Measures, readonly [string, string, number[]]>>;

function observeMeasures(registry: Registry): (() => void)[] {
  const registers = [registry];
  const pictures = new Counter({
    name: `${PREFIX}pictures_total`,
    help: "Pictures that left for viewers, by JPEG quality.",
    labelNames: ["quality"],
    registers,
  });
  const bytes = new Counter({
    name: `${PREFIX}picture_bytes_total`,
    help: "Their bytes, without what the form adds.",
    labelNames: ["quality"],
    registers,
  });
  const durations = Object.entries(DURATIONS) as [keyof typeof DURATIONS, readonly [string, string, number[]]][];
  return [
    onMetric("picture", (picture) => {
      const quality = String(picture.quality);
      pictures.inc({ quality });
      bytes.inc({ quality }, picture.bytes);
    }),
    ...durations.map(([measure, [name, help, buckets]]) => {
      const histogram = new Histogram({ name: PREFIX + name, help, buckets, registers });
      return onMetric(measure, (ms) => histogram.observe(ms / 1_000));
    }),
  ];
}
