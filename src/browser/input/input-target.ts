/** Where an event goes: to the page, or to a frame in a process of its own. */
import type { Asked } from "../cdp/connection.ts";
import type { FrameRect, FrameRef } from "../tabs/frames.ts";

/** A frame's events are in its own coordinates. */
export interface Target {
  readonly hands: Asked;
  readonly place: Pick<FrameRect, "x" | "y" | "scale">;
}

export interface RemoteFrame {
  readonly frame: FrameRef;
  readonly place: FrameRect;
}

/** A point of the page, as the target counts. */
export function inTarget({ place }: Target, x: number, y: number): { x: number; y: number } {
  return { x: (x - place.x) / place.scale, y: (y - place.y) / place.scale };
}

export function contains({ x, y, width, height, visible }: FrameRect, pointX: number, pointY: number): boolean {
  return visible && pointX >= x && pointX < x + width && pointY >= y && pointY < y + height;
}

export function isWithin(frame: FrameRef, ancestor: FrameRef): boolean {
  for (let at = frame.parent; at; at = at.parent) if (at.id === ancestor.id) return true;
  return false;
}
