/** Rows about relays: a drag beside the same guest reached directly, one over a line as homes have it, and relays at rest. */
import { setTimeout as delay } from "node:timers/promises";
import { Relay as BotRelay } from "../../src/relay/relay.ts";
import { type Bench, emptyResult, type Result, type Row, say } from "../bench.ts";
import { type CpuShares, startCpu } from "../cpu.ts";
import { type DragRun, drag } from "../drag.ts";
import { BENCH_KEY } from "../key.ts";
import { planMoves } from "../moves.ts";
import { resultOfDrags } from "../numbers.ts";
import { KNOB } from "../page.ts";
import { type Relay, startRelay } from "../relay.ts";
import { BenchServer } from "../server.ts";
import type { PageAsked } from "../site.ts";
import { type Guest, openOurs } from "../ways/ours.ts";
import { USUAL_PATIENCE_MS } from "../ways/way.ts";

const FULL_SECONDS = 4;
const QUICK_SECONDS = 2.5;
const FULL_ROUNDS = 3;
const QUICK_ROUNDS = 2;
const MOVES_PER_SECOND = 60;
const STRIP: PageAsked = { kind: "strip", placed: "main" };
/** A home's upstream, and a server in another country. */
const HOME_LINE = { bitsPerSecond: 20_000_000, delayMs: 20 } as const;
const RELAYS_AT_REST = 100;
const REST_FULL_MS = 15_000;
const REST_QUICK_MS = 5_000;
const SETTLE_MS = 3_000;
const BITS_A_BYTE = 8;
const BITS_A_MBIT = 1_000_000;
const BYTES_A_MB = 1_000_000;

export const RELAY_ROWS: readonly Row[] = [
  { key: "relays", run: relays },
  { key: "relay-line", run: relayLine },
  { key: "relays-rest", run: relaysAtRest },
];

const WAYS = { "ours guest": "direct", "relay half": "relay half", "relay part": "relay part" } as const;

/** The ways take turns, as in the other rows of drags. */
async function relays(bench: Bench): Promise<Result[]> {
  const ways = Object.entries(WAYS);
  const runs = ways.map(() => ({ drags: [] as DragRun[], shares: [] as CpuShares[] }));
  for (let round = 0; round < bench.pick(FULL_ROUNDS, QUICK_ROUNDS); round += 1) {
    for (let turn = 0; turn < ways.length; turn += 1) {
      const index = (turn + round) % ways.length;
      const entry = ways[index];
      if (!entry) continue;
      const [way, guest] = entry;
      say(`  round ${round + 1}: ${way}`);
      const { run, shares } = await dragOver(bench, guest);
      runs[index]?.drags.push(run);
      runs[index]?.shares.push(shares);
    }
  }
  const title = "a page of the bot's own, over a relay";
  return ways.map(([way], index) =>
    resultOfDrags({ row: "relay", title, way }, runs[index]?.drags ?? [], runs[index]?.shares ?? []),
  );
}

async function relayLine(bench: Bench): Promise<Result[]> {
  const results: Result[] = [];
  for (const way of ["relay part", "relay half"] as const) {
    say(`  20 Mbit/s, 40 ms round trip: ${way}`);
    const server = await bench.server();
    const line = await startRelay(server.url, HOME_LINE);
    const { run, shares, seconds, up } = await dragOver(bench, way, line).finally(() => line.stop());
    const result = resultOfDrags({ row: "relay line", title: "20 Mbit/s, 40 ms round trip", way }, [run], [shares]);
    results.push({ ...result, more: { ...result.more, "Mbit/s up": (up * BITS_A_BYTE) / BITS_A_MBIT / seconds } });
  }
  return results;
}

interface RelayedDrag {
  readonly run: DragRun;
  readonly shares: CpuShares;
  readonly seconds: number;
  /** Bytes from the bot while it lasted. */
  readonly up: number;
}

async function dragOver(bench: Bench, guest: Guest, through?: Relay): Promise<RelayedDrag> {
  const server = await bench.server();
  const options = { site: bench.site, asked: STRIP, view: "challenge", server, form: "binary", guest } as const;
  const line = await openOurs({ ...options, ...(through ? { relayRoute: through.route } : {}) });
  try {
    const moves = planMoves(KNOB, MOVES_PER_SECOND, bench.pick(FULL_SECONDS, QUICK_SECONDS));
    const endCpu = await startCpu(line.measured);
    const [begun, before] = [performance.now(), through?.carried.up ?? 0];
    const pending = await drag(line, KNOB, moves, { exact: true, seenWithinMs: USUAL_PATIENCE_MS });
    const [seconds, up] = [(performance.now() - begun) / 1_000, (through?.carried.up ?? 0) - before];
    const shares = await endCpu();
    return { run: await pending.finish(), shares, seconds, up };
  } finally {
    await line.close();
  }
}

/** Relays without a session, on a server of their own. */
async function relaysAtRest(bench: Bench): Promise<Result[]> {
  const server = await BenchServer.start();
  const open: BotRelay[] = [];
  try {
    const first = await restingRelay(server.url);
    await first.close();
    await delay(SETTLE_MS);
    const before = await server.memory();
    for (let index = 0; index < RELAYS_AT_REST; index += 1) open.push(await restingRelay(server.url));
    await delay(SETTLE_MS);
    const endCpu = await startCpu({ browserFolder: server.dataDir, serverPid: server.pid });
    await delay(bench.pick(REST_FULL_MS, REST_QUICK_MS));
    const { server: serverCpu, other } = await endCpu();
    const after = await server.memory();
    const each = (bytes: number) => bytes / RELAYS_AT_REST / BYTES_A_MB;
    const result = emptyResult("relays rest", `${RELAYS_AT_REST} relays without a session`, "relay");
    const more = { "MB a relay": each(after.held - before.held), "rss MB a relay": each(after.rss - before.rss) };
    return [{ ...result, serverCpu, otherCpu: other, more }];
  } finally {
    await Promise.all(open.map((relay) => relay.close()));
    await server.stop();
  }
}

/** A relay whose page nobody asks for anything. */
function restingRelay(server: URL): Promise<BotRelay> {
  const page = {
    targetId: "0123456789ABCDEF0123456789ABCDEF",
    crop: null,
    send: async () => ({}),
    onEvent: () => {},
    reset: () => {},
    gone: new Promise<never>(() => {}),
    close: async () => {},
  };
  const url = new URL("/api/captcha/relay", server);
  url.protocol = "ws:";
  const terms = { dialogs: "bot", windows: "follow", client: "bench", environment: {} } as const;
  return BotRelay.begin(page, { ...terms, url, key: BENCH_KEY });
}
