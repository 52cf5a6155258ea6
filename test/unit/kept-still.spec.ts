/** [W62] When a still is kept for the first person, and when it is not there any more. */
import { mock } from "node:test";
import { expect, test } from "@playwright/test";
import { KeptStill, type Still } from "../../src/browser/pictures/kept-still.ts";
import { pictureOf } from "../support/fake-page.ts";

const LONG_MS = 60_000;

/** A page whose stills are under the test's hand. */
class Page {
  look = "as it was";
  taken = 0;
  still: Promise<Still | null> = Promise.resolve(pictureOf(0));
  readonly kept = new KeptStill({
    take: () => {
      this.taken += 1;
      return this.still;
    },
    look: () => this.look,
  });

  looksDifferent(): void {
    this.look += " and more";
    this.kept.looked();
  }
}

/** Runs it with a clock that stands. */
async function withPage(run: (page: Page) => Promise<void>): Promise<void> {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    await run(new Page());
  } finally {
    mock.timers.reset();
  }
}

test("[W62] one still is taken of a page that rests, and handed out once", () =>
  withPage(async (page) => {
    page.kept.begin();
    expect(await page.kept.handOut()).toBeNull();
    mock.timers.tick(LONG_MS);
    page.kept.looked();
    expect(await page.kept.handOut()).toMatchObject({ kind: "still" });
    expect(await page.kept.handOut()).toBeNull();
    mock.timers.tick(LONG_MS);
    expect(page.taken).toBe(1);
  }));

const CHANGES: Readonly<Record<string, (page: Page) => void>> = {
  "a look that finds it different": (page) => page.looksDifferent(),
  "other frames or another document": (page) => page.kept.changed(),
  "a newer picture, or input": (page) => page.kept.stop(),
};

for (const [change, happen] of Object.entries(CHANGES)) {
  test(`[W62] the still is dropped at ${change}`, () =>
    withPage(async (page) => {
      page.kept.begin();
      mock.timers.tick(LONG_MS);
      happen(page);
      expect(await page.kept.handOut()).toBeNull();
    }));

  test(`[W62] nobody gets a still that was under way at ${change}`, () =>
    withPage(async (page) => {
      const taking = Promise.withResolvers<Still>();
      page.still = taking.promise;
      page.kept.begin();
      mock.timers.tick(LONG_MS);
      const handed = page.kept.handOut();
      happen(page);
      taking.resolve(pictureOf(0));
      expect(await handed).toBeNull();
    }));
}

test("[W62] a page that is still changing is taken once it rests", () =>
  withPage(async (page) => {
    page.kept.begin();
    for (let change = 0; change < 5; change += 1) {
      mock.timers.tick(900);
      page.looksDifferent();
    }
    expect(page.taken).toBe(0);
    mock.timers.tick(LONG_MS);
    expect(await page.kept.handOut()).not.toBeNull();
  }));

test("[W62] none is taken for somebody who is there already, and one that cannot be taken is none", () =>
  withPage(async (page) => {
    page.kept.begin();
    page.kept.watched();
    mock.timers.tick(LONG_MS);
    expect(page.taken).toBe(0);
    page.still = Promise.reject(new Error("The page does not answer."));
    page.kept.begin();
    mock.timers.tick(LONG_MS);
    expect(await page.kept.handOut()).toBeNull();
  }));
