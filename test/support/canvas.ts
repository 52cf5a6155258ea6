/** A client's canvas, in pixels: draws whole pictures, and what has changed over what is there [W63]. */
import sharp from "sharp";
import type { DamageRect } from "../../src/protocol/frame.ts";

export interface Pixels {
  /** Rows from the top, three bytes a pixel. */
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** px; differences are judged for such blocks, so that none hides in a large picture. */
const BLOCK = 16;

export class TestCanvas {
  #shown: Pixels | null = null;

  async draw(jpeg: Uint8Array, rects?: readonly DamageRect[]): Promise<Pixels> {
    const drawn = await readPixels(jpeg);
    if (!rects) {
      this.#shown = drawn;
      return drawn;
    }
    const shown = this.#shown;
    if (!shown) throw new Error("There is nothing to draw over.");
    for (const [x, y, width, height, left, top] of rects) {
      for (let row = 0; row < height; row += 1) {
        const from = ((top + row) * drawn.width + left) * 3;
        drawn.data.copy(shown.data, ((y + row) * shown.width + x) * 3, from, from + width * 3);
      }
    }
    return shown;
  }
}

export async function readPixels(image: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(image).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** How much two pictures differ, of 255: the mean over all, and over the block where they differ most. */
export function difference(a: Pixels, b: Pixels): { readonly mean: number; readonly worst: number } {
  if (a.width !== b.width || a.height !== b.height) throw new Error("Pictures of two sizes.");
  const columns = Math.ceil(a.width / BLOCK);
  const sums = new Float64Array(columns * Math.ceil(a.height / BLOCK));
  const counts = new Float64Array(sums.length);
  for (let at = 0; at < a.data.length; at += 1) {
    const pixel = Math.floor(at / 3);
    const block = Math.floor(pixel / a.width / BLOCK) * columns + Math.floor((pixel % a.width) / BLOCK);
    sums[block] = (sums[block] ?? 0) + Math.abs((a.data[at] ?? 0) - (b.data[at] ?? 0));
    counts[block] = (counts[block] ?? 0) + 1;
  }
  const worst = Math.max(...sums.map((sum, block) => sum / (counts[block] ?? 1)));
  return { mean: sums.reduce((sum, one) => sum + one, 0) / a.data.length, worst };
}
