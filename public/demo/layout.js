// The layout of each challenge: positions in CSS px from the top left of its container's border box.
//
// The pages place their parts by these numbers, and the tests aim by them.

/** @import { PuzzleKind } from "../../src/demo/puzzle-types.ts" */

/** @typedef {{ x: number, y: number }} Point */
/** @typedef {{ width: number, height: number }} Size */
/** @typedef {Point & Size} Rect */

/**
 * The parts that every challenge has. `anchor` is the container's selector.
 * @typedef {{ anchor: string, container: Size, prompt: Rect, refresh: Rect, picture: Rect }} Layout
 */

/**
 * A challenge with a slider. `handle` is the middle of the resting handle; it can travel `maxTravel` px to the right.
 * @typedef {Layout & { track: Rect, handle: Point, maxTravel: number }} SliderLayout
 */

/** Space around the container in a framed challenge, in CSS px, so that it is not at its document's origin. */
export const FRAME_PADDING = 8;

export const HANDLE_SIZE = 44;

const WIDTH = 320;
const PROMPT = { x: 16, y: 9, width: 252, height: 32 };
const REFRESH = { x: 276, y: 9, width: 32, height: 32 };

/**
 * @param {number} y top of the track
 */
function sliderAt(y) {
  const track = { x: 16, y, width: 288, height: HANDLE_SIZE };
  return {
    track,
    handle: { x: track.x + HANDLE_SIZE / 2, y: track.y + HANDLE_SIZE / 2 },
    maxTravel: track.width - HANDLE_SIZE,
  };
}

/** Scratched from the left up to `scratchLead` px beyond the travel; the icons sit in equal cells. */
export const SCRATCH_CARD = {
  anchor: ".scratch-captcha-container",
  container: { width: WIDTH, height: 248 },
  prompt: PROMPT,
  refresh: REFRESH,
  picture: { x: 16, y: 48, width: 288, height: 120 },
  ...sliderAt(184),
  scratchLead: HANDLE_SIZE / 2,
  cells: 5,
  iconSize: 38,
};

/** The piece (a square box of `pieceSize` px) moves as far as the handle. */
export const JIGSAW = {
  anchor: ".demo-captcha--jigsaw",
  container: { width: WIDTH, height: 304 },
  prompt: PROMPT,
  refresh: REFRESH,
  picture: { x: 16, y: 48, width: 288, height: 176 },
  ...sliderAt(240),
  pieceSize: 58,
};

/** Click points of a puzzle are container-relative already. */
export const CLICK_ORDER = {
  anchor: ".demo-captcha--click-order",
  container: { width: WIDTH, height: 252 },
  prompt: PROMPT,
  refresh: REFRESH,
  picture: { x: 16, y: 48, width: 288, height: 188 },
  iconSize: 40,
};

/** `field` takes the text; `verify` is the button (Enter does the same). */
export const TEXT_CODE = {
  anchor: ".demo-captcha--text-code",
  container: { width: WIDTH, height: 216 },
  prompt: PROMPT,
  refresh: REFRESH,
  picture: { x: 16, y: 48, width: 288, height: 92 },
  field: { x: 16, y: 156, width: 184, height: 44 },
  verify: { x: 212, y: 156, width: 92, height: 44 },
};

/** The full travel turns the picture once around, clockwise. */
export const ROTATE = {
  anchor: ".demo-captcha--rotate",
  container: { width: WIDTH, height: 292 },
  prompt: PROMPT,
  refresh: REFRESH,
  picture: { x: 76, y: 48, width: 168, height: 168 },
  ...sliderAt(232),
};

/** @satisfies {Record<PuzzleKind, Layout>} */
export const LAYOUTS = {
  "scratch-card": SCRATCH_CARD,
  jigsaw: JIGSAW,
  "click-order": CLICK_ORDER,
  "text-code": TEXT_CODE,
  rotate: ROTATE,
};
