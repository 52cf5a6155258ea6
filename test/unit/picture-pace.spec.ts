/** [W56] How fast a bot's pictures are acknowledged: its line carries so many bytes a second, and pictures stay fresh. */
import { expect, test } from "@playwright/test";
import { RELAYED_BYTES_PER_SECOND } from "../../src/browser/pictures/quality.ts";
import { PicturePace } from "../../src/browser/relay/picture-pace.ts";
import { MAX_PICTURES_ON_THE_WAY } from "../../src/protocol/relay-terms.ts";

const SECONDS = 10;
const FRAME_MS = 1_000 / 60;

/** A page that changes 60 times a second, over a line of 20 ms each way: the pictures that arrive a second, once settled. */
function picturesASecond(bytes: number): number {
  const pace = new PicturePace();
  const acknowledgedAt: number[] = [];
  let arrived = 0;
  for (let frame = 0; frame * FRAME_MS < SECONDS * 1_000; frame += 1) {
    const now = frame * FRAME_MS;
    while (acknowledgedAt[0] !== undefined && acknowledgedAt[0] <= now) acknowledgedAt.shift();
    if (acknowledgedAt.length >= MAX_PICTURES_ON_THE_WAY) continue;
    const at = now + 20;
    acknowledgedAt.push(at + pace.delay(bytes, at) + 20);
    if (now > 1_000) arrived += 1;
  }
  return arrived / (SECONDS - 1);
}

test("[W56] small pictures come as often as the page changes", () => {
  for (const bytes of [500, 3_000]) expect(picturesASecond(bytes)).toBeGreaterThan(59);
});

test("[W56] larger ones come as often as their bytes allow, and the largest 30 times a second", () => {
  for (const bytes of [4_000, 5_000, 6_000]) {
    const rate = picturesASecond(bytes);
    expect(rate * bytes, `${bytes} bytes`).toBeLessThan(RELAYED_BYTES_PER_SECOND * 1.02);
    expect(rate).toBeGreaterThan(30);
  }
  for (const bytes of [10_000, 500_000]) expect(picturesASecond(bytes)).toBeGreaterThan(29);
});

test("[W56] what comes after a rest is acknowledged at once", () => {
  const pace = new PicturePace();
  for (let now = 0; now < 5_000; now += 10) pace.delay(50_000, now);
  const waits = [0, 1, 2].map((index) => pace.delay(5_000, 60_000 + index));
  expect(waits).toEqual([0, 0, 0]);
});
