/** [W63] What has changed from one picture to the next, with real JPEGs. */
import { expect, test } from "@playwright/test";
import sharp from "sharp";
import { damageBetween, decode, PictureDamage } from "../../src/browser/pictures/picture-damage.ts";
import { type DamageRect, MAX_DAMAGE_RECTS } from "../../src/protocol/frame.ts";
import type { Damage, Picture } from "../../src/session/ports/page.ts";
import { difference, TestCanvas } from "../support/canvas.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { seeded } from "../support/seeded.ts";

const SIZE = { width: 380, height: 260 };
/** Neither side is a multiple of a block. */
const ODD_SIZE = { width: 377, height: 250 };
const QUALITY = 30;
const GRID = 8;
const BOX = 48;
/** What a second encoding at the same quality may add to the noise of the first, as a share of it, and of 255 besides. */
const MORE_NOISE = { share: 0.1, besides: 3 };
const SCENES = IS_LONG_RUN ? 200 : 25;

interface Scene {
  readonly size: typeof SIZE;
  /** Filled squares. */
  readonly boxes: readonly { readonly x: number; readonly y: number; readonly side: number; readonly shade: number }[];
}

/** A background with soft and sharp parts, and boxes on it. */
function paint({ size: { width, height }, boxes }: Scene): Buffer {
  const random = seeded(7);
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const texture = Math.floor(random() * 40);
      const at = (y * width + x) * 3;
      data[at] = 60 + Math.floor((120 * x) / width) + texture;
      data[at + 1] = 100 + Math.floor((100 * y) / height);
      data[at + 2] = (x >> 5) % 2 === 0 ? 200 : 90;
    }
  }
  for (const { x, y, side, shade } of boxes) {
    for (let row = Math.max(0, y); row < Math.min(height, y + side); row += 1) {
      for (let column = Math.max(0, x); column < Math.min(width, x + side); column += 1) {
        data.set([shade, 255 - shade, 40], (row * width + column) * 3);
      }
    }
  }
  return data;
}

let seq = 0;

async function pictureOf(scene: Scene): Promise<Picture> {
  const raw = { ...scene.size, channels: 3 } as const;
  const jpeg = await sharp(paint(scene), { raw }).jpeg({ quality: QUALITY }).toBuffer();
  seq += 1;
  return {
    seq,
    captured_at: seq,
    view: { x: 0, y: 0, ...scene.size },
    scale: 1,
    quality: QUALITY,
    kind: "motion",
    jpeg,
  };
}

async function compare(before: Picture, after: Picture): Promise<Damage | null> {
  return damageBetween(await decode(before.jpeg), await decode(after.jpeg), after);
}

function slider(x: number, size = SIZE): Scene {
  return { size, boxes: [{ x, y: 60, side: BOX, shade: 230 }] };
}

function covers(rects: readonly DamageRect[], x: number, y: number): boolean {
  return rects.some(([left, top, width, height]) => x >= left && x < left + width && y >= top && y < top + height);
}

for (const size of [SIZE, ODD_SIZE]) {
  test(`[W63] ${size.width} x ${size.height}: after any sequence the canvas is the whole picture`, async () => {
    const random = seeded(size.width);
    const whole = (most: number) => Math.floor(random() * most);
    const canvas = new TestCanvas();
    let shown = await pictureOf(slider(20, size));
    await canvas.draw(shown.jpeg);
    let damages = 0;
    for (let count = 0; count < SCENES; count += 1) {
      const boxes = Array.from({ length: whole(4) }, () => ({
        x: whole(size.width + 20) - 20,
        y: whole(size.height + 20) - 20,
        side: 3 + whole(BOX),
        shade: whole(256),
      }));
      const scene = { size, boxes };
      const next = await pictureOf(scene);
      const damage = await compare(shown, next);
      if (damage) damages += 1;
      if (damage === null) await canvas.draw(next.jpeg);
      const pixels = damage?.rects.length
        ? await canvas.draw(damage.jpeg, damage.rects)
        : await canvas.draw(next.jpeg, []);
      const original = { data: paint(scene), ...size };
      const [noise, ours] = [difference(original, await decode(next.jpeg)), difference(original, pixels)];
      expect(ours.mean).toBeLessThan(noise.mean * (1 + MORE_NOISE.share));
      expect(ours.worst).toBeLessThan(noise.worst * (1 + MORE_NOISE.share) + MORE_NOISE.besides);
      shown = next;
    }
    expect(damages).toBeGreaterThan(SCENES / 2);
  });
}

