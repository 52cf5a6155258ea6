/** The bars: limits that the numbers must meet. Each bar says what was measured and whether it is met. */
import type { Result } from "./bench.ts";
import { STABLE_MS } from "./rows/ends.ts";

export interface Bar {
  readonly name: string;
  /** null: the bar's rows were not run. */
  readonly passed: boolean | null;
  readonly measured: string;
}

/** A picture of the challenge has at most this part of the bytes of a picture of the whole page. */
const CHALLENGE_PART_OF_PAGE = 1 / 8;
/** The part of the CPU of watching that an unwatched session may cost, as measuring has noise. */
const UNWATCHED_PART = 0.25;
const GROWTH_TOLERATED = 1.25;
/** A gain below this is noise of a few pictures. */
const GROWTH_TOLERATED_MS = 20;

/** What a session costs beyond its browser alone, % of a core. */
const IDLE_BARS = [
  ["gone", "unwatched", 0.6],
  ["gone", "watched", 0.8],
  ["value", "unwatched", 0.8],
  ["value", "watched", 1.2],
] as const;
/** The bars of creations are of a machine on which a raw start takes so long until its debugging port is open. */
const RAW_START_MS = 220;
/** What a creation may take longer where no challenge is found. */
const NOTHING_FOUND_MS = 600;

const HALF_RATE_P95_MS = { "one by one": 100, batched: 200 } as const;

type Check = readonly [what: string, value: number | null | undefined, holds: (value: number) => boolean];

