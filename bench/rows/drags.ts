/** Rows in which one person drags, or presses keys. The ways take turns over several rounds, so that a drift of the machine affects all alike. */
import { type Bench, type Result, type Row, say } from "../bench.ts";
import { type CpuShares, startCpu } from "../cpu.ts";
import { type DragRun, drag } from "../drag.ts";
import { planMoves } from "../moves.ts";
import { resultOfDrags } from "../numbers.ts";
import { KNOB } from "../page.ts";
import { withReaders } from "../readers.ts";
import type { PageAsked } from "../site.ts";
import { openConsoleLine } from "../ways/console.ts";
import { openFloor } from "../ways/floor.ts";
import { formOf, type Guest, openOurs } from "../ways/ours.ts";
import { openReference } from "../ways/reference.ts";
import { type Line, USUAL_PATIENCE_MS, type WayName } from "../ways/way.ts";

const FULL_SECONDS = 4;
const QUICK_SECONDS = 2.5;
const FULL_ROUNDS = 3;
const QUICK_ROUNDS = 2;

/** One way on one page. The contestants of a group run in turn. */
interface Contestant {
  readonly row: string;
  readonly title: string;
  readonly way: WayName;
  readonly asked: PageAsked;
  readonly view: "challenge" | "page";
  readonly perSecond: number;
  /** The browser runs frames of other sites in separate processes. */
  readonly siteIsolation: boolean;
  /** Number of sockets that read events meanwhile. */
  readonly readers: number;
  /** The checkout whose server is measured; this one when left out. */
  readonly checkout?: string;
}

const GUEST_OF: Readonly<Partial<Record<WayName, Guest>>> = { "ours guest": "direct", "ours helped": "helped" };
const READERS = 200;
const EVENTS_PER_SECOND = 10;

const STRIP: PageAsked = { kind: "strip", placed: "main" };

function contestants(ways: readonly WayName[], common: Partial<Contestant> & Pick<Contestant, "row" | "title">) {
  const usual = { asked: STRIP, view: "challenge", perSecond: 60, siteIsolation: false, readers: 0 } as const;
  return ways.map((way): Contestant => ({ ...usual, ...common, way }));
}

const WITH_CONSOLE = ["floor", "ours binary", "console"] as const;
const OURS = ["ours json", "ours binary"] as const;
const GUESTS = ["ours binary", "ours guest"] as const;
const HELPED = ["floor", "ours helped"] as const;
const WITHOUT_CONSOLE = ["reference", "floor", ...OURS] as const;

export const DRAG_ROWS: readonly Row[] = [
  group("main", contestants([...WITHOUT_CONSOLE, "console"], { row: "main", title: "main frame, 60 moves/s" }), true),
  group(
    "plain",
    contestants(WITHOUT_CONSOLE, {
      row: "plain",
      title: "the same without a strip",
      asked: { kind: "plain", placed: "main" },
    }),
  ),
  group("rates", [
    ...contestants(WITHOUT_CONSOLE, { row: "20/s", title: "main frame, 20 moves/s", perSecond: 20 }),
    ...contestants(WITHOUT_CONSOLE, { row: "120/s", title: "main frame, 120 moves/s", perSecond: 120 }),
  ]),
  group("frames", [
    ...contestants(OURS, { row: "main isolated", title: "main frame, sites isolated", siteIsolation: true }),
    ...contestants(OURS, {
      row: "frame",
      title: "frame of another site",
      asked: { kind: "strip", placed: "frame" },
      siteIsolation: true,
    }),
    ...contestants(OURS, {
      row: "nested",
      title: "frame in a frame",
      asked: { kind: "strip", placed: "nested" },
      siteIsolation: true,
    }),
  ]),
  group("guests", [
    ...contestants(GUESTS, { row: "guest", title: "a page of the bot's own, 60 moves/s" }),
    ...contestants(GUESTS, {
      row: "guest plain",
      title: "the same without a strip",
      asked: { kind: "plain", placed: "main" },
    }),
  ]),
  group("helped", [
    ...contestants(HELPED, { row: "helped", title: "a page of the bot's own that its bot crops, 60 moves/s" }),
    ...contestants(HELPED, {
      row: "helped plain",
      title: "the same without a strip",
      asked: { kind: "plain", placed: "main" },
    }),
  ]),
  group("events", [
    ...contestants(["floor", "ours binary"], { row: "no events", title: "main frame, nobody reads events" }),
    ...contestants(["ours binary"], {
      row: "events",
      title: `main frame, ${READERS} sockets get ${READERS * EVENTS_PER_SECOND} events/s`,
      readers: READERS,
    }),
  ]),
  group("page", contestants(WITHOUT_CONSOLE, { row: "page", title: "whole page 1280x720", view: "page" })),
  group(
    "keys",
    contestants(WITH_CONSOLE, {
      row: "keys",
      title: "main frame, 15 key presses/s",
      asked: { ...STRIP, hand: "keys" },
      perSecond: 15,
    }),
  ),
  group(
    "finger",
    contestants(WITH_CONSOLE, {
      row: "finger",
      title: "a phone's page, a finger, 60 moves/s",
      asked: { ...STRIP, hand: "finger" },
    }),
  ),
];

