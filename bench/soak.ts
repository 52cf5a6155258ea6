/**
 * Runs sessions without pause on two servers. The memory of the first is watched; the second is killed every half minute
 * and resumes. `npm run soak -- --minutes 10 [--seed 1]`; prints a short report.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Gauges, gaugesSchema } from "../src/protocol/health.ts";
import { CaptchaRemoteClient } from "../src/sdk/client.ts";
import { seeded } from "../test/support/seeded.ts";
import { chromiumPath } from "./browser.ts";
import { endAll, endOnSignals } from "./cleanup.ts";
import { BEARER, BENCH_KEY } from "./key.ts";
import { describeMachine } from "./machine.ts";
import { describe } from "./report.ts";
import { BenchServer } from "./server.ts";
import { startSoakSite } from "./soak/site.ts";
import { drawStory, type Stage, type Story, tell } from "./soak/stories.ts";

/** Sessions at a time on each server; two cores carry that many without pause. */
const LANES = { lasting: 2, mortal: 1 };
const KILL_EVERY_MS = 30_000;
/** The longest time in which a supervisor starts a server again. */
const MOST_DOWN_MS = 1_000;
const MEMORY_EVERY_MS = 30_000;
const FIRST_MINUTE_MS = 60_000;
const MOST_GROWTH_PERCENT = 5;
/** Rows of the table that shows whether memory stops growing. */
const MEMORY_ROWS = 12;
/** The longest wait for webhooks. One that failed while its receiver or server was down is retried after 5 s, 10 s ... */
const WEBHOOK_PATIENCE_MS = 60_000;
const EMPTY_PATIENCE_MS = 20_000;

interface Tally {
  readonly stories: Story[];
  readonly failures: string[];
}

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, seed: { type: "string", default: "1" } },
});
const forMs = Number(values.minutes) * 60_000;
endOnSignals();
const deadline = setTimeout(() => {
  console.error("The soak does not come to its end and is given up.");
  void endAll().finally(() => process.exit(1));
}, forMs + 600_000);
const isGood = await soak().finally(() => endAll());
clearTimeout(deadline);
process.exit(isGood ? 0 : 1);