export function judge(results: readonly Result[]): Bar[] {
  const find: Find = (row, way) => results.find((result) => result.row === row && result.way === way);
  const ours = find("main", "ours binary");
  const floor = find("main", "floor");
  const reference = find("main", "reference");
  const console = find("main", "console");
  const plain = find("plain", "ours binary");
  const page = find("page", "ours binary");
  const guest = find("guest", "ours guest");
  const [helped, helpedFloor] = [find("helped", "ours helped"), find("helped", "floor")];
  const isolated = find("main isolated", "ours binary");
  const eight = find("sessions 8", "ours binary")?.more;
  const slow = find("slow-line", "ours binary");
  const slowDamage = find("slow-line", "ours damage");
  const stalled = find("stalled", "ours binary")?.more;
  const direct = find("relay", "ours guest");
  const homeLine = find("relay line", "relay part");
  const relaysRest = find("relays rest", "relay");
  const rest = find("rest", "ours binary");
  const memory = find("memory", "ours binary")?.more;
  const play = (way: string) => find("unwatched", way)?.browserCpu;
  const [alone, left, watched] = [play("no session"), play("unwatched"), play("watched")];
  const quarters = [slow?.more["first quarter's p95 ms"], slow?.more["last quarter's p95 ms"]] as const;

  return [
    bar("main frame: p50 <= floor + 5 ms, p95 <= 30, max <= 80, all seen", [
      ["p50 above the floor", difference(ours?.latency?.p50, floor?.latency?.p50), (ms) => ms <= 5],
      ["p95", ours?.latency?.p95, (ms) => ms <= 30],
      ["max", ours?.latency?.max, (ms) => ms <= 80],
      ["seen %", ours?.seenPercent, (percent) => percent === 100],
    ]),
    bar("p95 at least 50 times below the reference's", [
      ["times", quotient(reference?.latency?.p95, ours?.latency?.p95), (times) => times >= 50],
    ]),
    bar("pictures a second >= 50", [["pictures/s", ours?.picturesPerSecond, (count) => count >= 50]]),
    bar("challenge view (without the strip) <= 6 kB a picture", [["kB", plain?.jpegKb, (kb) => kb <= 6]]),
    bar("challenge view <= 1/8 of the whole page's kB", [
      ["part", quotient(ours?.jpegKb, page?.jpegKb), (part) => part <= CHALLENGE_PART_OF_PAGE],
    ]),
    ...["frame", "nested"].map((row) => {
      const result = find(row, "ours binary");
      return bar(`${row}: p50 <= main frame + 5 ms, p95 <= 35, no move lost, displaced <= 1 px`, [
        ["p50 above main's", difference(result?.latency?.p50, isolated?.latency?.p50), (ms) => ms <= 5],
        ["p95", result?.latency?.p95, (ms) => ms <= 35],
        ["seen %", result?.seenPercent, (percent) => percent === 100],
        ["reached %", result?.reachedPercent, (percent) => percent >= 100],
        ["px", result?.displacementPx, (px) => px <= 1],
      ]);
    }),
    bar("console, from the event's own time: p50 <= socket client + 18 ms, p95 <= + 35, moves that reach it >= 97 %", [
      ["p50 above", difference(console?.latency?.p50, ours?.latency?.p50), (ms) => ms <= 18],
      ["p95 above", difference(console?.latency?.p95, ours?.latency?.p95), (ms) => ms <= 35],
      ["reached %", console?.reachedPercent, (percent) => percent >= 97],
    ]),
    bar("a page of the bot's own: p50 <= 45, p95 <= 90, >= 25 pictures/s, all seen", [
      ["p50", guest?.latency?.p50, (ms) => ms <= 45],
      ["p95", guest?.latency?.p95, (ms) => ms <= 90],
      ["pictures/s", guest?.picturesPerSecond, (count) => count >= 25],
      ["seen %", guest?.seenPercent, (percent) => percent === 100],
    ]),
    bar("the same without the strip: <= 8 kB a picture", [
      ["kB", find("guest plain", "ours guest")?.jpegKb, (kb) => kb <= 8],
    ]),
    bar("a page of the bot's own that its bot crops: p50 <= floor + 8 ms, p95 <= + 18, >= 45 pictures/s, all seen", [
      ["p50 above", difference(helped?.latency?.p50, helpedFloor?.latency?.p50), (ms) => ms <= 8],
      ["p95 above", difference(helped?.latency?.p95, helpedFloor?.latency?.p95), (ms) => ms <= 18],
      ["pictures/s", helped?.picturesPerSecond, (count) => count >= 45],
      ["seen %", helped?.seenPercent, (percent) => percent === 100],
    ]),
    bar("the same without the strip: <= 8 kB a picture", [
      ["kB", find("helped plain", "ours helped")?.jpegKb, (kb) => kb <= 8],
    ]),
    ...["relay half", "relay part"].map((way) =>
      bar(`a page over a ${way}: p50 <= the same guest + 10 ms, p95 <= + 20`, [
        ["p50 above", difference(find("relay", way)?.latency?.p50, direct?.latency?.p50), (ms) => ms <= 10],
        ["p95 above", difference(find("relay", way)?.latency?.p95, direct?.latency?.p95), (ms) => ms <= 20],
      ]),
    ),
    bar("a relay with the crop over 20 Mbit/s, 40 ms: p50 <= 65, >= 30 pictures/s, <= 2 Mbit/s up", [
      ["p50", homeLine?.latency?.p50, (ms) => ms <= 65],
      ["pictures/s", homeLine?.picturesPerSecond, (count) => count >= 30],
      ["Mbit/s", homeLine?.more["Mbit/s up"], (mbit) => mbit <= 2],
    ]),
    bar("100 relays at rest: < 3 % of a core, < 0.5 MB each", [
      ["% of a core", relaysRest?.serverCpu, (percent) => percent < 3],
      ["MB", relaysRest?.more["MB a relay"], (mb) => mb < 0.5],
    ]),
    bar("8 sessions at once: each p95 <= 250, >= 10 pictures/s, slowest/fastest <= 2", [
      ["worst p95", eight?.["worst session's p95 ms"], (ms) => ms <= 250],
      ["fewest pictures/s", eight?.["fewest pictures/s"], (count) => count >= 10],
      ["p95 ratio", eight?.["slowest/fastest p95"], (ratio) => ratio <= 2],
      ["pictures/s ratio", eight?.["slowest/fastest pictures/s"], (ratio) => ratio <= 2],
    ]),
    bar("1 Mbit/s, 150 ms: p95 <= 400, not growing", [
      ["p95", slow?.latency?.p95, (ms) => ms <= 400],
      ["last quarter's p95", quarters[1], (ms) => ms <= (quarters[0] ?? 0) * GROWTH_TOLERATED + GROWTH_TOLERATED_MS],
      ["first quarter's p95", quarters[0], () => true],
    ]),
    bar("1 Mbit/s, 150 ms, only what has changed: p50 <= 200, >= 18 pictures/s, <= 2 kB a picture", [
      ["p50", slowDamage?.latency?.p50, (ms) => ms <= 200],
      ["pictures/s", slowDamage?.picturesPerSecond, (count) => count >= 18],
      ["kB", slowDamage?.wireKb, (kb) => kb <= 2],
    ]),
    bar("whole page on 10 Mbit/s, only what has changed: <= 8 kB a picture on the wire", [
      ["kB", find("page-line", "ours damage")?.wireKb, (kb) => kb <= 8],
    ]),
    bar("stalled viewer: <= 2 old pictures, then one < 200 ms old, server memory <= 2 MB", [
      ["old", stalled?.["old pictures"], (count) => count <= 2],
      ["age", stalled?.["first fresh one's age ms"], (ms) => ms < 200],
      ["MB", stalled?.["server memory MB"], (mb) => mb <= 2],
    ]),
    bar("rest: < 2 % of a core, no pictures", [
      ["% of a core", sum(rest?.browserCpu, rest?.serverCpu), (percent) => percent < 2],
      ["pictures", rest?.more["pictures"], (count) => count === 0],
    ]),
    ...IDLE_BARS.flatMap(([kind, way, most]) => {
      const name = `idle on a page of a ${kind} kind, ${way}: <= ${most} % of a core beyond the browser alone`;
      const beyond = find(`idle ${kind}`, `ours ${way}`)?.more["% of a core beyond the browser"];
      return bar(name, [["% of a core", beyond, (percent) => percent <= most]]);
    }),
    bar("unwatched playing page: no capture runs", [
      [
        "browser % of a core",
        left,
        (percent) => percent <= (alone ?? 0) + Math.max(0, (watched ?? 0) - (alone ?? 0)) * UNWATCHED_PART,
      ],
      ["without a session", alone, () => true],
      ["watched", watched, () => true],
    ]),
    bar("server memory a session < 1 MB", [["MB", memory?.["MB a session"], (mb) => mb < 1]]),
    bar("kill -9 with 10 sessions: server up again to a live picture, p95 <= 2 s", [
      ["p95", find("resume", "ours binary")?.latency?.p95, (ms) => ms <= 2_000],
    ]),
    ...creationBars(find),
    bar("a page of the bot's own: POST to first picture within 500 ms", [
      ["p50", find("attach", "ours guest")?.latency?.p50, (ms) => ms <= 500],
    ]),
    bar("an agent's call of request_human to the link for the person: <= 1.5 s", [
      ["p95", find("asked", "ours binary")?.latency?.p95, (ms) => ms <= 1_500],
      ["of the bot's own page", find("asked", "ours guest")?.latency?.p95, (ms) => ms <= 1_500],
    ]),
    bar("the page's own success to the bot's long poll: stable_ms + 200 ms", [
      ["p50", find("told", "ours binary")?.latency?.p50, (ms) => ms <= STABLE_MS + 200],
      ["of the bot's own page", find("told", "ours guest")?.latency?.p50, (ms) => ms <= STABLE_MS + 200],
    ]),
    bar("and to the bot's webhook: stable_ms + 300 ms", [
      ["p50", find("told webhook", "ours binary")?.latency?.p50, (ms) => ms <= STABLE_MS + 300],
      ["of the bot's own page", find("told webhook", "ours guest")?.latency?.p50, (ms) => ms <= STABLE_MS + 300],
    ]),
    ...feedBars(find),
    ...firstPictureBars(find),
  ];
}

