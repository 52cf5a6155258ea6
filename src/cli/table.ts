/** Tables for people: columns fit their content, and cells have no control characters that a terminal would obey. */

/** Control characters, characters that change the direction of text, and line breaks. Each run becomes a space. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression has to match them
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;

/** The head and the rows as lines of text, columns separated by two spaces. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((row) => row.map((cell) => cell.replace(UNSAFE, " ")));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** A duration as `2m 05s`, `3h 12m` or `4d 6h`; a hyphen for one that is not positive or not a number. */
export function span(ms: number): string {
  if (!(ms > 0)) return "-";
  const seconds = Math.round(ms / 1_000);
  const two = (value: number, unit: string) => `${String(value).padStart(2, "0")}${unit}`;
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60, "s")}`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h ${two(Math.floor((seconds % 3_600) / 60), "m")}`;
  return `${Math.floor(seconds / 86_400)}d ${Math.floor((seconds % 86_400) / 3_600)}h`;
}
