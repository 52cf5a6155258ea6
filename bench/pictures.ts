/** Keeps pictures with their arrival times. They are decoded after the drag, so that decoding disturbs nothing. */
import { setTimeout as delay } from "node:timers/promises";
import type { Rect } from "../src/protocol/common.ts";
import type { DamageRect } from "../src/protocol/frame.ts";
import { Canvas, pngOf } from "./canvas.ts";
import type { Point, TimedPoint } from "./moves.ts";
import { KNOB, originOf, type PageKind, PIECE_ABOVE_POINTER, PIECE_SIZE, STRIP_AT } from "./page.ts";
import { findPiece } from "./piece.ts";
import { NOTHING_YET, readStrip } from "./strip.ts";

export interface Picture {
  /** ms of performance.now() */
  readonly at: number;
  readonly jpeg: Buffer;
  /** What has changed of the picture before it [W63]; left out: a whole picture. */
  readonly rects?: readonly DamageRect[] | undefined;
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
  /** The last whole picture before these, and what has changed of it since. */
  #before: readonly Picture[] = [];
  #lastAt = performance.now();
  /** For the last picture: what is still to be drawn on the canvas. */
  readonly #canvas = new Canvas();
  #undrawn: Picture[] = [];
  #last: Promise<Picture | null> = Promise.resolve(null);

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
    if (!picture.rects) this.#undrawn = [];
    this.#undrawn.push(picture);
  }

  clear(): void {
    this.#before = sinceWhole([...this.#before, ...this.#pictures]);
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
    const undrawn = this.#undrawn;
    this.#undrawn = [];
    this.#last = this.#last.then(async (before) => {
      let last = before;
      for (const picture of undrawn) last = await drawnOn(this.#canvas, picture);
      return last;
    });
    const last = await this.#last;
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
    const canvas = new Canvas();
    for (const picture of this.#before) await drawnOn(canvas, picture);
    for (let from = 0; from < this.#pictures.length; from += DECODED_AT_ONCE) {
      const some: Picture[] = [];
      for (const picture of this.#pictures.slice(from, from + DECODED_AT_ONCE)) {
        some.push(await drawnOn(canvas, picture));
      }
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

/** The picture as a person sees it once it is drawn. */
async function drawnOn(canvas: Canvas, picture: Picture): Promise<Picture> {
  const pixels = await canvas.draw(picture.jpeg, picture.rects);
  return picture.rects ? { ...picture, jpeg: await pngOf(pixels) } : picture;
}

function sinceWhole(pictures: readonly Picture[]): readonly Picture[] {
  return pictures.slice(
    Math.max(
      0,
      pictures.findLastIndex(({ rects }) => !rects),
    ),
  );
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