type Find = (row: string, way: string) => Result | undefined;

/** The bars of creations grow with the floor of the same run. */
function creationBars(find: Find): Bar[] {
  const slower = quotient(find("created", "floor")?.latency?.p50, RAW_START_MS) ?? Number.NaN;
  const [answer, picture] = [find("created", "ours warm"), find("created picture", "ours warm")];
  const nothing = (way: string) =>
    difference(find("created nothing", way)?.latency?.p50, find("created", way)?.latency?.p50);
  return [
    bar("a creation from the pool: p50 <= 250 ms, p95 <= 400, first picture p50 <= 300 (of a raw start in 220)", [
      ["p50", answer?.latency?.p50, (ms) => ms <= 250 * slower],
      ["p95", answer?.latency?.p95, (ms) => ms <= 400 * slower],
      ["first picture", picture?.latency?.p50, (ms) => ms <= 300 * slower],
      ["raw start", find("created", "floor")?.latency?.p50, () => true],
    ]),
    bar("a creation on a page on which nothing is found: p50 <= that of the others + 600 ms", [
      ["p50 above", nothing("ours warm"), (ms) => ms <= NOTHING_FOUND_MS],
      ["without the pool", nothing("ours new"), (ms) => ms <= NOTHING_FOUND_MS],
    ]),
  ];
}

