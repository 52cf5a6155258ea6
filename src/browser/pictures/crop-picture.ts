/** Cuts a part out of a picture, for viewers who see less of the page, or at a lower scale, than what was captured. */
import sharp from "sharp";
import { type Rect, sameRect } from "../../protocol/common.ts";
import type { Picture } from "../../session/ports/page.ts";

/** Many sessions share the machine: a crop takes one thread. No picture comes twice, so sharp's cache is off. */
sharp.concurrency(1);
sharp.cache(false);

/**
 * The part `view` (CSS px of the page) of a picture, at `wantedScale` or at the picture's own scale where that is lower.
 * Returns the picture itself where it is that already. Rejects where the picture does not hold the part.
 */
export async function cropPicture(picture: Picture, view: Rect, wantedScale: number): Promise<Picture> {
  const scale = Math.min(wantedScale, picture.scale);
  if (scale === picture.scale && sameRect(view, picture.view)) return picture;
  const left = Math.round((view.x - picture.view.x) * picture.scale);
  const top = Math.round((view.y - picture.view.y) * picture.scale);
  // Both edges are rounded, not an edge and the size: their sum may be a pixel more than the picture has.
  const width = Math.round((view.x + view.width - picture.view.x) * picture.scale) - left;
  const height = Math.round((view.y + view.height - picture.view.y) * picture.scale) - top;
  const part = sharp(picture.jpeg).extract({ left, top, width, height });
  const size = { width: Math.round(view.width * scale), height: Math.round(view.height * scale) };
  const sized = scale === picture.scale ? part : part.resize({ ...size, fit: "fill", kernel: "linear" });
  const jpeg = await sized.jpeg({ quality: picture.quality }).toBuffer();
  return { ...picture, jpeg, view, scale };
}

/** Parts of the newest picture, each cropped once for all its viewers. */
export class CroppedPictures {
  #newest: { readonly of: Picture; readonly parts: Map<string, Promise<Picture>> } | null = null;

  /** Does what cropPicture does. */
  crop(picture: Picture, view: Rect, scale: number): Promise<Picture> {
    if (this.#newest?.of !== picture) this.#newest = { of: picture, parts: new Map() };
    const { parts } = this.#newest;
    const key = JSON.stringify([view, scale]);
    const part = parts.get(key) ?? cropPicture(picture, view, scale);
    parts.set(key, part);
    return part;
  }
}
