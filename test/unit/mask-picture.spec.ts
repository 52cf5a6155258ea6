/** [W28] Where masks are in a picture, what is black until more is known, and when a picture is taken again. */
import { expect, test } from "@playwright/test";
import sharp from "sharp";
import { maskPicture, maskRects } from "../../src/browser/masking/mask-picture.ts";
import { boxesFor } from "../../src/browser/masking/masked-pictures.ts";
import { RetakeScheduler } from "../../src/session/pictures/retake-scheduler.ts";
import type { Picture } from "../../src/session/ports/page.ts";

const SIZE = { width: 200, height: 100 };
const VIEW = { x: 50, y: 30, width: 200, height: 100 };

async function whitePicture(scale: number): Promise<Picture> {
  const size = { width: VIEW.width * scale, height: VIEW.height * scale };
  const jpeg = await sharp({ create: { ...size, channels: 3, background: "#fff" } })
    .jpeg()
    .toBuffer();
  return { seq: 1, captured_at: 0, view: VIEW, scale, quality: 80, kind: "still", jpeg };
}

async function isBlack({ jpeg }: Picture, left: number, top: number): Promise<boolean> {
  const [value = 255] = await sharp(jpeg).extract({ left, top, width: 1, height: 1 }).raw().toBuffer();
  return value < 60;
}

test("[W28] a box is grown and rounded outward, in the picture's own px", () => {
  const box = { x: 60.4, y: 40.6, width: 10.2, height: 5 };
  expect(maskRects([box], { view: VIEW, scale: 1 }, SIZE)).toEqual([{ x: 6, y: 6, width: 19, height: 14 }]);
  // 6.4 to 24.6 and 6.6 to 19.6 at half the size: 3.2 to 12.3 and 3.3 to 9.8.
  expect(maskRects([box], { view: VIEW, scale: 0.5 }, { width: 100, height: 50 })).toEqual([
    { x: 3, y: 3, width: 10, height: 7 },
  ]);
  expect(maskRects([box], { view: VIEW, scale: 2 }, { width: 400, height: 200 })).toEqual([
    { x: 12, y: 13, width: 38, height: 27 },
  ]);
});

test("[W28] a box is cut at the picture's edges; one that is not in it is none", () => {
  const over = { x: 0, y: 0, width: 1_000, height: 1_000 };
  expect(maskRects([over], { view: VIEW, scale: 1 }, SIZE)).toEqual([{ x: 0, y: 0, ...SIZE }]);
  const beside = [
    { x: 0, y: 40, width: 46, height: 20 },
    { x: 255, y: 40, width: 20, height: 20 },
    { x: 60, y: 135, width: 20, height: 20 },
  ];
  expect(maskRects(beside, { view: VIEW, scale: 1 }, SIZE)).toEqual([]);
});

test("[W28] what is in a box is black, what is not stays, and a picture without any is the very same", async () => {
  for (const scale of [0.5, 1, 2]) {
    const picture = await whitePicture(scale);
    const masked = await maskPicture(picture, [{ x: 100, y: 60, width: 40, height: 20 }]);
    expect(masked).toMatchObject({ seq: 1, view: VIEW, scale });
    expect(await isBlack(masked, Math.round(70 * scale), Math.round(40 * scale))).toBe(true);
    expect(await isBlack(masked, Math.round(20 * scale), Math.round(40 * scale))).toBe(false);
    expect(await maskPicture(picture, [{ x: 400, y: 60, width: 40, height: 20 }])).toBe(picture);
  }
});

test("[W28] a frame that was not known when the picture was made is black in it, and not in later ones", () => {
  const secret = { x: 1, y: 1, width: 1, height: 1 };
  const frame = { x: 2, y: 2, width: 2, height: 2 };
  const map = { knownSince: 0, boxes: [secret], young: [{ knownSince: 100, boxes: [frame] }] };
  expect(boxesFor(map, 99)).toEqual({ boxes: [secret, frame], isWhole: false });
  expect(boxesFor(map, 100)).toEqual({ boxes: [secret], isWhole: true });
  // One that was never seen on the page leaves nothing out.
  expect(boxesFor({ ...map, young: [{ knownSince: 100, boxes: [] }] }, 99).isWhole).toBe(true);
});

test("[W28] a picture is taken again for whoever missed one, ever more seldom, and not once it was shown", async () => {
  const taken: { readonly who: string; readonly at: number }[] = [];
  const retake = new RetakeScheduler<string>((who) => {
    taken.push({ who, at: performance.now() });
    retake.missed(who);
  });
  retake.missed("one");
  retake.missed("other");
  retake.shown("other");
  await expect.poll(() => taken.length).toBe(2);
  const [first, second] = taken;
  expect(taken.map(({ who }) => who)).toEqual(["one", "one"]);
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(700);
  retake.shown("one");
  const quietFrom = performance.now();
  await expect.poll(() => performance.now() - quietFrom).toBeGreaterThan(600);
  expect(taken.length).toBe(2);
});