/** The time from a link to its first picture, above that of a page that paints at once. */
function firstPictureBars(find: Find): Bar[] {
  const above = (row: string) => difference(find(row, "console")?.latency?.p50, find(row, "floor")?.latency?.p50);
  return [
    bar("link to first picture: p50 <= floor + 130 ms, also from another site's page", [
      ["above the floor", above("first-picture"), (ms) => ms <= 130],
      ["from another site", above("first-picture from"), (ms) => ms <= 130],
    ]),
    bar("the same with a CPU 4 times slower: p50 <= its floor + 450 ms", [
      ["above the floor", above("first-picture slow"), (ms) => ms <= 450],
    ]),
  ];
}

/** The bars of the events socket. With readers a drag must meet the same limits as without. */
function feedBars(find: Find): Bar[] {
  const [alone, under] = [find("no events", "floor"), find("events", "ours binary")];
  const cut = find("feed cuts", "ours")?.more;
  return [
    ...(["one by one", "batched"] as const).flatMap((way) => [
      bar(`1,000 events sockets, dialled 50 at a time, ${way}: all open, p95 <= 100 ms`, [
        ["p95", find("feed dial", way)?.latency?.p95, (ms) => ms <= 100],
        ["open %", find("feed dial", way)?.reachedPercent, (percent) => percent === 100],
      ]),
      bar(`${way}: 20,000 deliveries a second, none missing`, [
        ["a second", find("feed full", way)?.more["deliveries/s"], (count) => count >= 20_000],
        ["arrived %", find("feed full", way)?.reachedPercent, (percent) => percent === 100],
      ]),
      bar(`${way}, at half that rate: p95 <= ${HALF_RATE_P95_MS[way]} ms`, [
        ["p95", find("feed half", way)?.latency?.p95, (ms) => ms <= HALF_RATE_P95_MS[way]],
        ["arrived %", find("feed half", way)?.reachedPercent, (percent) => percent === 100],
      ]),
    ]),
    bar("20 cuts in 10,000 events: none lost, none twice", [
      ["lost", cut?.["lost"], (count) => count === 0],
      ["twice", cut?.["twice"], (count) => count === 0],
    ]),
    bar("an event that nobody reads: < 20 µs of the server", [
      ["µs", find("feed publish", "ours")?.more["µs CPU"], (us) => us < 20],
    ]),
    bar("a drag while 200 sockets get 2,000 events a second: p50 <= floor + 5 ms, p95 <= 30, max <= 80, all seen", [
      ["p50 above the floor", difference(under?.latency?.p50, alone?.latency?.p50), (ms) => ms <= 5],
      ["p95", under?.latency?.p95, (ms) => ms <= 30],
      ["max", under?.latency?.max, (ms) => ms <= 80],
      ["seen %", under?.seenPercent, (percent) => percent === 100],
    ]),
  ];
}

/** A bar. It is passed if all checks hold, and null as soon as one of their numbers is unknown. */
function bar(name: string, checks: readonly Check[]): Bar {
  const known = checks.every(([, value]) => value !== null && value !== undefined);
  const passed = known ? checks.every(([, value, holds]) => holds(value as number)) : null;
  return { name, passed, measured: checks.map(([what, value]) => `${what} ${shown(value)}`).join(", ") };
}

function shown(value: number | null | undefined): string {
  if (value === null || value === undefined) return "not run";
  return String(Math.round(value * 100) / 100);
}

function difference(a: number | undefined, b: number | undefined): number | null {
  return a === undefined || b === undefined ? null : a - b;
}

function sum(a: number | null | undefined, b: number | null | undefined): number | null {
  return typeof a === "number" && typeof b === "number" ? a + b : null;
}

function quotient(a: number | null | undefined, b: number | null | undefined): number | null {
  return typeof a === "number" && typeof b === "number" && b !== 0 ? a / b : null;
}
