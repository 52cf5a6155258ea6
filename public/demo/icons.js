// The symbols of the scratch card and the click-in-order picture. They are paths, so that no font changes their look.

/** @import { IconName, Point } from "../../src/demo/puzzle-types.ts" */

/** Size of the box that the paths are drawn in. */
const BOX = 24;

/** @type {Record<IconName, string>} */
const PATHS = {
  star: "M12 1.8l3.2 6.6 7 .9-5.2 5 1.4 7.1L12 17.9l-6.4 3.5L7 14.3l-5.2-5 7-.9z",
  heart: "M12 21.5C4.8 16 1.5 12.5 1.5 8.3A5.6 5.6 0 0 1 12 5.7a5.6 5.6 0 0 1 10.5 2.6c0 4.2-3.3 7.7-10.5 13.2z",
  moon: "M21 15.2A10 10 0 1 1 9.2 2.6a8 8 0 0 0 11.8 12.6z",
  drop: "M12 1.5c4.6 5.4 7.5 9 7.5 13a7.5 7.5 0 0 1-15 0c0-4 2.9-7.6 7.5-13z",
  bolt: "M14 1L3.5 14H11l-2 9 11.5-14H13z",
  cloud: "M6.5 19.5a5.2 5.2 0 0 1-.6-10.4 6.8 6.8 0 0 1 13-.2 5.3 5.3 0 0 1-1 10.6z",
  leaf: "M3 21C2 9.5 8.5 2.5 22 2.5c.5 12.5-5.5 19-15 17L12.5 12 4.8 19.8z",
  house: "M12 2L1.5 11.5H4.5V22H10v-6.5h4V22h5.5V11.5h3z",
  fish: "M1 12c2.5-5.5 9-7.5 14-3l1.5 1.6L23 5.5c-1.2 4.2-1.2 8.8 0 13l-6.5-5.1L15 15c-5 4.5-11.5 2.5-14-3zM6.5 9.4a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6z",
  bell: "M12 1.5a6.5 6.5 0 0 1 6.5 6.5v5.5L21.5 18h-19l3-4.5V8A6.5 6.5 0 0 1 12 1.5zM9 19.5h6a3 3 0 0 1-6 0z",
  flag: "M4 1.5h2.5v1.5H21l-3.5 5.5L21 14H6.5v8.5H4z",
  diamond: "M6 3h12l5 7-11 12L1 10z",
};

/**
 * @typedef {object} IconLooks
 * @property {number} size CSS px
 * @property {string} fill
 * @property {string} [outline]
 * @property {number} [tilt] degrees
 */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {IconName} name
 * @param {Point} centre
 * @param {IconLooks} looks
 */
export function drawIcon(context, name, centre, { size, fill, outline, tilt = 0 }) {
  const path = new Path2D(PATHS[name]);
  context.save();
  context.translate(centre.x, centre.y);
  context.rotate((tilt * Math.PI) / 180);
  context.scale(size / BOX, size / BOX);
  context.translate(-BOX / 2, -BOX / 2);
  if (outline) {
    context.lineJoin = "round";
    context.lineWidth = 2.4;
    context.strokeStyle = outline;
    context.stroke(path);
  }
  context.fillStyle = fill;
  context.fill(path);
  context.restore();
}

/**
 * An icon for a line of text, in the text's colour.
 * @param {IconName} name
 */
export function inlineIcon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${BOX} ${BOX}`);
  svg.setAttribute("class", "inline-icon");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", name);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
