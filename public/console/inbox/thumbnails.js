// A small live picture for each visible row: a still every few seconds, a few requests at a time.

import { fetchThumbnail } from "../shared/api.js";

/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

const EVERY_MS = 4_000;
/** The requested width in px: twice what is shown, for dense screens. */
const WIDTH = 256;
const AT_ONCE = 3;

export class Thumbnails {
  #consoleUrl;
  #key;
  /** Visible rows by session id, each with the time of its last request. @type {Map<string, { canvas: HTMLCanvasElement, askedAt: number }>} */
  #shown = new Map();
  #underWay = 0;
  #observer = new IntersectionObserver((entries) => this.#onSeen(entries), { rootMargin: "100px" });

  /** @param {ConsoleUrl} consoleUrl @param {() => string} key */
  constructor(consoleUrl, key) {
    this.#consoleUrl = consoleUrl;
    this.#key = key;
    setInterval(() => this.#next(), EVERY_MS / 8);
  }

  /** @param {HTMLCanvasElement} canvas with the session's id as `data-of` */
  watch(canvas) {
    this.#observer.observe(canvas);
  }

  /** Its row is gone. @param {HTMLCanvasElement} canvas */
  forget(canvas) {
    this.#observer.unobserve(canvas);
    this.#shown.delete(canvas.dataset["of"] ?? "");
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #onSeen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!(target instanceof HTMLCanvasElement)) continue;
      const id = target.dataset["of"] ?? "";
      if (isIntersecting) this.#shown.set(id, { canvas: target, askedAt: 0 });
      else this.#shown.delete(id);
    }
    this.#next();
  }

  #next() {
    if (document.hidden) return;
    const due = performance.now() - EVERY_MS;
    const waiting = [...this.#shown].filter(([, { askedAt }]) => askedAt === 0 || askedAt < due);
    for (const [id, shown] of waiting.toSorted(([, a], [, b]) => a.askedAt - b.askedAt)) {
      if (this.#underWay >= AT_ONCE) return;
      shown.askedAt = performance.now();
      this.#underWay += 1;
      void this.#draw(id, shown.canvas).finally(() => {
        this.#underWay -= 1;
      });
    }
  }

  /** @param {string} id @param {HTMLCanvasElement} canvas */
  async #draw(id, canvas) {
    const jpeg = await fetchThumbnail(this.#consoleUrl.base, this.#key(), id, WIDTH);
    const picture = jpeg && (await createImageBitmap(jpeg).catch(() => null));
    if (!picture) return;
    // The whole picture, whatever its proportion, centred.
    const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    const context = canvas.getContext("2d");
    context?.clearRect(0, 0, canvas.width, canvas.height);
    context?.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
    canvas.classList.add("drawn");
    picture.close();
  }
}
