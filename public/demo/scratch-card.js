// The scratch card: dragging the slider rubs the foil off a row of symbols, until the requested symbol shows.

import { makeCanvas, place } from "./dom.js";
import { drawIcon, inlineIcon } from "./icons.js";
import { SCRATCH_CARD } from "./layout.js";
import { seededRandom } from "./scenery.js";
import { createSlider } from "./slider.js";

/** @import { ScratchCardPicture } from "../../src/demo/puzzle-types.ts" */
/** @import { Face } from "./face.js" */

const { width: WIDTH, height: HEIGHT } = SCRATCH_CARD.picture;
const HUES = [4, 32, 150, 205, 285];
/** Size of the teeth along the foil's torn edge, in CSS px. */
const RAGGED_PX = 3;

/** @type {Face<"scratch-card">} */
export const SCRATCH_CARD_FACE = {
  containerClass: "scratch-captcha-container",
  layout: SCRATCH_CARD,
  mount(stage, submit) {
    const { canvas, context } = makeCanvas(SCRATCH_CARD.picture, "challenge-picture");
    stage.append(place(canvas, SCRATCH_CARD.picture));
    /** @type {ScratchCardPicture | undefined} */
    let shown;
    /** @param {number} travel */
    const draw = (travel) => {
      if (shown) drawCard(context, shown, travel + SCRATCH_CARD.scratchLead);
    };
    const slider = createSlider(stage, {
      layout: SCRATCH_CARD,
      hint: "Drag to scratch",
      handleId: "scratch-captcha-btn",
      trackClass: "scratch-captcha-slider",
      onMove: draw,
      onRelease: (travel) => submit({ travel }),
    });
    return {
      show(picture) {
        shown = picture;
        slider.reset();
        draw(0);
        return ["Uncover the ", inlineIcon(picture.target), ", then let go"];
      },
      setLocked: slider.setLocked,
    };
  },
};

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ScratchCardPicture} picture
 * @param {number} front how far the foil is gone, in CSS px
 */
export function drawCard(context, picture, front) {
  drawRow(context, picture);
  context.save();
  context.beginPath();
  const random = seededRandom(7);
  context.moveTo(WIDTH, 0);
  for (let y = 0; y <= HEIGHT; y += 5) context.lineTo(front + (random() * 2 - 1) * RAGGED_PX, y);
  context.lineTo(WIDTH, HEIGHT);
  context.closePath();
  context.shadowColor = "rgb(0 0 0 / 0.45)";
  context.shadowBlur = 8;
  context.fillStyle = "#b9bec6";
  context.fill();
  context.clip();
  context.shadowColor = "transparent";
  drawFoil(context);
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ScratchCardPicture} picture
 */
function drawRow(context, { icons }) {
  const paper = context.createLinearGradient(0, 0, 0, HEIGHT);
  paper.addColorStop(0, "#fffdf5");
  paper.addColorStop(1, "#f4e9cf");
  context.fillStyle = paper;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.strokeStyle = "rgb(170 130 60 / 0.16)";
  context.lineWidth = 1;
  for (let wave = -2; wave < 14; wave++) {
    context.beginPath();
    for (let x = 0; x <= WIDTH; x += 6) context.lineTo(x, wave * 11 + 7 * Math.sin(x / 22 + wave));
    context.stroke();
  }
  const cell = WIDTH / SCRATCH_CARD.cells;
  icons.forEach((icon, index) => {
    const centre = { x: (index + 0.5) * cell, y: HEIGHT / 2 };
    drawIcon(context, icon, centre, { size: SCRATCH_CARD.iconSize, fill: `hsl(${HUES[index]} 62% 44%)` });
  });
}

/** @param {CanvasRenderingContext2D} context */
function drawFoil(context) {
  const silver = context.createLinearGradient(0, 0, WIDTH, HEIGHT);
  ["#aab1bb", "#dfe3e8", "#b3bac4", "#eceff2", "#a7aeb9", "#d3d8de"].forEach((colour, index, all) => {
    silver.addColorStop(index / (all.length - 1), colour);
  });
  context.fillStyle = silver;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  const random = seededRandom(21);
  for (let speck = 0; speck < 420; speck++) {
    context.fillStyle = random() > 0.5 ? "rgb(255 255 255 / 0.5)" : "rgb(80 90 105 / 0.22)";
    context.fillRect(random() * WIDTH, random() * HEIGHT, 1.2, 1.2);
  }
  context.fillStyle = "rgb(70 80 96 / 0.5)";
  context.font = "700 13px system-ui, sans-serif";
  context.textAlign = "center";
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) {
      context.fillText("SCRATCH ✦", 52 + column * 98 - (row % 2) * 46, 28 + row * 36);
    }
  }
}
