// How a picture sits on the screen: the size it is shown at, and which point of the page lies under a finger.

/** @typedef {{ x: number, y: number, width: number, height: number }} Box in CSS px */
/** @typedef {{ width: number, height: number }} Size in CSS px */

/** Beyond this a JPEG looks soft; a small challenge still deserves some help on a large screen. */
export const MOST_UPSCALE = 1.5;
/** A picture that would grow by less than this stays at 1:1, where every pixel is sharp. */
const NOT_WORTH_BLURRING = 1.15;
/** A point on the viewport's far edge is already outside of the page; the last pixel is not. */
const LAST_PIXEL = 1;
/** [W14] What a server gives, in picture px per CSS px of the page. */
export const MOST_DENSITY = 3;
/** Sizes in half steps: a window that is dragged larger does not ask for a new density at every pixel. */
const STEPS_PER_DENSITY = 2;
/** Whole device pixels may make a picture this much wider than its proportion; that is no reason for a step more. */
const ROUNDING_PX = 1;
/** Hundredths of a CSS px: finer than any hand, and short on the wire. */
const STEPS_PER_PX = 100;

/**
 * The size at which a view is shown in the space there is: whole, in proportion, on whole device pixels.
 * @param {Size} view
 * @param {Size} space
 * @param {number} density device px per CSS px
 * @returns {Size}
 */
export function fitView(view, space, density) {
  if (!(view.width > 0 && view.height > 0)) return { width: 0, height: 0 };
  const fits = Math.min(space.width / view.width, space.height / view.height, MOST_UPSCALE);
  const scale = fits >= 1 && fits < NOT_WORTH_BLURRING ? 1 : Math.max(0, fits);
  return { width: snap(view.width * scale, density), height: snap(view.height * scale, density) };
}

/**
 * How dense a picture must be to be sharp at the size it is shown at.
 * @param {number} viewWidth in page CSS px
 * @param {number} shownWidth in CSS px
 * @param {number} density device px per CSS px
 * @returns {number} picture px per page CSS px: 1 to 3, in half steps
 */
export function densityFor(viewWidth, shownWidth, density) {
  if (!(viewWidth > 0)) return 1;
  const needed = (shownWidth * density - ROUNDING_PX) / viewWidth;
  return Math.min(Math.max(Math.ceil(needed * STEPS_PER_DENSITY) / STEPS_PER_DENSITY, 1), MOST_DENSITY);
}

/**
 * The page's point under a point of the screen. Outside of the picture it goes on in proportion, to the viewport's edge:
 * that is where a drag goes that leaves the picture.
 * @param {{ x: number, y: number }} point in client px
 * @param {Box} canvas where the picture is, in client px
 * @param {Box} view the part of the page that the picture shows
 * @param {Size} viewport
 * @returns {{ x: number, y: number }} in page CSS px
 */
export function pageAt(point, canvas, view, viewport) {
  const x = view.x + ((point.x - canvas.x) * view.width) / (canvas.width || 1);
  const y = view.y + ((point.y - canvas.y) * view.height) / (canvas.height || 1);
  return { x: within(x, viewport.width), y: within(y, viewport.height) };
}

/** @param {Box} a @param {Box} b */
export function sameBox(a, b) {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

/** @param {number} value @param {number} size */
function within(value, size) {
  const clamped = Math.min(Math.max(value, 0), Math.max(0, size - LAST_PIXEL));
  return Math.round(clamped * STEPS_PER_PX) / STEPS_PER_PX;
}

/** @param {number} length in CSS px @param {number} density */
function snap(length, density) {
  return Math.round(length * density) / density;
}
