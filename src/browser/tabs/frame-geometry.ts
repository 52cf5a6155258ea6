/** How a frame's own CSS px map to the page's, also where the page zooms, scales, turns or mirrors the frame. Pure. */
import type { Rect } from "../../protocol/common.ts";

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Maps a point: `x' = a * x + c * y + e`, `y' = b * x + d * y + f`, as CSS's `matrix(a, b, c, d, e, f)`. */
export interface Affine {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

export const IDENTITY: Affine = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };

/** The map that applies `inner` first. */
export function compose(outer: Affine, inner: Affine): Affine {
  return {
    a: outer.a * inner.a + outer.c * inner.b,
    b: outer.b * inner.a + outer.d * inner.b,
    c: outer.a * inner.c + outer.c * inner.d,
    d: outer.b * inner.c + outer.d * inner.d,
    e: outer.a * inner.e + outer.c * inner.f + outer.e,
    f: outer.b * inner.e + outer.d * inner.f + outer.f,
  };
}

/** Maps a box; where it is turned, the result is the box around it. */
export function mapBox({ a, b, c, d, e, f }: Affine, { x, y, width, height }: Rect): Rect {
  return {
    x: a * x + c * y + e + Math.min(0, a * width) + Math.min(0, c * height),
    y: b * x + d * y + f + Math.min(0, b * width) + Math.min(0, d * height),
    width: Math.abs(a * width) + Math.abs(c * height),
    height: Math.abs(b * width) + Math.abs(d * height),
  };
}

/** The point that is mapped to (x, y). A map that has no inverse (a frame scaled to nothing) only moves. */
export function mapBack({ a, b, c, d, e, f }: Affine, x: number, y: number): Point {
  const area = a * d - b * c;
  if (area === 0) return { x: x - e, y: y - f };
  return { x: (d * (x - e) - c * (y - f)) / area, y: (a * (y - f) - b * (x - e)) / area };
}
