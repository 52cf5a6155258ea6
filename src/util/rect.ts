/** Arithmetic on rectangles. Pure; any unit, the same for all of a call. */
import type { Rect } from "../protocol/common.ts";

/** The part of `box` inside `bounds`; null when nothing is left. */
export function intersect(box: Rect, bounds: Rect): Rect | null {
  const x = Math.max(box.x, bounds.x);
  const y = Math.max(box.y, bounds.y);
  const width = Math.min(box.x + box.width, bounds.x + bounds.width) - x;
  const height = Math.min(box.y + box.height, bounds.y + bounds.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** The smallest rectangle with whole-numbered edges that contains the box: a picture of it has exactly its size. */
export function roundOut(box: Rect): Rect {
  const x = Math.floor(box.x);
  const y = Math.floor(box.y);
  return { x, y, width: Math.ceil(box.x + box.width) - x, height: Math.ceil(box.y + box.height) - y };
}
