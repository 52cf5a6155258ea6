/** [S10] When a page is asked whether it answers: not where something was heard of it. */
import { expect, test } from "@playwright/test";
import type { CdpSender } from "../../src/browser/cdp/connection.ts";
import { HangDetector } from "../../src/browser/page/hang-detector.ts";

/** A page that answers until it hangs, and counts how often it was asked. */
class Page {
  asked = 0;
  hangs = false;
  readonly conditions: string[] = [];
  readonly detector: HangDetector;
  readonly #send = async () => {
    this.asked += 1;
    if (this.hangs) await new Promise(() => {});
    return {};
  };

  constructor() {
    this.detector = new HangDetector({
      page: { send: this.#send as unknown as CdpSender["send"] },
      isDialogOpen: () => false,
      dialogsOf: null,
      onChange: (condition) => this.conditions.push(condition),
      onDead: () => {},
    });
  }
}

test("[S10] a page that was heard is not asked; one that says nothing is asked soon once somebody comes", async () => {
  const page = new Page();
  page.detector.start();
  await expect.poll(() => page.asked).toBe(1);
  // Longer than who is there waits for it.
  const end = performance.now() + 1_500;
  page.detector.attend(true);
  while (performance.now() < end) {
    page.detector.heard();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(page.asked).toBeLessThanOrEqual(2);
  const before = page.asked;
  await expect.poll(() => page.asked).toBeGreaterThan(before + 1);
  page.detector.stop();
});

test("[S10] a page that nobody is connected to is asked seldom, and soon after somebody has acted; its hang is told", async () => {
  const page = new Page();
  page.detector.start();
  await expect.poll(() => page.asked).toBe(1);
  page.hangs = true;
  page.detector.acted();
  await expect.poll(() => page.conditions).toEqual(["page_unresponsive"]);
  page.detector.stop();
});
