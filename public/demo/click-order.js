// Click in order: symbols strewn over a picture, three of them to be clicked in the order shown above it.

import { element, makeCanvas, place } from "./dom.js";
import { drawIcon, inlineIcon } from "./icons.js";
import { CLICK_ORDER } from "./layout.js";
import { drawScenery } from "./scenery.js";

/** @import { ClickOrderPicture, Point } from "../../src/demo/puzzle-types.ts" */
/** @import { Face } from "./face.js" */

const { picture: PICTURE } = CLICK_ORDER;
const MARK_PX = 24;

/** @type {Face<"click-order">} */
export const CLICK_ORDER_FACE = {
  containerClass: "demo-captcha demo-captcha--click-order",
  layout: CLICK_ORDER,
  mount(stage, submit) {
    const { canvas, context } = makeCanvas(PICTURE, "challenge-picture is-clickable");
    stage.append(place(canvas, PICTURE));
    let wanted = 0;
    let locked = true;
    /** @type {Point[]} */
    let points = [];
    /** @type {HTMLElement[]} */
    let marks = [];

    canvas.addEventListener("click", (event) => {
      if (locked) return;
      const box = canvas.getBoundingClientRect();
      const point = { x: PICTURE.x + event.clientX - box.left, y: PICTURE.y + event.clientY - box.top };
      points.push(point);
      const mark = element("span", { class: "click-mark" }, [String(points.length)]);
      place(mark, { x: point.x - MARK_PX / 2, y: point.y - MARK_PX / 2, width: MARK_PX, height: MARK_PX });
      marks.push(mark);
      stage.append(mark);
      if (points.length === wanted) submit({ points });
    });

    return {
      show(picture) {
        for (const mark of marks) mark.remove();
        marks = [];
        points = [];
        wanted = picture.order.length;
        drawScenery(context, PICTURE.width, PICTURE.height, picture.seed);
        drawPlacedIcons(context, picture);
        return ["Click in this order: ", ...picture.order.map(inlineIcon)];
      },
      setLocked(value) {
        locked = value;
      },
    };
  },
};

/**
 * @param {CanvasRenderingContext2D} context of the picture
 * @param {ClickOrderPicture} picture
 */
export function drawPlacedIcons(context, { icons }) {
  for (const { icon, centre, tilt, hue } of icons) {
    context.save();
    context.shadowColor = "rgb(0 0 0 / 0.4)";
    context.shadowBlur = 5;
    drawIcon(
      context,
      icon,
      { x: centre.x - PICTURE.x, y: centre.y - PICTURE.y },
      { size: CLICK_ORDER.iconSize, tilt, fill: `hsl(${hue} 68% 46%)`, outline: "rgb(255 255 255 / 0.95)" },
    );
    context.restore();
  }
}
