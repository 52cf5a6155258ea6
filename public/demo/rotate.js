// Rotate to upright: a round picture that has been turned, and a slider that turns it back.

import { makeCanvas, place } from "./dom.js";
import { ROTATE } from "./layout.js";
import { drawCloud, seededRandom } from "./scenery.js";
import { createSlider } from "./slider.js";

/** @import { Face } from "./face.js" */

const { picture: PICTURE, maxTravel } = ROTATE;
const SIZE = PICTURE.width;

/** @type {Face<"rotate">} */
export const ROTATE_FACE = {
  containerClass: "demo-captcha demo-captcha--rotate",
  layout: ROTATE,
  mount(stage, submit) {
    const { canvas, context } = makeCanvas(PICTURE, "challenge-picture is-round");
    stage.append(place(canvas, PICTURE));
    let turned = 0;
    const slider = createSlider(stage, {
      layout: ROTATE,
      hint: "Drag to turn",
      onMove: (travel) => {
        canvas.style.transform = `rotate(${turned + (travel * 360) / maxTravel}deg)`;
      },
      onRelease: (travel) => submit({ travel }),
    });
    return {
      show(picture) {
        turned = picture.turned;
        drawStreet(context, picture.seed);
        slider.reset();
        return ["Drag until the picture is upright"];
      },
      setLocked: slider.setLocked,
    };
  },
};

/** Wall, roof, ground and sky of the little house. */
const COLOURS = /** @type {const} */ ([
  ["#f2e3c6", "#b8503c", "#7fa85a", "#8fc9ea"],
  ["#dfe9ee", "#3f5f86", "#6f9a6a", "#f3c9a0"],
  ["#f6cfc0", "#7a4a5e", "#a3a35c", "#a8d8d2"],
  ["#fff4d6", "#4d7a5a", "#8db36b", "#b9c6ee"],
]);

/**
 * A house and a tree under the sun: a picture whose upright position is obvious.
 * @param {CanvasRenderingContext2D} context
 * @param {number} seed
 */
export function drawStreet(context, seed) {
  const random = seededRandom(seed);
  const [wall, roof, ground, sky] = COLOURS[Math.floor(random() * COLOURS.length)] ?? COLOURS[0];
  const mirrored = random() > 0.5;
  context.save();
  context.scale(SIZE / 168, SIZE / 168);
  if (mirrored) {
    context.translate(168, 0);
    context.scale(-1, 1);
  }
  context.fillStyle = sky;
  context.fillRect(0, 0, 168, 168);
  context.fillStyle = "#fff3b0";
  circle(context, 122 + random() * 10, 38 + random() * 8, 14);
  drawCloud(context, 40 + random() * 16, 34 + random() * 10, 7);
  drawCloud(context, 92 + random() * 8, 62 + random() * 6, 5);
  context.fillStyle = ground;
  context.fillRect(0, 116, 168, 52);
  drawPath(context);
  drawHouse(context, wall, roof);
  context.fillStyle = "#6b4a32";
  context.fillRect(121, 92, 7, 34);
  context.fillStyle = "#3f7d4a";
  for (const [x, y, radius] of /** @type {const} */ ([
    [124, 74, 17],
    [112, 86, 12],
    [137, 87, 12],
  ])) {
    circle(context, x, y, radius);
  }
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} wall
 * @param {string} roof
 */
function drawHouse(context, wall, roof) {
  context.fillStyle = roof;
  context.fillRect(81, 54, 9, 22);
  context.fillStyle = wall;
  context.fillRect(40, 82, 58, 44);
  context.fillStyle = roof;
  context.beginPath();
  context.moveTo(33, 84);
  context.lineTo(69, 52);
  context.lineTo(105, 84);
  context.fill();
  context.fillStyle = "#5b4636";
  context.fillRect(62, 100, 14, 26);
  context.fillStyle = "#ffe9a3";
  context.fillRect(46, 92, 11, 12);
  context.fillRect(82, 92, 11, 12);
  context.strokeStyle = "#5b4636";
  context.lineWidth = 1.5;
  context.strokeRect(46, 92, 11, 12);
  context.strokeRect(82, 92, 11, 12);
}

/** @param {CanvasRenderingContext2D} context */
function drawPath(context) {
  context.fillStyle = "#e3d3ae";
  context.beginPath();
  context.moveTo(63, 126);
  context.lineTo(75, 126);
  context.lineTo(94, 168);
  context.lineTo(58, 168);
  context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
function circle(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
