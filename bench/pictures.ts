/** Keeps pictures with their arrival times. They are decoded after the drag, so that decoding disturbs nothing. */
import { setTimeout as delay } from "node:timers/promises";
import type { Rect } from "../src/protocol/common.ts";
import type { Point, TimedPoint } from "./moves.ts";
import { KNOB, originOf, type PageKind, PIECE_ABOVE_POINTER, PIECE_SIZE, STRIP_AT } from "./page.ts";
import { findPiece } from "./piece.ts";
import { NOTHING_YET, readStrip } from "./strip.ts";

export interface Picture {
  /** ms of performance.now() */
  readonly at: number;
  readonly jpeg: Buffer;
  readonly wireBytes: number;
  /** The part of the page that the picture shows. */
  readonly view: Rect;
  /** Picture px per CSS px. */
  readonly scale: number;
  /** ms since 1970 on the server's clock, which is this machine's; null if unknown. */
  readonly capturedAt: number | null;
}

/** After this time without a picture the page and its view are at rest. */
const REST_MS = 400;
const REST_PATIENCE_MS = 6_000;
const POLL_MS = 20;
const DECODED_AT_ONCE = 8;

export class PictureLog {
  readonly #kind: PageKind;
  readonly #origin: Point;
  #pictures: Picture[] = [];
  #lastAt = performance.now();

  /** `origin`: where the page's own 0, 0 is among the points of a drag. */
  constructor(kind: PageKind, origin = originOf("mouse")) {
    this.#kind = kind;
    this.#origin = origin;
  }

  get pictures(): readonly Picture[] {
    return this.#pictures;
  }

  add(picture: Picture): void {
    this.#lastAt = picture.at;
    this.#pictures.push(picture);
  }

  clear(): void {
    this.#pictures = [];
  }

  /** The first picture; waits for one if there is none yet. */
  async first(): Promise<Picture> {
    const end = performance.now() + REST_PATIENCE_MS;
    while (this.#pictures.length === 0 && performance.now() < end) await delay(1);
    const [first] = this.#pictures;
    if (!first) throw new Error("No picture came.");
    return first;
  }

  async untilRest(): Promise<void> {
    const end = performance.now() + REST_PATIENCE_MS;
    while (performance.now() - this.#lastAt < REST_MS && performance.now() < end) await delay(POLL_MS);
  }

  async lastShown(): Promise<Point | null> {
    const last = this.#pictures.at(-1);
    return last ? readPoint(last, this.#kind, this.#origin) : null;
  }

  /** All pictures, with the points that they show. */
  async read(): Promise<{
    shown: TimedPoint[];
    unreadable: number;
    pictures: readonly Picture[];
    pictureTimes: number[];
  }> {
    const shown: TimedPoint[] = [];
    let unreadable = 0;
    for (let from = 0; from < this.#pictures.length; from += DECODED_AT_ONCE) {
      const some = this.#pictures.slice(from, from + DECODED_AT_ONCE);
      const points = await Promise.all(some.map((picture) => readPoint(picture, this.#kind, this.#origin)));
      points.forEach((point, index) => {
        if (point) shown.push({ ...point, at: (some[index] as Picture).at });
        else unreadable += 1;
      });
    }
    return {
      shown: shown.filter((point) => !isBefore(point, this.#kind)),
      unreadable,
      pictures: this.#pictures,
      pictureTimes: this.#pictures.map(({ at }) => at),
    };
  }
}

/** Whether a picture shows the page as it was before the drag's first move. */
function isBefore({ x, y }: Point, kind: PageKind): boolean {
  const before = kind === "strip" ? NOTHING_YET : KNOB;
  return Math.abs(x - before.x) <= 1 && Math.abs(y - before.y) <= 1;
}

/** The point of the drag that a picture shows; null if it cannot be read. */
async function readPoint({ jpeg, view, scale }: Picture, kind: PageKind, origin: Point): Promise<Point | null> {
  const [left, top] = [view.x + origin.x, view.y + origin.y];
  if (kind === "strip") {
    return readStrip(jpeg, { left: (STRIP_AT.x - left) * scale, top: (STRIP_AT.y - top) * scale }, scale);
  }
  const middle = await findPiece(jpeg, (PIECE_SIZE * scale) ** 2);
  return middle && { x: middle.x / scale + left, y: middle.y / scale + top + PIECE_ABOVE_POINTER };
}