async function soak(): Promise<boolean> {
  const random = seeded(Number(values.seed));
  const site = await startSoakSite();
  const [lasting, mortal] = await Promise.all([BenchServer.start(), BenchServer.start()]);
  const startedAt = Date.now();
  const end = startedAt + forMs;
  const tallies = { lasting: emptyTally(), mortal: emptyTally() };
  let number = 0;
  const stageOf = (server: BenchServer): Stage => ({
    client: new CaptchaRemoteClient({ baseUrl: server.url.origin, apiKey: BENCH_KEY }),
    site,
    dataDir: server.dataDir,
    nextName: () => `s${++number}`,
    random,
  });
  const memory: { at: number; held: number; rss: number }[] = [];
  const remember = async () => memory.push({ at: Date.now() - startedAt, ...(await lasting.memory()) });
  let kills = 0;
  await Promise.all([
    ...lanes(LANES.lasting, stageOf(lasting), tallies.lasting, end),
    ...lanes(LANES.mortal, stageOf(mortal), tallies.mortal, end),
    every(MEMORY_EVERY_MS, end, remember),
    every(KILL_EVERY_MS, end, async () => {
      await mortal.kill();
      kills += 1;
      await delay(random() * MOST_DOWN_MS);
      await mortal.startAgain();
    }),
  ]);
  await remember();
  const stories = [...tallies.lasting.stories, ...tallies.mortal.stories];
  const failures = [...tallies.lasting.failures, ...tallies.mortal.failures];
  await until(WEBHOOK_PATIENCE_MS, () => stories.every(({ sessionId }) => site.endsOf(sessionId).length > 0));
  const untold = stories.filter(({ sessionId }) => site.endsOf(sessionId).length === 0);
  // Each end arrives at least once, and repeats are the same event.
  const doubled = stories.filter(({ sessionId }) => new Set(site.endsOf(sessionId)).size > 1);
  const unexpected = stories.filter(({ isAsExpected }) => !isAsExpected);
  const left = await leftOver([lasting, mortal]);
  const first = memory.find(({ at }) => at >= FIRST_MINUTE_MS) ?? memory[0];
  const last = memory.at(-1);
  const growth = first && last ? ((last.held - first.held) / first.held) * 100 : Number.NaN;
  await Promise.all([lasting.stop(), mortal.stop()]);

  const checks: readonly (readonly [string, boolean, string])[] = [
    ["every session ended, and its bot was told", failures.length === 0, failures.slice(0, 5).join("; ") || "all"],
    ["each end by webhook too", untold.length === 0, `${untold.length} untold`],
    ["no session has two ends", doubled.length === 0, `${doubled.length} with two`],
    ["each ended as its story goes", unexpected.length === 0, unexpected.slice(0, 5).map(inWords).join("; ") || "all"],
    ["nothing left over on either server", left.length === 0, left.join(", ") || "nothing"],
    [
      `memory after the first minute against the last: < ${MOST_GROWTH_PERCENT} % more`,
      growth < MOST_GROWTH_PERCENT,
      `${growth.toFixed(1)} % (${mb(first?.held)} to ${mb(last?.held)} held; resident ${mb(first?.rss)} to ${mb(last?.rss)})`,
    ],
  ];
  const counts = new Map<string, number>();
  for (const { name } of stories) counts.set(name, (counts.get(name) ?? 0) + 1);
  const report = [
    `# Soak of ${values.minutes} minutes, seed ${values.seed}`,
    "",
    `${describe(await describeMachine(await chromiumPath()))}.`,
    "",
    `${stories.length} sessions: ${[...counts].map(([name, count]) => `${count} ${name}`).join(", ")}. ${tallies.mortal.stories.length} of them on the server that was killed ${kills} times.`,
    "",
    "| | | |",
    "|---|---|---|",
    ...checks.map(([what, holds, measured]) => `| ${holds ? "holds" : "FAILS"} | ${what} | ${measured} |`),
    "",
    "| minute | held | resident |",
    "|---|---|---|",
    ...memory
      .filter((_, index) => index % Math.ceil(memory.length / MEMORY_ROWS) === 0 || index === memory.length - 1)
      .map(({ at, held, rss }) => `| ${(at / 60_000).toFixed(1)} | ${mb(held)} | ${mb(rss)} |`),
    "",
  ].join("\n");
  console.log(report);
  mkdirSync(new URL("results/", import.meta.url), { recursive: true });
  writeFileSync(new URL(`results/soak-${Date.now()}.md`, import.meta.url), report);
  return checks.every(([, holds]) => holds);
}

function lanes(count: number, stage: Stage, { stories, failures }: Tally, end: number): Promise<void>[] {
  return Array.from({ length: count }, async () => {
    while (Date.now() < end) {
      const name = drawStory(stage.random);
      await tell(name, stage).then(
        (story) => stories.push(story),
        (error: unknown) => failures.push(`${name}: ${error}`),
      );
    }
  });
}

async function every(ms: number, end: number, work: () => Promise<unknown>): Promise<void> {
  for (let next = Date.now() + ms; next < end; next += ms) {
    await delay(Math.max(0, next - Date.now()));
    await work();
  }
}

async function until(withinMs: number, done: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = Date.now() + withinMs;
  while (!(await done())) {
    if (Date.now() > end) return false;
    await delay(200);
  }
  return true;
}

/** The gauges that are not back at zero once all sessions have ended; the server's own listener does not count. */
async function leftOver(servers: readonly BenchServer[]): Promise<string[]> {
  const gaugesOf = async ({ url }: BenchServer): Promise<Gauges> => {
    const { gauges } = (await (await fetch(`${url.origin}/healthz`, { headers: BEARER })).json()) as {
      gauges: unknown;
    };
    return gaugesSchema.parse(gauges) as Gauges;
  };
  const open = async () =>
    (await Promise.all(servers.map(gaugesOf))).flatMap((gauges) =>
      Object.entries(gauges).flatMap(([name, count]) =>
        name === "listeners" || count === 0 ? [] : [`${count} ${name}`],
      ),
    );
  await until(EMPTY_PATIENCE_MS, async () => (await open()).length === 0);
  return open();
}

function emptyTally(): Tally {
  return { stories: [], failures: [] };
}

function inWords({ name, sessionId, result }: Story): string {
  return `${name} ${sessionId} ${result.outcome} / ${result.reason}`;
}

function mb(bytes = Number.NaN): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
