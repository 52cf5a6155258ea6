// The jigsaw slider: a piece slides across a picture until it fits its gap.

import { makeCanvas, place } from "./dom.js";
import { JIGSAW } from "./layout.js";
import { drawScenery } from "./scenery.js";
import { createSlider } from "./slider.js";

/** @import { JigsawPicture } from "../../src/demo/puzzle-types.ts" */
/** @import { Face } from "./face.js" */

const { pieceSize: PIECE, picture: PICTURE } = JIGSAW;

/** A square of 48 px with a knob on top and on the right and a notch on the left, in a box of 58 px. */
const PIECE_OUTLINE = pieceOutline();

/** @type {Face<"jigsaw">} */
export const JIGSAW_FACE = {
  containerClass: "demo-captcha demo-captcha--jigsaw",
  layout: JIGSAW,
  mount(stage, submit) {
    const { canvas, context } = makeCanvas(PICTURE, "challenge-picture");
    const piece = makeCanvas({ width: PIECE, height: PIECE }, "jigsaw-piece");
    stage.append(place(canvas, PICTURE), piece.canvas);
    const slider = createSlider(stage, {
      layout: JIGSAW,
      hint: "Drag to fit the piece",
      onMove: (travel) => {
        piece.canvas.style.transform = `translateX(${travel}px)`;
      },
      onRelease: (travel) => submit({ travel }),
    });
    return {
      show(picture) {
        drawScenery(context, PICTURE.width, PICTURE.height, picture.seed);
        drawGap(context, picture);
        place(piece.canvas, { x: PICTURE.x, y: PICTURE.y + picture.gap.y, width: PIECE, height: PIECE });
        piece.context.clearRect(0, 0, PIECE, PIECE);
        drawPiece(piece.context, picture);
        slider.reset();
        return ["Drag until the piece fits the gap"];
      },
      setLocked: slider.setLocked,
    };
  },
};

/**
 * @param {CanvasRenderingContext2D} context of the picture
 * @param {JigsawPicture} picture
 */
export function drawGap(context, { gap }) {
  context.save();
  context.translate(gap.x, gap.y);
  context.fillStyle = "rgb(10 14 24 / 0.58)";
  context.fill(PIECE_OUTLINE);
  context.clip(PIECE_OUTLINE);
  context.shadowColor = "rgb(0 0 0 / 0.8)";
  context.shadowBlur = 10;
  context.lineWidth = 2;
  context.strokeStyle = "rgb(255 255 255 / 0.85)";
  context.stroke(PIECE_OUTLINE);
  context.restore();
}

/**
 * Draws the missing piece with its box at the context's origin.
 * @param {CanvasRenderingContext2D} context
 * @param {JigsawPicture} picture
 */
export function drawPiece(context, { seed, gap }) {
  context.save();
  context.clip(PIECE_OUTLINE);
  context.translate(-gap.x, -gap.y);
  drawScenery(context, PICTURE.width, PICTURE.height, seed);
  context.translate(gap.x, gap.y);
  context.lineWidth = 3;
  context.strokeStyle = "rgb(255 255 255 / 0.95)";
  context.stroke(PIECE_OUTLINE);
  context.restore();
}

function pieceOutline() {
  const path = new Path2D();
  const [side, knob, shoulder] = [48, 8, 10];
  const [middleX, middleY] = [side / 2, shoulder + side / 2];
  // Knobs are circles whose middle lies 2 px beyond the edge, so they meet it at this angle.
  const bite = Math.asin(2 / knob);
  path.moveTo(0, shoulder);
  path.arc(middleX, shoulder - 2, knob, Math.PI - bite, 2 * Math.PI + bite);
  path.lineTo(side, shoulder);
  path.arc(side + 2, middleY, knob, -Math.PI / 2 - bite, Math.PI / 2 + bite);
  path.lineTo(side, shoulder + side);
  path.lineTo(0, shoulder + side);
  path.arc(2, middleY, knob, Math.PI / 2 + bite, -Math.PI / 2 - bite, true);
  path.closePath();
  return path;
}
