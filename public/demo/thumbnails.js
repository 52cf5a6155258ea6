// The small pictures on the list of demos, drawn by the challenges' own drawing functions.

import { drawPlacedIcons } from "./click-order.js";
import { makeCanvas } from "./dom.js";
import { drawGap, drawPiece } from "./jigsaw.js";
import { LAYOUTS, ROTATE } from "./layout.js";
import { drawStreet } from "./rotate.js";
import { drawScenery } from "./scenery.js";
import { drawCard } from "./scratch-card.js";
import { drawCode } from "./text-code.js";

/** @import { PuzzleKind } from "../../src/demo/puzzle-types.ts" */

const WIDTH = 288;
const HEIGHT = 120;

/**
 * Draws each kind at its picture's own size; `thumbnail` centres the drawing.
 * @type {Record<PuzzleKind, (context: CanvasRenderingContext2D) => void>}
 */
const SKETCHES = {
  "scratch-card": (context) =>
    drawCard(context, { icons: ["leaf", "star", "fish", "bell", "moon"], target: "star" }, 128),
  jigsaw(context) {
    const picture = { seed: 12, gap: { x: 182, y: 62 } };
    drawScenery(context, WIDTH, LAYOUTS.jigsaw.picture.height, picture.seed);
    drawGap(context, picture);
    context.translate(70, picture.gap.y);
    drawPiece(context, picture);
  },
  "click-order"(context) {
    const { x, y, height } = LAYOUTS["click-order"].picture;
    drawScenery(context, WIDTH, height, 5);
    drawPlacedIcons(context, {
      seed: 5,
      order: [],
      icons: [
        { icon: "heart", centre: { x: x + 62, y: y + 78 }, tilt: -18, hue: 350 },
        { icon: "bolt", centre: { x: x + 146, y: y + 112 }, tilt: 12, hue: 40 },
        { icon: "fish", centre: { x: x + 228, y: y + 76 }, tilt: 20, hue: 200 },
      ],
    });
  },
  "text-code": (context) => drawCode(context, { seed: 77, text: "DEMO" }),
  rotate(context) {
    const { width, height } = ROTATE.picture;
    context.translate(WIDTH / 2, height / 2);
    context.rotate(-0.6);
    context.beginPath();
    context.arc(0, 0, HEIGHT / 2 - 10, 0, 2 * Math.PI);
    context.clip();
    context.scale(0.62, 0.62);
    context.translate(-width / 2, -height / 2);
    drawStreet(context, 3);
  },
};

/** @param {PuzzleKind} kind */
export function thumbnail(kind) {
  const { canvas, context } = makeCanvas({ width: WIDTH, height: HEIGHT }, `thumbnail is-${kind}`);
  canvas.setAttribute("aria-hidden", "true");
  // The list scales it to the card.
  canvas.removeAttribute("style");
  context.translate(0, (HEIGHT - LAYOUTS[kind].picture.height) / 2);
  SKETCHES[kind](context);
  return canvas;
}
