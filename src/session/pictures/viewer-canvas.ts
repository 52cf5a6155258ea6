/**
 * [W63] What is on a viewer's canvas, and whether the next picture may be sent as what has changed of it. Pure: time comes
 * in, ms.
 */
import { sameRect } from "../../protocol/common.ts";
import type { Picture } from "../ports/page.ts";

/** Whatever goes wrong on a canvas is gone after this time. */
const WHOLE_EVERY_MS = 2_000;

export class ViewerCanvas {
  /** The last picture that was sent; null: what is on the canvas is not known. Messages arrive in order, or not at all. */
  #picture: Picture | null = null;
  #wholeAt = -Infinity;
  #wholeSeq = -1;

  /** The picture that `next` can be compared with; null: it goes whole. */
  baseFor(next: Picture, now: number): Picture | null {
    const base = this.#picture;
    if (!base || now - this.#wholeAt >= WHOLE_EVERY_MS) return null;
    // At another quality every pixel differs.
    const isAlike = sameRect(base.view, next.view) && base.scale === next.scale && base.quality === next.quality;
    return isAlike ? base : null;
  }

  /** Whether this picture is the one on the canvas. */
  shows(picture: Picture): boolean {
    return this.#picture === picture;
  }

  sentWhole(picture: Picture, now: number): void {
    this.#picture = picture;
    this.#wholeAt = now;
    this.#wholeSeq = picture.seq;
  }

  sentDamage(picture: Picture): void {
    this.#picture = picture;
  }

  /** The next picture goes whole. */
  forget(): void {
    this.#picture = null;
  }

  /**
   * The client could not draw the picture `seq`. False if that is made good already: a whole picture was sent after it, or
   * is the next one anyway.
   */
  lost(seq: number): boolean {
    if (seq <= this.#wholeSeq || this.#picture === null) return false;
    this.#picture = null;
    return true;
  }
}
