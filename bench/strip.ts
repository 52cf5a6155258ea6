/**
 * A point as a strip of black and white blocks that survives a JPEG: the test page paints it, the bench reads it back.
 * It has two rows: the bits, and below them their complements, so that no other picture is read as a point.
 */
import sharp from "sharp";
import type { Point } from "./moves.ts";

const X_BITS = 11;
const Y_BITS = 10;
const CHECK_BITS = 3;

export interface StripShape {
  readonly bits: number;
  /** px of the page */
  readonly blockWidth: number;
  readonly blockHeight: number;
  readonly width: number;
  readonly height: number;
}

/** Blocks of at least 8 px both ways: one JPEG block of each is flat wherever the picture's grid begins. */
export const STRIP: StripShape = (() => {
  const bits = X_BITS + Y_BITS + CHECK_BITS;
  const [blockWidth, blockHeight] = [14, 10];
  return { bits, blockWidth, blockHeight, width: bits * blockWidth, height: 2 * blockHeight };
})();

/** The point that the strip shows before the first move of a drag. */
export const NOTHING_YET: Point = { x: 0, y: 0 };

/** Raw pixels of the strip's own rectangle, rows from the top. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly channels: number;
  readonly width: number;
  readonly height: number;
}

/** The bits of a point. Pages get this function as text, so it must not use anything from outside. */
export function stripBits(x: number, y: number): number[] {
  const check = (x + 3 * y) % 8;
  const bits: number[] = [];
  for (let bit = 10; bit >= 0; bit -= 1) bits.push((x >> bit) & 1);
  for (let bit = 9; bit >= 0; bit -= 1) bits.push((y >> bit) & 1);
  for (let bit = 2; bit >= 0; bit -= 1) bits.push((check >> bit) & 1);
  return bits;
}

/** The point that a strip shows; null if it cannot be read. Pages get this function as text, like the one above. */
export function readBits(pixels: Pixels, bits: number): Point | null {
  const MIN_CONTRAST = 60;
  const { data, channels, width, height } = pixels;
  const brightness = (column: number, row: number): number => {
    const [left, top] = [((column + 0.5) * width) / bits, ((row + 0.5) * height) / 2];
    let sum = 0;
    for (let dy = -1; dy <= 1; dy += 1) {
      for (let dx = -2; dx <= 2; dx += 1) {
        const at = (Math.floor(top + dy) * width + Math.floor(left + dx)) * channels;
        sum += channels < 3 ? (data[at] ?? 0) : ((data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0)) / 3;
      }
    }
    return sum / 15;
  };
  let number = 0;
  for (let column = 0; column < bits; column += 1) {
    const difference = brightness(column, 0) - brightness(column, 1);
    if (Math.abs(difference) < MIN_CONTRAST) return null;
    number = number * 2 + (difference > 0 ? 1 : 0);
  }
  const [x, y, check] = [number >> 13, (number >> 3) & 1023, number & 7];
  return (x + 3 * y) % 8 === check ? { x, y } : null;
}

const CHECKED_POINTS = 40;
const WORST_QUALITY = 15;

/** Paints points, encodes them at the lowest quality of all ways, and reads them back. Throws an Error if a point differs. */
export async function checkStrip(): Promise<void> {
  const [width, height, left, top] = [380, 60, 21, 13];
  for (let index = 0; index < CHECKED_POINTS; index += 1) {
    const point = { x: (index * 397) % 2048, y: (index * 211) % 1024 };
    const data = Buffer.alloc(width * height * 3, 120);
    stripBits(point.x, point.y).forEach((bit, column) => {
      for (let y = 0; y < STRIP.height; y += 1) {
        const value = bit === (y < STRIP.blockHeight ? 1 : 0) ? 255 : 0;
        const from = ((top + y) * width + left + column * STRIP.blockWidth) * 3;
        data.fill(value, from, from + STRIP.blockWidth * 3);
      }
    });
    const raw = { width, height, channels: 3 } as const;
    const jpeg = await sharp(data, { raw }).jpeg({ quality: WORST_QUALITY }).toBuffer();
    const read = await readStrip(jpeg, { left, top }, 1);
    if (read?.x !== point.x || read.y !== point.y) {
      throw new Error(`The strip does not survive: ${JSON.stringify(point)} came back as ${JSON.stringify(read)}`);
    }
  }
}

/** The point in a JPEG whose strip begins at `at` (picture px); `scale`: picture px per CSS px. */
export async function readStrip(
  jpeg: Uint8Array,
  at: { left: number; top: number },
  scale: number,
): Promise<Point | null> {
  const [width, height] = [Math.round(STRIP.width * scale), Math.round(STRIP.height * scale)];
  try {
    const { data, info } = await sharp(jpeg)
      .extract({ left: Math.round(at.left), top: Math.round(at.top), width, height })
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return readBits({ data, channels: info.channels, width, height }, STRIP.bits);
  } catch {
    return null;
  }
}
