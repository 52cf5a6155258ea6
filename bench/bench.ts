/** The parts that all rows of a run share: the site, the servers, durations, and the form of results. */
import { BenchServer } from "./server.ts";
import type { Site } from "./site.ts";

export class Bench {
  readonly site: Site;
  readonly quick: boolean;
  /** Folder of another checkout whose server is measured beside this one's. */
  readonly against: string | undefined;
  readonly #servers = new Map<string, Promise<BenchServer>>();

  constructor(site: Site, quick: boolean, against?: string) {
    this.site = site;
    this.quick = quick;
    this.against = against;
  }

  /** Of each checkout one server for ordinary rows, and one whose browsers run frames of other sites in separate processes. */
  server(siteIsolation = false, checkout?: string): Promise<BenchServer> {
    const key = JSON.stringify([siteIsolation, checkout]);
    const known = this.#servers.get(key);
    if (known) return known;
    const started = BenchServer.start({ siteIsolation, ...(checkout === undefined ? {} : { checkout }) });
    this.#servers.set(key, started);
    return started;
  }

  /** Returns the first value in a full run, the second in a quick one. */
  pick<T>(full: T, quick: T): T {
    return this.quick ? quick : full;
  }
}

/** One row of the table. Values that were not measured are null. */
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
  /** CPU of all processes outside of the bench. */
  readonly otherCpu: number | null;
  /** Further values of this row, by names with units. */
  readonly more: Readonly<Record<string, number>>;
}

export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly count: number;
}

/** A result without values. */
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
  /** The row runs in a quick run without `--only`. */
  readonly main?: boolean;
  run(bench: Bench): Promise<Result[]>;
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