function group(key: string, own: readonly Contestant[], main = false): Row {
  return {
    key,
    main,
    async run(bench) {
      const all = withOther(own, bench.against);
      const runs = all.map(() => ({ drags: [] as DragRun[], shares: [] as CpuShares[] }));
      const rounds = bench.pick(FULL_ROUNDS, QUICK_ROUNDS);
      for (let round = 0; round < rounds; round += 1) {
        for (let turn = 0; turn < all.length; turn += 1) {
          // Each round begins with another one, so that none always follows the same one.
          const index = (turn + round) % all.length;
          const [contestant, run] = [all[index] as Contestant, runs[index] as (typeof runs)[number]];
          // The backlog of the reference takes as long as all other drags, so a quick run measures it once.
          if (bench.quick && contestant.way === "reference" && round > 0) continue;
          say(`  round ${round + 1} of ${rounds}: ${contestant.title}, ${nameOf(contestant)}`);
          const { drags, shares } = await oneDrag(bench, contestant);
          run.drags.push(drags);
          run.shares.push(shares);
        }
      }
      return all.map((contestant, index): Result => {
        const { drags, shares } = runs[index] as (typeof runs)[number];
        return resultOfDrags({ ...contestant, way: nameOf(contestant) }, drags, shares);
      });
    },
  };
}

/** Repeats each way that uses a server, with the server of the other checkout. */
function withOther(own: readonly Contestant[], checkout: string | undefined): readonly Contestant[] {
  if (checkout === undefined) return own;
  return own.flatMap((one) => (one.way === "reference" || one.way === "floor" ? [one] : [one, { ...one, checkout }]));
}

function nameOf({ way, checkout }: Contestant): string {
  return checkout === undefined ? way : `${way}, other`;
}

interface OneDrag {
  readonly drags: DragRun;
  readonly shares: CpuShares;
}

async function oneDrag(bench: Bench, contestant: Contestant): Promise<OneDrag> {
  if (contestant.readers === 0) return dragAlone(bench, contestant);
  const load = { readers: contestant.readers, perSecond: EVENTS_PER_SECOND };
  return withReaders(await bench.server(false, contestant.checkout), load, () => dragAlone(bench, contestant));
}

async function dragAlone(bench: Bench, contestant: Contestant): Promise<OneDrag> {
  const line = await open(bench, contestant);
  try {
    const moves = planMoves(KNOB, contestant.perSecond, bench.pick(FULL_SECONDS, QUICK_SECONDS));
    const endCpu = await startCpu(line.measured);
    const pending = await drag(line, KNOB, moves, { exact: true, seenWithinMs: USUAL_PATIENCE_MS });
    const shares = await endCpu();
    return { drags: await pending.finish(), shares };
  } finally {
    await line.close();
  }
}

async function open(bench: Bench, { way, asked, view, siteIsolation, checkout }: Contestant): Promise<Line> {
  const options = { site: bench.site, asked, view };
  if (way === "reference") return openReference(options);
  if (way === "floor") return openFloor(options);
  const server = await bench.server(siteIsolation, checkout);
  if (way === "console") return openConsoleLine({ ...options, server });
  const guest = GUEST_OF[way];
  return openOurs({ ...options, server, form: formOf(way), ...(guest ? { guest } : {}) });
}

/** A short drag that is not measured. After it the server's code is compiled, like that of a server in use. */
export async function warmUp(bench: Bench): Promise<void> {
  const [contestant] = contestants(["ours json"], { row: "", title: "" });
  if (contestant) await oneDrag(bench, contestant);
}
