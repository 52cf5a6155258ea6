/** Rows about the events socket under load: many readers, many events, cut connections, and events that nobody reads. */

import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import { pino } from "pino";
import { WebSocket } from "ws";
import { EventFeed as EventLine } from "../../src/client/event-feed.ts";
import { EventPublisher } from "../../src/events/event-publisher.ts";
import { systemNotice } from "../../src/events/system-notice.ts";
import { NO_SESSION } from "../../src/protocol/events.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { startRelay } from "../../test/support/relay.ts";
import { type Bench, emptyResult, type Result, type Row, say } from "../bench.ts";
import { RUN_FOLDER } from "../cleanup.ts";
import { BENCH_KEY } from "../key.ts";
import { latencyOf } from "../numbers.ts";
import { DIAL_AT_ONCE, dial, type Reader, tell } from "../readers.ts";
import { BenchServer } from "../server.ts";

const READERS = 1_000;
/** Events to all readers, a second: somewhat more than the bar requires, and half of that. */
const EVENTS_A_SECOND = { "feed full": 22, "feed half": 10 } as const;
const RATE_MS = 5_000;
const CUT_EVENTS = 10_000;
const CUTS = 20;
const PUBLISHED = 20_000;

export const FEED_ROWS: readonly Row[] = [
  { key: "feed", run: feed },
  { key: "feed cuts", run: cuts },
  { key: "feed publish", run: publish },
];

/** Connects a thousand readers, 50 at a time, then publishes at a full and at half rate, with batches and without. */
async function feed(bench: Bench): Promise<Result[]> {
  const results: Result[] = [];
  const count = bench.pick(READERS, 100);
  for (const batch of [false, true]) {
    const server = await BenchServer.start();
    const { readers, dialled } = await dial(server, count, batch);
    const way = batch ? "batched" : "one by one";
    results.push({
      ...emptyResult("feed dial", `${count} events sockets, dialled ${DIAL_AT_ONCE} at a time`, way),
      latency: latencyOf(dialled),
      reachedPercent: (dialled.length / count) * 100,
    });
    for (const [row, perSecond] of Object.entries(EVENTS_A_SECOND)) {
      say(`  ${way}: ${perSecond} events a second to ${count}`);
      results.push(await deliver(server, readers, { row, perSecond, way }));
    }
    for (const reader of readers) reader.close();
    await server.stop();
  }
  return results;
}

async function deliver(
  server: BenchServer,
  readers: readonly Reader[],
  { row, perSecond, way }: { row: string; perSecond: number; way: string },
): Promise<Result> {
  const latencies: number[] = [];
  for (const reader of readers) {
    reader.onEvent = (message) => latencies.push(performance.now() - Number(message));
    reader.received = 0;
  }
  const events = Math.round((perSecond * RATE_MS) / 1_000);
  const startedAt = performance.now();
  for (let index = 0; index < events; index += 1) {
    await delay(Math.max(0, startedAt + (index * 1_000) / perSecond - performance.now()));
    void tell(server, String(performance.now()));
  }
  const due = events * readers.length;
  const end = performance.now() + 10_000;
  while (latencies.length < due && performance.now() < end) await delay(10);
  const seconds = (performance.now() - startedAt) / 1_000;
  return {
    ...emptyResult(row, `${perSecond} events a second to ${readers.length} sockets`, way),
    latency: latencyOf(latencies),
    reachedPercent: (latencies.length / due) * 100,
    more: { "deliveries/s": Math.round(latencies.length / seconds) },
  };
}

/** Cuts the connection of the SDK's feed while events arrive, and counts lost and repeated events. */
async function cuts(bench: Bench): Promise<Result[]> {
  const server = await BenchServer.start();
  const relay = await startRelay(server.url.origin);
  const line = new EventLine({ baseUrl: relay.url, apiKey: BENCH_KEY, WebSocket: WebSocket as never });
  const told = new Map<string, number>();
  line.on("system", (event) => {
    const { message } = event.data as { message: string };
    told.set(message, (told.get(message) ?? 0) + 1);
  });
  while (!line.isLive) await delay(10);
  const events = bench.pick(CUT_EVENTS, 1_000);
  const gap = Math.floor(events / CUTS);
  for (let index = 0; index < events; index += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, offset) => tell(server, String(index + offset))));
    if (index % gap < 10 && index > 0) {
      await relay.cut();
      await relay.mend();
    }
  }
  const end = performance.now() + 20_000;
  while (told.size < events && performance.now() < end) await delay(20);
  line.close();
  await relay.close();
  await server.stop();
  const twice = [...told.values()].filter((count) => count > 1).length;
  return [
    {
      ...emptyResult("feed cuts", `${events} events over ${CUTS} cuts`, "ours"),
      more: { lost: events - told.size, twice },
    },
  ];
}

/** Measures the cost of an event without readers: its append to the log, in the server's own process. */
async function publish(bench: Bench): Promise<Result[]> {
  const storage = openStorage(await mkdtemp(join(RUN_FOLDER, "feed-")));
  const events = new EventPublisher(storage.events, pino({ level: "silent" }));
  const count = bench.pick(PUBLISHED, 2_000);
  const notices = Array.from({ length: count }, (_, index) => systemNotice("info", "notice", String(index)));
  const before = process.cpuUsage();
  for (const [index, notice] of notices.entries()) {
    events.publish(NO_SESSION, notice);
    // Sessions publish several events in one turn of the event loop, too.
    if (index % 20 === 0) await setImmediate();
  }
  await events.close();
  const { user, system } = process.cpuUsage(before);
  storage.close();
  return [
    {
      ...emptyResult("feed publish", "an event that nobody reads", "ours"),
      more: { "µs CPU": (user + system) / count },
    },
  ];
}
