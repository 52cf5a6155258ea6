/** The table of the verdicts on the corpus, with the bars that they have to reach. */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { CaseResult, FaultKind } from "../test/support/verdict-case.ts";
import type { Machine } from "./machine.ts";
import { percentile } from "./numbers.ts";
import { describe } from "./report.ts";

const PAGE = new URL("../docs/verdicts.md", import.meta.url);
/** The page in docs has its words above this line; what stands below is written anew. */
const MARK = "<!-- npm run bench:verdict -- --write -->";
const HEAD = [
  "kind",
  "pages",
  "runs",
  "found",
  "right box",
  "false solved",
  "missed",
  "asked",
  "other",
  "median ms",
] as const;

const STABLE_MS = 500;
const BARS = {
  falseSolved: 0,
  verdictPercent: 97,
  boxPercent: 99,
  medianMs: STABLE_MS + 100,
} as const;

export interface VerdictReport {
  readonly text: string;
  readonly markdown: string;
  readonly isGood: boolean;
}

export function renderVerdicts(
  results: readonly CaseResult[],
  { machine, rounds }: { machine: Machine; rounds: number },
): VerdictReport {
  const groups = [...new Set(results.map(({ page }) => page.group))].sort();
  const rows = [
    ...groups.map((group) =>
      cells(
        group,
        results.filter(({ page }) => page.group === group),
      ),
    ),
    cells("all", results),
  ];
  const bars = barsOf(results);
  const about = `${rounds} ${rounds === 1 ? "round" : "rounds"}. ${describe(machine)}`;
  const barLines = bars.map(({ name, measured, passed }) => `${passed ? "pass" : "FAIL"}  ${name}: ${measured}`);
  const faults = results.flatMap(({ page, faults }) =>
    faults.map(({ kind, step }) => `${page.name}: ${kind} at ${step}`),
  );
  return {
    text: [about, "", ...columns([[...HEAD], ...rows]), "", ...barLines].join("\n"),
    markdown: [
      about,
      "",
      `| ${HEAD.join(" | ")} |`,
      `|${HEAD.map((_, index) => (index === 0 ? " --- " : " ---: ")).join("|")}|`,
      ...rows.map((row) => `| ${row.join(" | ")} |`),
      "",
      ...bars.map(({ name, measured, passed }) => `- **${passed ? "pass" : "FAIL"}** ${name}: ${measured}`),
      ...(faults.length > 0 ? ["", "What was not right:", "", ...counted(faults)] : []),
      "",
    ].join("\n"),
    isGood: bars.every(({ passed }) => passed),
  };
}

/** Writes the table below the words of docs/verdicts.md. Returns the file's path. */
export async function keepVerdicts({ markdown }: VerdictReport): Promise<string> {
  const [words = ""] = (await readFile(PAGE, "utf8")).split(MARK);
  await writeFile(PAGE, `${words}${MARK}\n\n${markdown}`);
  return fileURLToPath(PAGE);
}

function cells(name: string, results: readonly CaseResult[]): string[] {
  const sum = (of: (result: CaseResult) => number) => results.reduce((total, result) => total + of(result), 0);
  const looked = sum(({ looked }) => looked);
  const successes = sum(({ successes }) => successes);
  const counted: FaultKind[] = ["not found", "wrong box", "false solved", "missed", "late", "not asked"];
  const others = sum(({ faults }) => faults.filter(({ kind }) => !counted.includes(kind)).length);
  return [
    name,
    String(new Set(results.map(({ page }) => page.name)).size),
    String(results.length),
    of(
      sum(({ found }) => found),
      looked,
    ),
    of(
      sum(({ boxed }) => boxed),
      looked,
    ),
    String(faultsOf(results, "false solved")),
    of(successes - sum(({ verdicts }) => verdicts), successes),
    of(
      sum(({ asked }) => asked),
      sum(({ asks }) => asks),
    ),
    String(others),
    medianOf(results),
  ];
}

function of(part: number, whole: number): string {
  return whole === 0 ? "-" : `${part}/${whole}`;
}

function medianOf(results: readonly CaseResult[]): string {
  const median = percentile(
    [...results.flatMap(({ tookMs }) => tookMs)].sort((a, b) => a - b),
    0.5,
  );
  return Number.isNaN(median) ? "-" : String(Math.round(median));
}

function faultsOf(results: readonly CaseResult[], kind: FaultKind): number {
  return results.flatMap(({ faults }) => faults).filter((fault) => fault.kind === kind).length;
}

function barsOf(results: readonly CaseResult[]) {
  const sum = (of: (result: CaseResult) => number) => results.reduce((total, result) => total + of(result), 0);
  const falseSolved = faultsOf(results, "false solved");
  const badges = faultsOf(results, "found a badge");
  const verdicts = percent(
    sum(({ verdicts }) => verdicts),
    sum(({ successes }) => successes),
  );
  const boxes = percent(
    sum(({ boxed }) => boxed),
    sum(({ looked }) => looked),
  );
  const median = Number(medianOf(results));
  return [
    bar("false solved is 0", String(falseSolved), falseSolved === BARS.falseSolved),
    bar("badges found is 0", String(badges), badges === 0),
    bar(
      `right verdict within 3 s >= ${BARS.verdictPercent} %`,
      `${verdicts.toFixed(1)} %`,
      verdicts >= BARS.verdictPercent,
    ),
    bar(`right box >= ${BARS.boxPercent} %`, `${boxes.toFixed(1)} %`, boxes >= BARS.boxPercent),
    bar(`success to verdict, median <= ${BARS.medianMs} ms`, `${median} ms`, !(median > BARS.medianMs)),
  ];
}

function bar(name: string, measured: string, passed: boolean) {
  return { name, measured, passed };
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 100 : (100 * part) / whole;
}

function counted(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => (count === 1 ? `- ${line}` : `- ${line} (${count} times)`));
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
}
