/** The table of a run: printed, and stored as JSON for programs and as Markdown for people. */
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Bar } from "./bars.ts";
import type { Result } from "./bench.ts";
import type { Machine } from "./machine.ts";

const FOLDER = new URL("./results/", import.meta.url);

export interface Report {
  readonly machine: Machine;
  /** The program's arguments. */
  readonly arguments: string;
  readonly results: readonly Result[];
  readonly bars: readonly Bar[];
  /** Rows that could not be measured, with the reason. */
  readonly failures: Readonly<Record<string, string>>;
}

const HEAD = [
  "what",
  "way",
  "p50 ms",
  "p95",
  "max",
  "seen %",
  "reached %",
  "off px",
  "pict/s",
  "kB jpeg",
  "kB wire",
  "cpu % browser",
  "server",
  "other",
  "more",
] as const;
/** Columns of text; numbers are aligned to the right. */
const WORDS = new Set<string>(["what", "way", "more"]);

export function renderText(report: Report): string {
  const rows = [[...HEAD], ...report.results.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        WORDS.has(HEAD[column] ?? "") ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  return [describe(report.machine), "", ...lines, "", ...barLines(report), ...failureLines(report)].join("\n");
}

function renderMarkdown(report: Report): string {
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  return [
    `# Bench of ${report.machine.date}`,
    "",
    `\`${["node bench/run.ts", report.arguments].join(" ").trim()}\``,
    "",
    describe(report.machine),
    "",
    line(HEAD),
    line(HEAD.map((name) => (WORDS.has(name) ? "---" : "---:"))),
    ...report.results.map((result) => line(cells(result))),
    "",
    "## Bars",
    "",
    ...known(report.bars).map(({ name, passed, measured }) => `- **${verdict(passed)}** ${name}: ${measured}`),
    ...failureLines(report),
    "",
  ].join("\n");
}

/** Writes both files. Returns their path without the extension. */
export async function keep(report: Report): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  const name = report.machine.date.slice(0, 19).replace("T", "-").replaceAll(":", "");
  const path = fileURLToPath(new URL(name, FOLDER));
  await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${path}.md`, renderMarkdown(report));
  return path;
}

export function describe(machine: Machine): string {
  const { cpu, cores, memory_gb, kernel, node, chromium, commit, date } = machine;
  return `${date}, commit ${commit}: ${cpu}, ${cores} cores, ${memory_gb} GB, Linux ${kernel}, Node ${node}, ${chromium}`;
}

function cells(result: Result): string[] {
  const { latency } = result;
  const more = Object.entries(result.more).map(([name, value]) => `${name} ${digits(value, value >= 100 ? 0 : 2)}`);
  return [
    result.title,
    result.way,
    digits(latency?.p50),
    digits(latency?.p95),
    digits(latency?.max),
    digits(result.seenPercent, 1),
    digits(result.reachedPercent, 1),
    digits(result.displacementPx, 1),
    digits(result.picturesPerSecond, 1),
    digits(result.jpegKb, 1),
    digits(result.wireKb, 1),
    digits(result.browserCpu, 1),
    digits(result.serverCpu, 1),
    digits(result.otherCpu, 1),
    more.join(", "),
  ];
}

/** A tenth of a ms matters below 100, not above. */
function digits(value: number | null | undefined, places?: number): string {
  if (value === null || value === undefined) return "-";
  return value.toFixed(places ?? (value < 100 ? 1 : 0)).replace(/^-(0(?:\.0+)?)$/, "$1");
}

function barLines({ bars }: Report): string[] {
  const left = bars.filter(({ passed }) => passed === null).length;
  return [
    "bars",
    ...known(bars).map(({ name, passed, measured }) => `  ${verdict(passed)}  ${name}: ${measured}`),
    ...(left > 0 ? [`  ${left} more belong to rows that were not run`] : []),
  ];
}

function failureLines({ failures }: Report): string[] {
  const lines = Object.entries(failures).map(([row, why]) => `  ${row}: ${why}`);
  return lines.length === 0 ? [] : ["", "not measured", ...lines];
}

function known(bars: readonly Bar[]): readonly Bar[] {
  return bars.filter(({ passed }) => passed !== null);
}

function verdict(passed: boolean | null): string {
  return passed ? "pass" : "FAIL";
}
