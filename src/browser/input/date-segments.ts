/** [W42] How a date or time that comes whole is typed: its parts in the order in which the browser's fields have them. */
import type { FieldState } from "./in-page-fields.ts";

type TemporalKind = Exclude<FieldState["kind"], "none" | "frame" | "text">;

/** As the values of these fields are written. */
const WRITTEN: Readonly<Record<TemporalKind, RegExp>> = {
  date: /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)$/,
  time: /^(?<hour>\d\d):(?<minute>\d\d)$/,
  "datetime-local": /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)[T ](?<hour>\d\d):(?<minute>\d\d)$/,
  month: /^(?<year>\d{4})-(?<month>\d\d)$/,
  week: /^(?<year>\d{4})-W(?<week>\d\d)$/,
};
const ORDERS = [
  ["month", "day", "year"],
  ["day", "month", "year"],
  ["year", "month", "day"],
];
const NOON = 12;

/** Goes on to the next part: a year takes more than four digits. */
export const NEXT_PART = "ArrowRight";

/**
 * The ways to type `text` into such a field, the likeliest first: each a list of characters, and of NEXT_PART. Empty
 * where the text is not written as the field's value is: then it is typed as it stands.
 */
export function waysToType(
  kind: TemporalKind,
  text: string,
  field: Pick<FieldState, "order" | "hasHalfDays">,
): string[][] {
  const found = WRITTEN[kind].exec(text.trim())?.groups;
  if (!found) return [];
  const orders = [field.order, ...ORDERS].map((order) => partsOf(kind, order));
  const clocks = found["hour"] === undefined ? [false] : [field.hasHalfDays, !field.hasHalfDays];
  const ways = clocks.flatMap((isHalf) =>
    orders.flatMap((order) => [true, false].map((goesOn) => typed(found, order, isHalf, goesOn))),
  );
  const seen = new Set<string>();
  return ways.filter((way) => !seen.has(way.join()) && seen.add(way.join()));
}

function partsOf(kind: TemporalKind, order: readonly string[]): readonly string[] {
  const date = order.filter(
    (part) => kind === "date" || kind === "datetime-local" || (kind === "month" && part !== "day"),
  );
  const week = order[0] === "year" ? ["year", "week"] : ["week", "year"];
  const clock = kind === "time" || kind === "datetime-local" ? ["hour", "minute"] : [];
  return [...(kind === "week" ? week : date), ...clock];
}

function typed(
  found: Readonly<Record<string, string>>,
  order: readonly string[],
  isHalf: boolean,
  goesOn: boolean,
): string[] {
  const hour = Number(found["hour"]);
  const hourOf12 = String(hour % NOON || NOON).padStart(2, "0");
  const keys = order.flatMap((part, index) => {
    const digits = part === "hour" && isHalf ? hourOf12 : (found[part] ?? "");
    const isLast = index === order.length - 1;
    return [...digits, ...(goesOn && part === "year" && !isLast ? [NEXT_PART] : [])];
  });
  return isHalf && found["hour"] !== undefined ? [...keys, hour < NOON ? "a" : "p"] : keys;
}

/** The field's value that `text` means. */
export function valueFor(text: string): string {
  return text.trim().replace(" ", "T");
}