test("[W63] a slider's step costs a fraction of its picture, in few rectangles on a grid, none over another", async () => {
  const [before, after] = [await pictureOf(slider(100)), await pictureOf(slider(109))];
  const damage = await compare(before, after);
  expect(damage?.jpeg.length).toBeGreaterThan(0);
  expect(damage?.jpeg.length).toBeLessThan(after.jpeg.length / 4);
  const rects = damage?.rects ?? [];
  expect(rects.length).toBeLessThanOrEqual(4);
  const { width, height } = await sharp(damage?.jpeg).metadata();
  const [drawn, taken] = [new Set<string>(), new Set<string>()];
  for (const [x, y, wide, high, left, top] of rects) {
    for (const offset of [x, y, left, top]) expect(offset % GRID).toBe(0);
    expect(x + wide).toBeLessThanOrEqual(SIZE.width);
    expect(y + high).toBeLessThanOrEqual(SIZE.height);
    expect(left + wide).toBeLessThanOrEqual(width);
    expect(top + high).toBeLessThanOrEqual(height);
    for (let row = 0; row < high; row += GRID) {
      for (let column = 0; column < wide; column += GRID) {
        for (const [set, place] of [
          [drawn, `${x + column} ${y + row}`],
          [taken, `${left + column} ${top + row}`],
        ] as const) {
          expect(set.has(place)).toBe(false);
          set.add(place);
        }
      }
    }
  }
});

test("[W63] a small change is found wherever it is, at edges and between blocks too", async () => {
  const places = [0, 7, 8, 14, 15, 16, 17, 200];
  const corners = [
    [ODD_SIZE.width - 3, ODD_SIZE.height - 3],
    [ODD_SIZE.width - 1, 0],
    [0, ODD_SIZE.height - 1],
  ] as const;
  const before = await pictureOf({ size: ODD_SIZE, boxes: [] });
  for (const [x, y] of [...places.map((place) => [place, (place * 7) % 240] as const), ...corners]) {
    const after = await pictureOf({ size: ODD_SIZE, boxes: [{ x, y, side: 3, shade: 255 }] });
    const damage = await compare(before, after);
    expect(covers(damage?.rects ?? [], x, y), `${x}, ${y}`).toBe(true);
  }
});

test("[W63] nothing changed is nothing to send; another size, or most of it changed, is a whole picture", async () => {
  const picture = await pictureOf(slider(100));
  expect(await compare(picture, picture)).toEqual({ rects: [], jpeg: Buffer.alloc(0) });
  expect(await compare(picture, await pictureOf(slider(100, ODD_SIZE)))).toBeNull();
  const large = { x: 10, y: 10, side: 250, shade: 20 };
  expect(await compare(picture, await pictureOf({ size: { width: 300, height: 260 }, boxes: [large] }))).toBeNull();
  expect(await compare(picture, await pictureOf({ size: SIZE, boxes: [large, { ...large, x: 130 }] }))).toBeNull();
  const specks = Array.from({ length: 400 }, (_, index) => ({
    x: (index % 20) * 19,
    y: Math.floor(index / 20) * 13,
    side: 4,
    shade: 90,
  }));
  const speckled = await compare(
    picture,
    await pictureOf({ size: SIZE, boxes: specks.filter((_, index) => index % 3 === 0) }),
  );
  expect(speckled?.rects.length ?? 0).toBeLessThanOrEqual(MAX_DAMAGE_RECTS);
});

test("[W63] each pair is compared once; of many at once only a few wait, and the rest go whole", async () => {
  const damages = new PictureDamage();
  const pictures = await Promise.all(Array.from({ length: 12 }, (_, index) => pictureOf(slider(20 + 9 * index))));
  const [first, second] = pictures as [Picture, Picture];
  expect(damages.between(first, second)).toBe(damages.between(first, second));
  const all = await Promise.all(pictures.slice(2).map((picture) => damages.between(first, picture)));
  const compared = all.filter((damage) => damage !== null).length;
  expect(compared).toBeGreaterThan(0);
  expect(compared).toBeLessThan(all.length);
  // What is no picture is no reason to fail.
  const broken: Picture = { ...first, jpeg: Buffer.from("no picture at all") };
  expect(await damages.between(broken, second)).toBeNull();
  expect(await damages.between(second, broken)).toBeNull();
  damages.stop();
});
