/** Blacks out the parts of a picture that a watcher must not see. */
import sharp from "sharp";
import type { Rect, Size } from "../../protocol/common.ts";
import type { Picture } from "../../session/ports/page.ts";
import { intersect } from "../../util/rect.ts";
import { jpegSize } from "../pictures/jpeg-size.ts";

/** The black margin around each box, CSS px: the browser rounds as it draws, and a JPEG smears pixels over an edge. */
const MASK_MARGIN = 4;

/**
 * Converts boxes from CSS px of the page to px of a picture of this size: grown by the margin, rounded outward and cut at
 * the picture's edges. Boxes outside of the picture are left out.
 */
export function maskRects(
  boxes: readonly Rect[],
  { view, scale }: Pick<Picture, "view" | "scale">,
  size: Size,
): Rect[] {
  const whole = { x: 0, y: 0, ...size };
  return boxes.flatMap((box) => {
    const left = Math.floor((box.x - MASK_MARGIN - view.x) * scale);
    const top = Math.floor((box.y - MASK_MARGIN - view.y) * scale);
    const right = Math.ceil((box.x + box.width + MASK_MARGIN - view.x) * scale);
    const bottom = Math.ceil((box.y + box.height + MASK_MARGIN - view.y) * scale);
    const part = intersect({ x: left, y: top, width: right - left, height: bottom - top }, whole);
    return part ? [part] : [];
  });
}

/** Returns the picture with these boxes (CSS px of the page) black, or the same object where it shows none of them. */
export async function maskPicture(picture: Picture, boxes: readonly Rect[]): Promise<Picture> {
  const size = jpegSize(picture.jpeg);
  if (!size) throw new Error("A picture without a size.");
  const rects = maskRects(boxes, picture, size);
  if (rects.length === 0) return picture;
  const black = rects.map(({ x, y, width, height }) => ({
    input: { create: { width, height, channels: 3 as const, background: "#000" } },
    left: x,
    top: y,
  }));
  const jpeg = await sharp(picture.jpeg).composite(black).jpeg({ quality: picture.quality }).toBuffer();
  return { ...picture, jpeg };
}
