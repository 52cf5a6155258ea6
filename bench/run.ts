/**
 * Measures every way of showing a page to a person, on the same page, with the same moves and on this machine. It prints
 * one table. `node bench/run.ts [--quick] [--only row,row] [--against folder]`; README.md beside it explains the columns.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { raisePriority } from "../src/util/process-priority.ts";
import { judge } from "./bars.ts";
import { Bench, type Result, say } from "./bench.ts";
import { chromiumPath } from "./browser.ts";
import { endAll, endOnSignals, isInterrupted } from "./cleanup.ts";
import { describeMachine } from "./machine.ts";
import { keep, type Report, renderText } from "./report.ts";
import { AGENT_ROWS } from "./rows/agents.ts";
import { CREATION_ROWS } from "./rows/creations.ts";
import { CROWD_ROWS } from "./rows/crowds.ts";
import { DRAG_ROWS, warmUp } from "./rows/drags.ts";
import { END_ROWS } from "./rows/ends.ts";
import { FEED_ROWS } from "./rows/feed.ts";
import { IDLE_ROWS } from "./rows/idle.ts";
import { LINE_ROWS } from "./rows/lines.ts";
import { QUIET_ROWS } from "./rows/quiet.ts";
import { RELAY_ROWS } from "./rows/relays.ts";
import { RESTART_ROWS } from "./rows/restart.ts";
import { Site } from "./site.ts";
import { checkStrip } from "./strip.ts";

const ROWS = [
  ...DRAG_ROWS,
  ...CROWD_ROWS,
  ...LINE_ROWS,
  ...RELAY_ROWS,
  ...QUIET_ROWS,
  ...IDLE_ROWS,
  ...CREATION_ROWS,
  ...END_ROWS,
  ...RESTART_ROWS,
  ...FEED_ROWS,
  ...AGENT_ROWS,
];
/** The longest time of a run. After it something hangs, and the run is given up. */
const WHOLE_RUN_DEADLINE_MS = 40 * 60_000;

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" }, against: { type: "string" } },
});
endOnSignals();
// The client stands for other machines, so it must not wait for the browsers that it measures.
raisePriority();
const deadline = setTimeout(() => {
  say("The run takes too long and is given up.");
  void endAll().finally(() => process.exit(1));
}, WHOLE_RUN_DEADLINE_MS);
try {
  process.exitCode = (await main(values.quick, values.only?.split(","), values.against)) ? 0 : 1;
} catch (error) {
  // The signal's handler ends the process once everything has stopped.
  if (isInterrupted()) await new Promise(() => {});
  console.error(error);
  process.exitCode = 1;
} finally {
  await endAll();
  clearTimeout(deadline);
}
process.exit();

/** Resolves with false if something could not be measured. */
async function main(
  quick: boolean,
  only: readonly string[] | undefined,
  against: string | undefined,
): Promise<boolean> {
  const unknown = only?.filter((key) => !ROWS.some((row) => row.key === key)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`No such row: ${unknown.join(", ")}. There are: ${ROWS.map(({ key }) => key).join(", ")}`);
  }
  const rows = ROWS.filter((row) => only?.includes(row.key) ?? (!quick || row.main));
  await checkStrip();
  const bench = new Bench(await Site.start(), quick, against && resolve(against));
  const machine = await describeMachine(await chromiumPath());
  const results: Result[] = [];
  const failures: Record<string, string> = {};
  await warmUp(bench);
  for (const row of rows) {
    say(row.key);
    try {
      results.push(...(await row.run(bench)));
    } catch (error) {
      if (isInterrupted()) throw error;
      const why = error instanceof Error ? error.message : String(error);
      failures[row.key] = why;
      say(`  not measured: ${why}`);
    }
  }
  const given = process.argv.slice(2).join(" ");
  const report: Report = { machine, arguments: given, results, bars: judge(results), failures };
  const path = await keep(report);
  console.log(`\n${renderText(report)}\n\nkept as ${path}.json and .md`);
  return Object.keys(failures).length === 0;
}
