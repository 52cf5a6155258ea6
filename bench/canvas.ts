/** What a client sees: a whole picture replaces what was there, and what has changed is drawn over it [W63]. */
import sharp from "sharp";
import type { DamageRect } from "../src/protocol/frame.ts";

/** Rows from the top, three bytes a pixel. */
export interface Pixels {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

export class Canvas {
  #shown: Pixels | null = null;

  /** `rects` left out: a whole picture. Rejects for rectangles over nothing. */
  async draw(jpeg: Uint8Array, rects?: readonly DamageRect[]): Promise<Pixels> {
    const drawn = await decode(jpeg);
    const under = rects ? this.#shown : drawn;
    if (!under) throw new Error("There is nothing to draw over.");
    for (const rect of rects ?? []) copyRect(drawn, under, rect);
    this.#shown = under;
    return under;
  }
}

/** The pixels as a PNG: as quickly as can be, and without loss. */
export function pngOf({ data, width, height }: Pixels): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
}

export async function decode(jpeg: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

function copyRect(from: Pixels, to: Pixels, [x, y, width, height, left, top]: DamageRect): void {
  for (let row = 0; row < height; row += 1) {
    const start = ((top + row) * from.width + left) * 3;
    from.data.copy(to.data, ((y + row) * to.width + x) * 3, start, start + width * 3);
  }
}
