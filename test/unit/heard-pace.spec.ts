/** [S16] How soon the page is looked at after it has said that it changed, on a clock of the test's own. */
import { expect, test } from "@playwright/test";
import { HeardPace } from "../../src/browser/challenge/heard-pace.ts";

const PAGE = "page";

/** Looks at a page for so long whenever it is due; `changesAt` says when the page changes next after a time. Returns the looks. */
function looksOf(forMs: number, changesAt: (after: number) => number, finds: (look: number) => string): number[] {
  const pace = new HeardPace();
  pace.looking();
  pace.looked(finds(0), 0);
  const looks: number[] = [];
  let changeAt = changesAt(0);
  for (;;) {
    // It is armed by each look: the first change after that is heard.
    if (changeAt < pace.dueAt) {
      pace.heard(PAGE, changeAt);
      changeAt = Infinity;
    }
    const now = pace.dueAt;
    if (now > forMs) return looks;
    pace.looking();
    looks.push(now);
    pace.looked(finds(looks.length), now);
    changeAt = changesAt(now);
  }
}

test("[S16] a page that changes once is looked at in that moment, once more soon after, and then left alone", () => {
  const once = (after: number) => (after < 60_000 ? 60_000 : Infinity);
  const looks = looksOf(600_000, once, (look) => (look === 0 ? "shown" : "gone"));
  expect(looks).toHaveLength(2);
  expect(looks[0]).toBe(60_000);
  expect((looks[1] ?? 0) - 60_000).toBeLessThanOrEqual(1_000);
});

test("[S16] a page that changes without end and shows nothing new is looked at about once a second", () => {
  const looks = looksOf(
    60_000,
    (after) => after + 1,
    () => "shown",
  );
  expect(looks.length).toBeGreaterThan(50);
  expect(looks.length).toBeLessThan(75);
  // After a change that was news it is looked at soon again, and then less often again.
  const news = looksOf(
    60_000,
    (after) => after + 1,
    (look) => (look < 30 ? "shown" : "other"),
  );
  expect(news.length).toBeLessThan(85);
});

test("[S16] a page whose challenge flickers without end is not looked at more than three times a second for long", () => {
  const looks = looksOf(
    60_000,
    (after) => after + 1,
    (look) => String(look % 2),
  );
  expect(looks.length).toBeLessThan(3 * 60);
});

test("[S16] one document that is noisy does not hold up another one", () => {
  const pace = new HeardPace();
  let now = 0;
  for (let look = 0; look < 20; look += 1) {
    pace.heard("advertisement", now);
    now = pace.dueAt;
    pace.looking();
    pace.looked("same", now);
  }
  pace.heard("advertisement", now + 10);
  expect(pace.dueAt).toBeGreaterThan(now + 500);
  pace.heard("challenge", now + 200);
  expect(pace.dueAt).toBe(now + 200);
});
