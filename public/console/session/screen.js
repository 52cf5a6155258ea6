// The live picture: decodes JPEGs one at a time, the newest whole one first, draws them on the canvas and keeps it at the right size.

import { densityFor, fitView, pageAt, sameBox } from "./geometry.js";

/** On a phone the controls below the picture must stay in reach of the thumb. */
const PHONE_SHARE_OF_HEIGHT = 0.56;

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Size} Size */
/**
 * @typedef {object} Picture
 * @property {string | Uint8Array<ArrayBuffer>} jpeg base64 or bytes
 * @property {Box} view
 * @property {number | undefined} seq
 * @property {"motion" | "still" | undefined} kind unknown of the picture in a `session_info`
 * @property {number} [base] the picture that `rects` are drawn over [W63]
 * @property {readonly import("../../../src/protocol/frame.ts").DamageRect[]} [rects] left out: the picture is a whole one
 */

export class Screen {
  #canvas;
  #well;
  #handlers;
  #context;
  /** A whole picture, or none, and what changes it, in order. @type {Picture[]} */
  #waiting = [];
  #decoding = false;
  /** The view that the canvas is laid out for: that of its picture or, before the first one, the announced view. @type {Box | null} */
  #layout = null;
  /** @type {Picture | null} */
  #shown = null;
  /** @type {Size} */
  #viewport = { width: 0, height: 0 };
  /** The room in the well; measured when it changes, not at every picture. @type {Size | null} */
  #space = null;
  /** Where the picture was, in client px, that a drag began on and that has changed since. @type {{ canvas: Box, view: Box } | null} */
  #aim = null;
  /** How many times larger the picture is shown than it fits. */
  #zoom = 1;
  /** Counts lost connections: a picture that was being decoded at the loss is not drawn. */
  #losses = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} well the space the picture may fill; its CSS says by `--fill: both` that its height counts too
   * @param {object} handlers
   * @param {(picture: Picture) => void} handlers.onShown
   * @param {(picture: Picture) => void} handlers.onDamaged
   * @param {() => boolean} handlers.isPressed a drag is under way
   * @param {() => void} handlers.onRoom the room for pictures, or the size of a pixel, has changed
   */
  constructor(canvas, well, handlers) {
    this.#canvas = canvas;
    this.#well = well;
    this.#handlers = handlers;
    // Desynchronized, a picture does not wait for the page's own frame.
    this.#context = canvas.getContext("2d", { alpha: false, desynchronized: true });
    new ResizeObserver(() => this.#measure()).observe(well);
    // On a phone the picture takes a share of the window's height, which the well's size does not reflect.
    addEventListener("resize", () => this.#measure());
    this.#watchPixelSize();
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

  /** Picture px per CSS px that this view deserves here. @param {Size} view */
  densityFor(view) {
    return densityFor(view.width, this.#sizeOf(view).width * this.#zoom, devicePixelRatio);
  }

  /** @param {number} zoom how many times larger than it fits; what does not fit is scrolled to */
  setZoom(zoom) {
    this.#zoom = zoom;
    this.#fit();
  }

  /** Where a point of the page is in the frame around the canvas, CSS px. @param {{ x: number, y: number }} point */
  placeOf({ x, y }) {
    const canvas = this.#canvas;
    const view = this.#shown?.view ?? { x: 0, y: 0, width: 1, height: 1 };
    return {
      left: canvas.offsetLeft + ((x - view.x) * canvas.offsetWidth) / view.width,
      top: canvas.offsetTop + ((y - view.y) * canvas.offsetHeight) / view.height,
    };
  }

  /** Where a point of the page is shown; null while there is no picture. @param {{ x: number, y: number }} point */
  clientAt({ x, y }) {
    if (this.#shown === null) return null;
    const { view } = this.#shown;
    const box = this.#canvas.getBoundingClientRect();
    return {
      clientX: box.x + ((x - view.x) * box.width) / view.width,
      clientY: box.y + ((y - view.y) * box.height) / view.height,
    };
  }

  /** A newer picture replaces those that still wait: a slow device skips pictures, it never lags behind. What changes one
   * is drawn after it; the server sends no more of it than is acknowledged. @param {Picture} picture */
  offer(picture) {
    if (picture.rects === undefined) this.#waiting = [];
    this.#waiting.push(picture);
    if (!this.#decoding) void this.#drain();
  }

  /**
   * @param {{ clientX: number, clientY: number }} event
   * @returns {{ x: number, y: number } | null} in page CSS px; null while there is no picture
   */
  pageAt(event) {
    if (this.#shown === null) return null;
    if (!this.#handlers.isPressed()) this.#aim = null;
    const { canvas, view } = this.#aim ?? { canvas: this.#canvas.getBoundingClientRect(), view: this.#shown.view };
    return pageAt({ x: event.clientX, y: event.clientY }, canvas, view, this.#viewport);
  }

  /** The connection is lost: pictures that are not drawn yet cannot be acknowledged on the next one. */
  forget() {
    this.#waiting = [];
    this.#losses += 1;
  }

  async #drain() {
    this.#decoding = true;
    for (let picture = this.#waiting.shift(); picture !== undefined; picture = this.#waiting.shift()) {
      const losses = this.#losses;
      try {
        if (picture.base !== this.#shown?.seq && picture.rects) throw new Error("what it changes is not here");
        const bytes = typeof picture.jpeg === "string" ? fromBase64(picture.jpeg) : picture.jpeg;
        const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
        if (losses === this.#losses) this.#draw(picture, bitmap);
        bitmap.close();
      } catch {
        if (losses === this.#losses) this.#handlers.onDamaged(picture);
      }
    }
    this.#decoding = false;
  }

  /** @param {Picture} picture @param {ImageBitmap} bitmap */
  #draw(picture, bitmap) {
    const canvas = this.#canvas;
    for (const [x, y, width, height, left, top] of picture.rects ?? []) {
      this.#context?.drawImage(bitmap, left, top, width, height, x, y, width, height);
    }
    if (picture.rects === undefined) {
      // Setting the size clears a canvas even when it is the same: only when it differs.
      if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
      if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
      this.#context?.drawImage(bitmap, 0, 0);
    }
    const before = this.#shown?.view;
    this.#shown = picture;
    if (before === undefined || !sameBox(before, picture.view)) {
      // A drag goes on as it began: the hand must not jump because the picture did.
      if (before !== undefined && this.#handlers.isPressed()) {
        this.#aim ??= { canvas: canvas.getBoundingClientRect(), view: before };
      }
      this.#show(picture.view);
    }
    if (picture.seq !== undefined) canvas.setAttribute("data-seq", String(picture.seq));
    this.#handlers.onShown(picture);
  }

  /** @param {Box} view of the picture on the canvas from now on */
  #show(view) {
    this.#layout = view;
    this.#fit();
    this.#canvas.setAttribute("data-view", `${view.x},${view.y},${view.width},${view.height}`);
  }

  #measure() {
    this.#space = spaceIn(this.#well);
    this.#fit();
    this.#handlers.onRoom();
  }

  /** A window may move to a screen with smaller pixels and keep its size. */
  #watchPixelSize() {
    const same = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const onChange = () => {
      this.#watchPixelSize();
      this.#measure();
    };
    same.addEventListener("change", onChange, { once: true });
  }

  /** @param {Size} view */
  #sizeOf(view) {
    this.#space ??= spaceIn(this.#well); // a page in the background gets no resize events
    return fitView(view, this.#space, devicePixelRatio);
  }

  #fit() {
    if (this.#layout === null) return;
    const { width, height } = this.#sizeOf(this.#layout);
    const zoom = this.#zoom;
    this.#canvas.style.width = `${width * zoom}px`;
    this.#canvas.style.height = `${height * zoom}px`;
    const frame = this.#canvas.parentElement;
    if (frame === null) return;
    const most = this.#space ?? { width, height };
    frame.classList.toggle("zoomed", zoom > 1);
    frame.style.width = zoom > 1 ? `${Math.min(width * zoom, Math.max(width, most.width))}px` : "";
    frame.style.height = zoom > 1 ? `${Math.min(height * zoom, Math.max(height, most.height))}px` : "";
  }
}

/** @param {HTMLElement} well @returns {Size} */
function spaceIn(well) {
  const style = getComputedStyle(well);
  const fillsHeight = style.getPropertyValue("--fill").trim() === "both";
  const height = fillsHeight ? inner(well.clientHeight, style.paddingTop) : innerHeight * PHONE_SHARE_OF_HEIGHT;
  return { width: inner(well.clientWidth, style.paddingLeft), height };
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
