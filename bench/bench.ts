/** What the rows of a run share: the site, the servers, how long things take, where results go. */
import { BenchServer } from "./server.ts";
import type { Site } from "./site.ts";

export class Bench {
  readonly site: Site;
  readonly quick: boolean;
  /** Another checkout, whose server is measured beside this one's. */
  readonly against: string | undefined;
  readonly #servers = new Map<string, Promise<BenchServer>>();

  constructor(site: Site, quick: boolean, against?: string) {
    this.site = site;
    this.quick = quick;
    this.against = against;
  }

  /** One server for all ordinary rows, and one whose browsers give frames of other sites processes of their own; of each checkout. */
  server(siteIsolation = false, checkout?: string): Promise<BenchServer> {
    const key = JSON.stringify([siteIsolation, checkout]);
    const known = this.#servers.get(key);
    if (known) return known;
    const started = BenchServer.start({ siteIsolation, ...(checkout === undefined ? {} : { checkout }) });
    this.#servers.set(key, started);
    return started;
  }

  /** The first of the full run, the second of the quick one. */
  pick<T>(full: T, quick: T): T {
    return this.quick ? quick : full;
  }
}

/** One line of the table. What was not measured is null. */
export interface Result {
  readonly row: string;
  readonly title: string;
  readonly way: string;
  /** ms */
  readonly latency: Latency | null;
  readonly seenPercent: number | null;
  readonly reachedPercent: number | null;
  readonly displacementPx: number | null;
  readonly picturesPerSecond: number | null;
  /** kB = 1,000 bytes */
  readonly jpegKb: number | null;
  readonly wireKb: number | null;
  /** % of one core */
  readonly browserCpu: number | null;
  readonly serverCpu: number | null;
  /** What is not of the bench. */
  readonly otherCpu: number | null;
  /** What only this row knows, by a name with its unit. */
  readonly more: Readonly<Record<string, number>>;
}

export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly count: number;
}

/** A result of which nothing is known yet. */
export function emptyResult(row: string, title: string, way: string): Result {
  return {
    row,
    title,
    way,
    latency: null,
    seenPercent: null,
    reachedPercent: null,
    displacementPx: null,
    picturesPerSecond: null,
    jpegKb: null,
    wireKb: null,
    browserCpu: null,
    serverCpu: null,
    otherCpu: null,
    more: {},
  };
}

export interface Row {
  readonly key: string;
  /** Part of a quick run without `--only`. */
  readonly main?: boolean;
  run(bench: Bench): Promise<Result[]>;
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
