/** [W14] A part of a picture, for viewers who see less, or at a lower scale, than what was captured. */
import { expect, test } from "@playwright/test";
import sharp from "sharp";
import { cropPicture } from "../../src/browser/pictures/crop-picture.ts";
import type { Rect } from "../../src/protocol/common.ts";
import type { Picture } from "../../src/session/ports/page.ts";
import { readJpeg } from "../support/jpeg.ts";

const VIEW = { x: 100, y: 50, width: 400, height: 300 };
const COLOUR_TOLERANCE = 12;
const LEFT = { r: 200, g: 40, b: 40 };
const RIGHT = { r: 40, g: 40, b: 200 };

/** Red to the left of its middle, blue to the right. */
async function picture(scale: number, view: Rect = VIEW): Promise<Picture> {
  const size = { width: Math.round(view.width * scale), height: Math.round(view.height * scale) };
  const half = { width: Math.round(size.width / 2), height: size.height, channels: 3 as const };
  const left = await sharp({ create: { ...half, background: LEFT } })
    .png()
    .toBuffer();
  const jpeg = await sharp({ create: { ...size, channels: 3, background: RIGHT } })
    .composite([{ input: left, left: 0, top: 0 }])
    .jpeg({ quality: 80 })
    .toBuffer();
  return { seq: 7, captured_at: 1_000, view, scale, quality: 80, kind: "still", jpeg };
}

/** Mean colour of a part of a JPEG. */
async function colourOf(jpeg: Buffer, left: number, width: number): Promise<{ r: number; g: number; b: number }> {
  const { height } = readJpeg(jpeg);
  const part = await sharp(jpeg).extract({ left, top: 0, width, height }).toBuffer();
  const [r, g, b] = (await sharp(part).stats()).channels.map(({ mean }) => mean);
  return { r: r ?? 0, g: g ?? 0, b: b ?? 0 };
}

function isNear(a: typeof LEFT, b: typeof LEFT): boolean {
  return (["r", "g", "b"] as const).every((channel) => Math.abs(a[channel] - b[channel]) < COLOUR_TOLERANCE);
}

test("[W21] what is that already is not made again", async () => {
  for (const scale of [0.5, 1, 2]) {
    const whole = await picture(scale);
    expect(await cropPicture(whole, { ...VIEW }, scale)).toBe(whole);
    // As fine as it is, when more is wanted.
    expect(await cropPicture(whole, VIEW, 3)).toBe(whole);
  }
});

for (const scale of [1, 2]) {
  test(`[W14] a part of a picture of scale ${scale} is of its size, and of its place`, async () => {
    const whole = await picture(scale);
    const view = { x: 250, y: 100, width: 100, height: 80 };
    const part = await cropPicture(whole, view, scale);
    expect(part).toMatchObject({ seq: 7, captured_at: 1_000, view, scale, quality: 80, kind: "still" });
    expect(readJpeg(part.jpeg)).toMatchObject({ width: 100 * scale, height: 80 * scale });
    expect(isNear(await colourOf(part.jpeg, 0, 40 * scale), LEFT)).toBe(true);
    expect(isNear(await colourOf(part.jpeg, 60 * scale, 40 * scale), RIGHT)).toBe(true);
  });
}

test("[W14] a fine picture is made smaller for who wants less, and its colours stay where they are", async () => {
  const part = await cropPicture(await picture(3), VIEW, 1);
  expect(part).toMatchObject({ view: VIEW, scale: 1 });
  expect(readJpeg(part.jpeg)).toMatchObject({ width: 400, height: 300 });
  expect(isNear(await colourOf(part.jpeg, 0, 190), LEFT)).toBe(true);
  expect(isNear(await colourOf(part.jpeg, 210, 190), RIGHT)).toBe(true);
});

test("[W22] a cut is as coarse as the picture it is of", async () => {
  const part = await cropPicture({ ...(await picture(1)), quality: 30 }, { ...VIEW, width: 100 }, 1);
  expect(readJpeg(part.jpeg).coarseness).toBeGreaterThan(60);
});

for (const [where, view] of [
  ["left of", { ...VIEW, x: 90 }],
  ["above", { ...VIEW, y: 40 }],
  ["right of", { ...VIEW, x: 110 }],
  ["below", { ...VIEW, y: 60 }],
  ["far from", { x: 1_000, y: 1_000, width: 50, height: 50 }],
] as const) {
  test(`[W20] a part that reaches ${where} the picture is refused`, async () => {
    for (const scale of [1, 2]) await expect(cropPicture(await picture(scale), view, scale)).rejects.toThrow();
  });
}

test("[W14] every part up to the last edge can be cut, at any scale and however the browser rounded the picture", async () => {
  for (const scale of [1.1, 1.25, 1.5, 1.75, 2.13, 2.5]) {
    const view = { x: 0, y: 0, width: 301, height: 203 };
    const whole = await picture(scale, view);
    for (const [x, y] of [
      [1, 1],
      [100, 67],
      [151, 102],
    ] as const) {
      const part = { x, y, width: view.width - x, height: view.height - y };
      const { jpeg } = await cropPicture(whole, part, scale);
      const { width, height } = readJpeg(jpeg);
      expect(Math.abs(width - part.width * scale), `${x},${y} at ${scale}`).toBeLessThanOrEqual(1);
      expect(Math.abs(height - part.height * scale), `${x},${y} at ${scale}`).toBeLessThanOrEqual(1);
    }
  }
});
