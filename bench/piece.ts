/** Finds the slider's piece in a picture by its colour. It guards against measuring only the strip. */
import sharp from "sharp";
import type { Point } from "./moves.ts";

/** The piece's colour; nothing else on the test page has a similar one. */
export const PIECE_COLOUR = "rgb(230, 0, 200)";
const MIN_RED = 150;
const MAX_GREEN = 110;
const MIN_BLUE = 120;
/** With less than this part of its pixels the piece is not in the picture. */
const MIN_PART = 0.5;

/** The piece's middle, in picture px; null if the picture does not show it. `areaPx` is the piece's area in picture px. */
export async function findPiece(jpeg: Uint8Array, areaPx: number): Promise<Point | null> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  let [count, sumX, sumY] = [0, 0, 0];
  for (let y = 0, at = 0; y < info.height; y += 1) {
    for (let x = 0; x < info.width; x += 1, at += info.channels) {
      if ((data[at] ?? 0) < MIN_RED || (data[at + 1] ?? 0) > MAX_GREEN || (data[at + 2] ?? 0) < MIN_BLUE) continue;
      count += 1;
      sumX += x;
      sumY += y;
    }
  }
  // A px covers from its number to the next: its middle is half a px further.
  return count < areaPx * MIN_PART ? null : { x: sumX / count + 0.5, y: sumY / count + 0.5 };
}
