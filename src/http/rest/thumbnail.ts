/** [R3] Shrinks a picture, for lists that show many. */
import sharp from "sharp";

/** JPEG quality; small pictures need no more. */
const QUALITY = 60;

/** A JPEG of this `width` in px; one that is not wider keeps its size. */
export async function thumbnailOf(jpeg: Buffer, width: number): Promise<Buffer> {
  return sharp(jpeg).resize({ width, withoutEnlargement: true }).jpeg({ quality: QUALITY }).toBuffer();
}
