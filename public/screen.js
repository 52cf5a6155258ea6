// The live picture: decodes JPEGs one at a time, newest first, draws them on the canvas and keeps it at the right size.

import { fitView, pageAt } from "./geometry.js";

/** On a phone the controls below the picture must stay in reach of the thumb. */
const PHONE_SHARE_OF_HEIGHT = 0.56;

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Size} Size */
/** @typedef {{ jpeg: string | Uint8Array<ArrayBuffer>, view: Box, seq?: number | undefined }} Picture `jpeg` as bytes or base64 */

export class Screen {
  #canvas;
  #well;
  #handlers;
  #context;
  /** @type {Picture | null} */
  #next = null;
  #decoding = false;
  /** What the canvas is laid out for: the picture on it or, before the first one, the view announced. @type {Box | null} */
  #layout = null;
  /** @type {Picture | null} */
  #shown = null;
  /** @type {Size} */
  #viewport = { width: 0, height: 0 };
  #observer;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} well the space the picture may fill; its CSS says by `--fill: both` that its height counts too
   * @param {{ onShown: (picture: Picture) => void, onDamaged: (picture: Picture) => void }} handlers
   */
  constructor(canvas, well, handlers) {
    this.#canvas = canvas;
    this.#well = well;
    this.#handlers = handlers;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#observer = new ResizeObserver(() => this.#fit());
    this.#observer.observe(well);
  }

  stop() {
    this.#observer.disconnect();
    this.#next = null;
  }

  /** The picture that a person sees now; input is aimed at it, not at what has arrived since. */
  get shown() {
    return this.#shown;
  }

  /** @param {Size} viewport @param {Box} view */
  expect(viewport, view) {
    this.#viewport = viewport;
    if (this.#shown !== null) return; // the picture on the screen keeps its own view until the next one is drawn
    this.#layout = view;
    this.#fit();
  }

  /** A newer picture replaces one that still waits: a slow device skips pictures, it never lags behind.
   * @param {Picture} picture */
  offer(picture) {
    this.#next = picture;
    if (!this.#decoding) void this.#drain();
  }

  /**
   * @param {{ clientX: number, clientY: number }} event
   * @returns {{ x: number, y: number } | null} in page CSS px; null while there is no picture
   */
  pageAt(event) {
    if (this.#shown === null) return null;
    const rect = this.#canvas.getBoundingClientRect();
    return pageAt({ x: event.clientX, y: event.clientY }, rect, this.#shown.view, this.#viewport);
  }

  async #drain() {
    this.#decoding = true;
    while (this.#next !== null) {
      const picture = this.#next;
      this.#next = null;
      try {
        const bytes = typeof picture.jpeg === "string" ? fromBase64(picture.jpeg) : picture.jpeg;
        const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
        this.#draw(picture, bitmap);
        bitmap.close();
      } catch {
        this.#handlers.onDamaged(picture);
      }
    }
    this.#decoding = false;
  }

  /** @param {Picture} picture @param {ImageBitmap} bitmap */
  #draw(picture, bitmap) {
    const canvas = this.#canvas;
    // Setting the size clears a canvas even when it is the same: only when it differs.
    if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
    if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
    this.#context?.drawImage(bitmap, 0, 0);
    this.#shown = picture;
    this.#layout = picture.view;
    this.#fit();
    const { x, y, width, height } = picture.view;
    canvas.setAttribute("data-view", `${x},${y},${width},${height}`);
    if (picture.seq !== undefined) canvas.setAttribute("data-seq", String(picture.seq));
    this.#handlers.onShown(picture);
  }

  #fit() {
    if (this.#layout === null) return;
    const style = getComputedStyle(this.#well);
    const fillsHeight = style.getPropertyValue("--fill").trim() === "both";
    const height = fillsHeight ? inner(this.#well.clientHeight, style.paddingTop) : innerHeight * PHONE_SHARE_OF_HEIGHT;
    const space = { width: inner(this.#well.clientWidth, style.paddingLeft), height };
    const size = fitView(this.#layout, space, devicePixelRatio || 1);
    this.#canvas.style.width = `${size.width}px`;
    this.#canvas.style.height = `${size.height}px`;
  }
}

/** @param {number} outer @param {string} padding the same on both sides, e.g. `16px` */
function inner(outer, padding) {
  return Math.max(0, outer - 2 * (Number.parseFloat(padding) || 0));
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
function fromBase64(text) {
  const native = /** @type {{ fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }} */ (
    /** @type {unknown} */ (Uint8Array)
  );
  if (native.fromBase64 !== undefined) return native.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
