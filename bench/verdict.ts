/**
 * Judges the verdicts of the real server on all pages of the corpus (test/pages), and prints one table.
 * `node bench/verdict.ts [--rounds 5] [--only turnstile,walls/shown] [--lanes 4] [--checkout ../other]
 * [--write]`; README.md beside it explains it.
 */
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { loadCorpus } from "../test/pages/corpus.ts";
import type { CorpusPage } from "../test/pages/page.ts";
import { PageSite } from "../test/pages/site.ts";
import { CorpusBrowser } from "../test/support/bot-browser.ts";
import { type CaseResult, runCase, type VerdictWorld } from "../test/support/verdict-case.ts";
import { say } from "./bench.ts";
import { chromiumPath } from "./browser.ts";
import { atEnd, endAll, endOnSignals, RUN_FOLDER } from "./cleanup.ts";
import { BEARER } from "./key.ts";
import { describeMachine } from "./machine.ts";
import { BenchServer } from "./server.ts";
import { keepVerdicts, renderVerdicts } from "./verdict-report.ts";

/** Sessions at a time for each core: most of a case is waiting for a verdict that must not come. */
const LANES_A_CORE = 2;
/** The longest that one page may take; after it something hangs, and the run is given up. */
const PAGE_DEADLINE_MS = 180_000;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    lanes: { type: "string", default: String(availableParallelism() * LANES_A_CORE) },
    checkout: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
endOnSignals();
const isGood = await main().finally(() => endAll());
process.exit(isGood ? 0 : 1);

/** Resolves with whether every bar is reached. */
async function main(): Promise<boolean> {
  const only = values.only?.split(",");
  const corpus = await loadCorpus();
  const pages = corpus.filter(({ group, name }) => only?.some((part) => part === group || part === name) ?? true);
  if (pages.length === 0) throw new Error(`No such pages: ${values.only}.`);
  const world = await openWorld();
  const results: CaseResult[] = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    say(`round ${round} of ${values.rounds}: ${pages.length} pages`);
    results.push(...(await runAll(world, pages, Number(values.lanes))));
  }
  const machine = await describeMachine(await chromiumPath());
  const report = renderVerdicts(results, { machine, rounds: Number(values.rounds) });
  console.log(`\n${report.text}`);
  if (values.write) console.log(`\nwritten to ${await keepVerdicts(report)}`);
  return report.isGood;
}

async function openWorld(): Promise<VerdictWorld> {
  const site = await PageSite.start();
  atEnd(() => site.stop());
  const server = await BenchServer.start(values.checkout === undefined ? {} : { checkout: resolve(values.checkout) });
  let browser: Promise<CorpusBrowser> | undefined;
  return {
    api: new URL("/api/captcha", server.url).href,
    headers: BEARER,
    site,
    async openGuest(url) {
      browser ??= CorpusBrowser.start(await chromiumPath(), join(RUN_FOLDER, "bot")).then((started) => {
        atEnd(() => started.stop());
        return started;
      });
      return (await browser).open(url);
    },
  };
}

/** Runs the pages, so many at a time. */
async function runAll(world: VerdictWorld, pages: readonly CorpusPage[], lanes: number): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  const left = [...pages];
  const lane = async () => {
    for (let page = left.shift(); page; page = left.shift()) {
      const result = await withinDeadline(page.name, runCase(world, page));
      results.push(result);
      for (const { kind, step, why } of result.faults) say(`  ${page.name}: ${kind} at ${step}: ${why}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

async function withinDeadline<T>(name: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} does not come to its end.`)), PAGE_DEADLINE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
