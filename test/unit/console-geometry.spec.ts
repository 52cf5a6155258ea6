// The picture's size on the screen and the way from a finger to the page's own pixel.
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { fitView, MOST_UPSCALE, pageAt, sameBox } from "../../public/console/session/geometry.js";

const viewport = { width: 1280, height: 720 };
const length = fc.double({ min: 20, max: 2_000, noNaN: true });

test("a picture is shown whole, in proportion and never blown up beyond the limit", () => {
  fc.assert(
    fc.property(length, length, length, length, fc.constantFrom(1, 1.5, 2, 3), (w, h, spaceW, spaceH, density) => {
      const size = fitView({ width: w, height: h }, { width: spaceW, height: spaceH }, density);
      const slack = 1 / density;
      expect(size.width).toBeLessThanOrEqual(spaceW + slack);
      expect(size.height).toBeLessThanOrEqual(spaceH + slack);
      expect(size.width).toBeLessThanOrEqual(w * MOST_UPSCALE + slack);
      expect(Math.abs(size.width / w - size.height / h)).toBeLessThanOrEqual(slack / w + slack / h);
    }),
  );
});

test("a picture that would hardly grow stays at 1:1, where it is sharp", () => {
  expect(fitView({ width: 380, height: 260 }, { width: 410, height: 600 }, 1)).toEqual({ width: 380, height: 260 });
  expect(fitView({ width: 380, height: 260 }, { width: 900, height: 600 }, 1)).toEqual({ width: 570, height: 390 });
  expect(fitView({ width: 0, height: 0 }, viewport, 1)).toEqual({ width: 0, height: 0 });
});

test("[W20] a point of the picture is the same point of the page, whatever the size it is shown at", () => {
  const view = { x: 410, y: 190, width: 380, height: 260 };
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0.2, max: 3, noNaN: true }),
      (right, down, scale) => {
        const canvas = { x: 33.5, y: 120, width: view.width * scale, height: view.height * scale };
        const at = pageAt(
          { x: canvas.x + right * canvas.width, y: canvas.y + down * canvas.height },
          canvas,
          view,
          viewport,
        );
        expect(at.x).toBeCloseTo(view.x + right * view.width, 1);
        expect(at.y).toBeCloseTo(view.y + down * view.height, 1);
      },
    ),
  );
});

test("a drag that leaves the picture goes on, to the viewport's edge and no further", () => {
  const view = { x: 410, y: 190, width: 380, height: 260 };
  const canvas = { x: 100, y: 100, width: 380, height: 260 };
  expect(pageAt({ x: 90, y: 100 }, canvas, view, viewport)).toEqual({ x: 400, y: 190 });
  expect(pageAt({ x: -9_000, y: 9_000 }, canvas, view, viewport)).toEqual({ x: 0, y: 719 });
});

test("boxes are the same only in all four numbers", () => {
  const box = { x: 1, y: 2, width: 3, height: 4 };
  expect(sameBox(box, { ...box })).toBe(true);
  expect(sameBox(box, { ...box, height: 5 })).toBe(false);
});
