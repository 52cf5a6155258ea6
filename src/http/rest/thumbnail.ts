/** [R3] A picture made small, for lists that show many. */
import sharp from "sharp";

/** Small pictures need no more. */
const QUALITY = 60;

/** `width` in px; a picture that is not wider stays as it is. */
export async function thumbnailOf(jpeg: Buffer, width: number): Promise<Buffer> {
  return sharp(jpeg).resize({ width, withoutEnlargement: true }).jpeg({ quality: QUALITY }).toBuffer();
}
