// Times in words: countdowns, ages and the server's clock seen from here.

/**
 * @param {string | number | null | undefined} time ISO 8601 or ms since 1970
 * @returns {number | null} ms since 1970
 */
export function toMs(time) {
  if (time === null || time === undefined) return null;
  const ms = typeof time === "number" ? time : Date.parse(time);
  return Number.isFinite(ms) ? ms : null;
}

/**
 * A countdown as people read one: `2:41`, `1:02:41`. It shows 0:00 only when nothing is left.
 * @param {number} ms
 */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = String(seconds % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/**
 * A span in its largest unit, in the reader's language: `12 sec`, `5 min`, `3 hr`.
 * @param {number} ms
 * @param {string} language
 */
export function span(ms, language) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  /** @type {[number, string]} */
  const [amount, unit] =
    seconds < 60
      ? [seconds, "second"]
      : seconds < 3600
        ? [Math.floor(seconds / 60), "minute"]
        : seconds < 86_400
          ? [Math.floor(seconds / 3600), "hour"]
          : [Math.floor(seconds / 86_400), "day"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(amount);
}

/**
 * The time of day of a log line.
 * @param {number} ms
 * @param {string} language
 */
export function timeOfDay(ms, language) {
  return new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" }).format(ms);
}
