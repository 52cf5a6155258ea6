/** [W22] Low while a button is down or the page is moving, high once it rests. */
import { expect, test } from "@playwright/test";
import { MOTION_QUALITY, QualityControl, STILL_AFTER_QUIET_MS, STILL_QUALITY } from "../../src/browser/quality.ts";

const FRAME_MS = 16;

test("[W22] motion is about 30, a still 75 to 80 or more, and follows within an eighth of a second", () => {
  expect(MOTION_QUALITY).toBeGreaterThanOrEqual(25);
  expect(MOTION_QUALITY).toBeLessThanOrEqual(35);
  expect(STILL_QUALITY).toBeGreaterThanOrEqual(75);
  expect(STILL_AFTER_QUIET_MS).toBeLessThanOrEqual(125);
});

test("[W22] a page begins sharp, and a few changes a second leave it so", () => {
  const control = new QualityControl();
  expect(control.quality).toBe(STILL_QUALITY);
  // A blinking caret, a ticking clock.
  for (let at = 0; at < 10_000; at += 250) control.pictureAt(at);
  expect(control.quality).toBe(STILL_QUALITY);
});

test("[W22] a moving page gets the motion quality, and the sharp one when it is quiet", () => {
  const control = new QualityControl();
  for (let frame = 0; frame < 10; frame += 1) control.pictureAt(frame * FRAME_MS);
  expect(control.quality).toBe(MOTION_QUALITY);
  control.quiet();
  expect(control.quality).toBe(STILL_QUALITY);
  control.pictureAt(11 * FRAME_MS);
  expect(control.quality).toBe(STILL_QUALITY);
});

test("[W22] while a button is down the quality is low, however still the page is", () => {
  const control = new QualityControl();
  control.setPressed(true);
  expect(control.quality).toBe(MOTION_QUALITY);
  control.quiet();
  expect(control.quality).toBe(MOTION_QUALITY);
  control.setPressed(false);
  control.quiet();
  expect(control.quality).toBe(STILL_QUALITY);
});
