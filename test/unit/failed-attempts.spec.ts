/** [R18] When an attempt counts as failed: the challenge is there again, and not as it was. */
import { expect, test } from "@playwright/test";
import { FailedAttempts } from "../../src/browser/challenge/failed-attempts.ts";

type Scan = Parameters<FailedAttempts["scanned"]>[0];

function scan(kind: string | null, document = "1"): Scan {
  if (kind === null) return null;
  return { info: { selector: "#x", x: 0, y: 0, width: 1, height: 1, in_iframe: false, kind }, document };
}

for (const [what, scans, failure] of [
  ["stays as it is", [scan("a"), scan("a")], null],
  ["goes", [scan(null), scan(null)], null],
  ["goes and comes back", [scan(null), scan("a")], "came_back"],
  ["comes in a new document", [scan(null), scan("a", "2")], "reloaded"],
  ["is another kind", [scan("b")], "replaced"],
] as const) {
  test(`a challenge that ${what} after somebody acted: ${failure ?? "nothing failed"}`, () => {
    const attempts = new FailedAttempts();
    attempts.scanned(scan("a"), 0);
    attempts.acted(10);
    expect(scans.map((each, index) => attempts.scanned(each, 20 + index)).filter(Boolean)).toEqual(
      failure ? [failure] : [],
    );
    // Reported once: what comes next is another attempt.
    expect(attempts.scanned(scans.at(-1) ?? scan(null), 30)).toBeNull();
  });
}

test("what the page does by itself, or long after, is no attempt", () => {
  const attempts = new FailedAttempts();
  expect([scan("a"), scan(null), scan("a"), scan("b")].map((each, at) => attempts.scanned(each, at))).toEqual(
    Array(4).fill(null),
  );
  attempts.acted(10);
  expect(attempts.scanned(scan(null), 20)).toBeNull();
  expect(attempts.scanned(scan("b"), 20_000)).toBeNull();
});

test("what is done where there is no challenge is no attempt", () => {
  const attempts = new FailedAttempts();
  attempts.scanned(scan(null), 0);
  attempts.acted(10);
  expect(attempts.scanned(scan("a"), 20)).toBeNull();
});
