/** Where the slider's piece is in a picture, by the middle of its colour: the guard against measuring the strip itself. */
import sharp from "sharp";
import type { Point } from "./moves.ts";

/** A colour that nothing else on the test page comes near. */
export const PIECE_COLOUR = "rgb(230, 0, 200)";
const MIN_RED = 150;
const MAX_GREEN = 110;
const MIN_BLUE = 120;
/** Fewer px than this part of the piece: it is not in the picture. */
const MIN_PART = 0.5;

/** The piece's middle in px of the picture, null when it is not to be seen. `areaPx`: its size there. */
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
