/** Tables for people: columns as wide as they need to be, and nothing in them that a terminal would obey. */

/** Whatever came from outside: control characters, those that turn the text around, and line breaks become a space. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;

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

/** `2m 05s`, `3h 12m`, `4d 6h`; of a time that is over, or not known, a hyphen. */
export function span(ms: number): string {
  if (!(ms > 0)) return "-";
  const seconds = Math.round(ms / 1_000);
  const two = (value: number, unit: string) => `${String(value).padStart(2, "0")}${unit}`;
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60, "s")}`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h ${two(Math.floor((seconds % 3_600) / 60), "m")}`;
  return `${Math.floor(seconds / 86_400)}d ${Math.floor((seconds % 86_400) / 3_600)}h`;
}
