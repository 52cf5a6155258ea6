/** The interface of all ways of showing a page to a person. */

import type { Measured } from "../cpu.ts";
import type { Point, TimedPoint } from "../moves.ts";
import type { Picture } from "../pictures.ts";
import type { OpenedPage, PageAsked, Site } from "../site.ts";

export type WayName =
  | "reference"
  | "floor"
  | "ours json"
  | "ours binary"
  | "ours damage"
  | "ours guest"
  | "ours helped"
  | "console";
export type OursName = Extract<WayName, `ours ${string}`>;

export interface OpenOptions {
  readonly site: Site;
  readonly asked: PageAsked;
  /** The part of the page that the pictures show. */
  readonly view: "challenge" | "page";
}

/** The pictures that one drag showed to the person, and the moves that were sent if the way knows better than the bench. */
export interface LineRecord {
  readonly sent: readonly TimedPoint[] | null;
  readonly shown: readonly TimedPoint[];
  readonly pictures: readonly Picture[];
  /** The time at which each picture arrived or was painted. */
  readonly pictureTimes: readonly number[];
  /** Pictures in which no point could be read. */
  readonly unreadable: number;
}

/** One opened page, ready to be dragged on. */
export interface Line {
  readonly measured: Measured;
  readonly page: OpenedPage;
  /** How long to wait after the last move for pictures under way, in ms. */
  readonly patienceMs: number;
  press(at: Point): void;
  move(to: Point): void;
  release(at: Point): void;
  /** Forgets all earlier pictures. */
  begin(): Promise<void>;
  /** The point in the newest picture. */
  lastShown(): Promise<Point | null>;
  record(): Promise<LineRecord>;
  close(): Promise<void>;
}

/** The patience for the last move of a drag, with the button still down, in ms. A person who aims waits for this picture. */
export const USUAL_PATIENCE_MS = 1_000;
