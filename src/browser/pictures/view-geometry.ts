/** Which part of the page pictures show. Pure; CSS px of the page. */
import { type CaptchaInfo, type Rect, type Size, sameRect } from "../../protocol/common.ts";
import { intersect } from "../../util/rect.ts";

/** The margin around the challenge: older clients compute with exactly this one [W20]. */
const VIEW_MARGIN = 10;
const MIN_SHOWN_PX = 20;
/** A box that has moved by this or less counts as unmoved. */
const MOVED_MORE_THAN = 1;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export function samePoint(a: Point, b: Point): boolean {
  return Math.abs(a.x - b.x) < 0.5 && Math.abs(a.y - b.y) < 0.5;
}

export function wholePage(viewport: Size): Rect {
  return { x: 0, y: 0, width: viewport.width, height: viewport.height };
}

export function isWhole(view: Rect, viewport: Size): boolean {
  return sameRect(view, wholePage(viewport));
}

/** Whether enough of the box is inside the viewport for an operator to use it. */
export function isShown(box: Rect, viewport: Size): boolean {
  const part = intersect(box, wholePage(viewport));
  return (
    part !== null &&
    part.width >= Math.min(MIN_SHOWN_PX, box.width) &&
    part.height >= Math.min(MIN_SHOWN_PX, box.height)
  );
}

/** The box grown by the margin and cut at the viewport's edges; the whole page for a box that is not shown. */
export function viewOf(box: Rect, viewport: Size): Rect {
  if (!isShown(box, viewport)) return wholePage(viewport);
  const x = Math.max(0, box.x - VIEW_MARGIN);
  const y = Math.max(0, box.y - VIEW_MARGIN);
  const width = Math.min(viewport.width, box.x + box.width + VIEW_MARGIN) - x;
  const height = Math.min(viewport.height, box.y + box.height + VIEW_MARGIN) - y;
  return { x, y, width, height };
}

/** Whether the published position of the challenge has to change. */
export function hasMoved(from: CaptchaInfo | null, to: CaptchaInfo | null): boolean {
  if (!from || !to) return from !== to;
  const sides = ["x", "y", "width", "height"] as const;
  return from.selector !== to.selector || sides.some((side) => Math.abs(from[side] - to[side]) > MOVED_MORE_THAN);
}
