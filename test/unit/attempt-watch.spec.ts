/** [R18] When an attempt counts as failed: the challenge is there again, and not as it was. */
import { expect, test } from "@playwright/test";
import { FailedAttempts } from "../../src/browser/challenge/failed-attempts.ts";

type RuleFacts = Parameters<FailedAttempts["looked"]>[0];

function look(kind: string | null, loaderId = "1"): RuleFacts {
  if (kind === null) return { challenge: null, kinds: new Map() };
  const frame = { id: "frame", loaderId, url: "", parent: null };
  const challenge = { selector: "#x", x: 0, y: 0, width: 1, height: 1, in_iframe: false, kind };
  return { challenge, kinds: new Map([[kind, frame]]) } as unknown as RuleFacts;
}

for (const [what, looks, failure] of [
  ["stays as it is", [look("a"), look("a")], null],
  ["goes", [look(null), look(null)], null],
  ["goes and comes back", [look(null), look("a")], "came_back"],
  ["comes in a new document", [look(null), look("a", "2")], "reloaded"],
  ["is another kind", [look("b")], "replaced"],
] as const) {
  test(`a challenge that ${what} after somebody acted: ${failure ?? "nothing failed"}`, () => {
    const watch = new FailedAttempts();
    watch.looked(look("a"), 0);
    watch.acted(10);
    expect(looks.map((each, index) => watch.looked(each, 20 + index)).filter(Boolean)).toEqual(
      failure ? [failure] : [],
    );
    // Told once: what comes next is another attempt.
    expect(watch.looked(looks.at(-1) ?? look(null), 30)).toBeNull();
  });
}

test("what the page does by itself, or long after, is no attempt", () => {
  const watch = new FailedAttempts();
  expect([look("a"), look(null), look("a"), look("b")].map((each, at) => watch.looked(each, at))).toEqual(
    Array(4).fill(null),
  );
  watch.acted(10);
  expect(watch.looked(look(null), 20)).toBeNull();
  expect(watch.looked(look("b"), 20_000)).toBeNull();
});

test("what is done where there is no challenge is no attempt", () => {
  const watch = new FailedAttempts();
  watch.looked(look(null), 0);
  watch.acted(10);
  expect(watch.looked(look("a"), 20)).toBeNull();
});
