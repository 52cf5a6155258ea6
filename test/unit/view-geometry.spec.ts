/** Which part of the page a picture shows, and that a point of the picture is the same point of the page. */
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { pageAt } from "../../public/console/session/geometry.js";
import { hasMoved, isShown, viewOf, wholePage } from "../../src/browser/pictures/view-geometry.ts";
import type { Rect, Size } from "../../src/protocol/common.ts";
import { intersect, roundOut } from "../../src/util/rect.ts";

const RUNS = { numRuns: 5_000 };

const viewports: fc.Arbitrary<Size> = fc.record({
  width: fc.integer({ min: 100, max: 3840 }),
  height: fc.integer({ min: 100, max: 2160 }),
});
const rects: fc.Arbitrary<Rect> = fc.record({
  x: fc.double({ min: -5_000, max: 5_000, noNaN: true }),
  y: fc.double({ min: -5_000, max: 5_000, noNaN: true }),
  width: fc.double({ min: 1, max: 5_000, noNaN: true }),
  height: fc.double({ min: 1, max: 5_000, noNaN: true }),
});
/** A whole-pixel box of which enough can be seen in the viewport. */
const visibleBoxes = viewports.chain((viewport) =>
  fc
    .record({
      x: fc.integer({ min: -2_000, max: viewport.width }),
      y: fc.integer({ min: -2_000, max: viewport.height }),
      width: fc.integer({ min: 1, max: 4_000 }),
      height: fc.integer({ min: 1, max: 4_000 }),
    })
    .filter((box) => isShown(box, viewport))
    .map((box) => ({ box, viewport })),
);

test("[W20] a view is a whole-pixel part of the viewport, for any box", () => {
  fc.assert(
    fc.property(rects, viewports, (box, viewport) => {
      const view = viewOf(roundOut(box), viewport);
      const isWhole = [view.x, view.y, view.width, view.height].every(Number.isInteger);
      return isWhole && view.width > 0 && view.height > 0 && isInside(view, wholePage(viewport));
    }),
    RUNS,
  );
});

test("[W20] a visible box is shown with 10 px around it, cut at the viewport's edges", () => {
  fc.assert(
    fc.property(visibleBoxes, ({ box, viewport }) => {
      const grown = { x: box.x - 10, y: box.y - 10, width: box.width + 20, height: box.height + 20 };
      return isDeepStrictEqual(viewOf(box, viewport), intersect(grown, wholePage(viewport)));
    }),
    RUNS,
  );
});

test("[W20] an older client that adds max(0, x-10) and max(0, y-10) hits the page's point", () => {
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(visibleBoxes, part, part, ({ box, viewport }, right, down) => {
      const view = viewOf(box, viewport);
      const canvas = { x: right * view.width, y: down * view.height };
      const clicked = { x: canvas.x + Math.max(0, box.x - 10), y: canvas.y + Math.max(0, box.y - 10) };
      return Math.abs(clicked.x - view.x - canvas.x) < 1e-6 && Math.abs(clicked.y - view.y - canvas.y) < 1e-6;
    }),
    RUNS,
  );
});

test("[W20] the console's canvas hits the page's point at any size and any place of it on the screen", () => {
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  const place = fc.double({ min: -500, max: 500, noNaN: true });
  const scale = fc.double({ min: 0.1, max: 4, noNaN: true });
  fc.assert(
    fc.property(visibleBoxes, part, part, place, place, scale, ({ box, viewport }, right, down, left, top, size) => {
      const view = viewOf(box, viewport);
      const canvas = { x: left, y: top, width: view.width * size, height: view.height * size };
      // The last pixel: on the viewport's far edge a point is outside of the page already.
      const point = {
        x: Math.min(view.x + right * view.width, viewport.width - 1),
        y: Math.min(view.y + down * view.height, viewport.height - 1),
      };
      const shownAt = { x: left + (point.x - view.x) * size, y: top + (point.y - view.y) * size };
      const hit = pageAt(shownAt, canvas, view, viewport);
      return Math.abs(hit.x - point.x) < 0.01 && Math.abs(hit.y - point.y) < 0.01;
    }),
    RUNS,
  );
});

test("a box rounded out contains the box and is at most a pixel larger on each side", () => {
  fc.assert(
    fc.property(rects, (box) => {
      const round = roundOut(box);
      const isTight = isInside(
        round,
        { x: box.x - 1, y: box.y - 1, width: box.width + 2, height: box.height + 2 },
        1e-9,
      );
      return isTight && isInside(box, round, 1e-9) && isDeepStrictEqual(roundOut(round), round);
    }),
    RUNS,
  );
});

test("an intersection is inside both, the same either way, and null only where they do not meet", () => {
  fc.assert(
    fc.property(rects, rects, (a, b) => {
      const both = intersect(a, b);
      const meets = a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
      if (both === null || !meets) return both === null && !meets;
      return isDeepStrictEqual(intersect(b, a), both) && isInside(both, a, 1e-9) && isInside(both, b, 1e-9);
    }),
    RUNS,
  );
});

test("[W20] a box is published again when it moved or changed size by more than 1 px, or is another one", () => {
  const info = { selector: "#c", x: 100, y: 100, width: 300, height: 200, in_iframe: false, kind: "generic" };
  expect(hasMoved(null, null)).toBe(false);
  expect(hasMoved(null, info)).toBe(true);
  expect(hasMoved(info, null)).toBe(true);
  expect(hasMoved(info, { ...info, selector: "#d" })).toBe(true);
  for (const side of ["x", "y", "width", "height"] as const) {
    for (const [by, moved] of [
      [0, false],
      [1, false],
      [-1, false],
      [1.5, true],
      [-2, true],
    ] as const) {
      expect(hasMoved(info, { ...info, [side]: info[side] + by }), `${side} by ${by}`).toBe(moved);
    }
  }
});

function isInside(inner: Rect, outer: Rect, slack = 0): boolean {
  return (
    inner.x >= outer.x - slack &&
    inner.y >= outer.y - slack &&
    inner.x + inner.width <= outer.x + outer.width + slack &&
    inner.y + inner.height <= outer.y + outer.height + slack
  );
}
