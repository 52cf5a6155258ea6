/** What every way of showing a page to a person has in common for the bench. */

import type { Measured } from "../cpu.ts";
import type { Point, TimedPoint } from "../moves.ts";
import type { Picture } from "../pictures.ts";
import type { OpenedPage, PageAsked, Site } from "../site.ts";

export type WayName = "reference" | "floor" | "ours json" | "ours binary" | "ours guest" | "console";
export type OursName = Extract<WayName, `ours ${string}`>;

export interface OpenOptions {
  readonly site: Site;
  readonly asked: PageAsked;
  /** What the pictures show. */
  readonly view: "challenge" | "page";
}

/** What was shown to the person of one drag, and what was sent if the way itself knows better than the bench. */
export interface LineRecord {
  readonly sent: readonly TimedPoint[] | null;
  readonly shown: readonly TimedPoint[];
  readonly pictures: readonly Picture[];
  /** When each picture came, or was painted. */
  readonly pictureTimes: readonly number[];
  /** Pictures in which no point could be read. */
  readonly unreadable: number;
}

/** One opened page, ready to be dragged on. */
export interface Line {
  readonly measured: Measured;
  readonly page: OpenedPage;
  /** How long after the last move what is still under way is waited for. */
  readonly patienceMs: number;
  press(at: Point): void;
  move(to: Point): void;
  release(at: Point): void;
  /** Forgets what came before. */
  begin(): Promise<void>;
  /** The point in the newest picture. */
  lastShown(): Promise<Point | null>;
  record(): Promise<LineRecord>;
  close(): Promise<void>;
}

/** For the last move of a drag, with the button still down: what a person who aims waits for. */
export const USUAL_PATIENCE_MS = 1_000;
