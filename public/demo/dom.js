// Small helpers that make and place elements and canvases.

/** @import { Rect, Size } from "./layout.js" */

/** The least density of canvases, in px per CSS px, so that an operator who zooms in sees a sharp picture. */
const MIN_PIXELS_PER_CSS_PX = 2;

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Places an element at a rectangle of the layout.
 * @template {HTMLElement} Placed
 * @param {Placed} placed
 * @param {Rect} rect
 */
export function place(placed, { x, y, width, height }) {
  Object.assign(placed.style, {
    position: "absolute",
    left: `${x}px`,
    top: `${y}px`,
    width: `${width}px`,
    height: `${height}px`,
  });
  return placed;
}

/**
 * A canvas whose context draws in CSS px.
 * @param {Size} size
 * @param {string} [className]
 */
export function makeCanvas({ width, height }, className = "") {
  const canvas = element("canvas", className ? { class: className } : {});
  const density = Math.max(window.devicePixelRatio, MIN_PIXELS_PER_CSS_PX);
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser cannot draw on a canvas.");
  context.scale(density, density);
  return { canvas, context };
}

/**
 * The element that matches the selector; throws an Error if the page has none.
 * @param {string} selector
 */
export function find(selector) {
  const found = document.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`The page has no ${selector}.`);
  return found;
}

/**
 * @param {number} value
 * @param {number} min
 * @param {number} max
 */
export function clamp(value, min, max) {
  return Math.min(Math.max(value, min), max);
}
