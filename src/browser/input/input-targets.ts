/**
 * Where an input event goes: to the page, or to a frame with a process of its own. Pictures of an owned page are taken
 * with an override that displaces page-level input to such frames, so their events go to their own sessions.
 */
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpSender } from "../cdp/connection.ts";
import { type Affine, IDENTITY, mapBack } from "../tabs/frame-geometry.ts";
import type { FrameRect, FrameRef, PageFrames } from "../tabs/frames.ts";

/** Looking up the frame under a press; after that the press goes to the page itself. */
const HIT_TEST_DEADLINE_MS = 500;

/** A receiver of input events, which are in its own CSS px. */
export interface InputTarget {
  readonly session: CdpSender;
  /** From its own CSS px to the page's. */
  readonly toPage: Affine;
}

/** A frame, mostly one with a process of its own, and its content box in the page's CSS px. */
export interface RemoteFrame {
  readonly frame: FrameRef;
  readonly rect: FrameRect;
}

export class InputTargets {
  readonly page: InputTarget;
  readonly #frames: PageFrames;
  #remote: readonly RemoteFrame[] = [];

  /** `session` takes the input of the page itself. */
  constructor(session: CdpSender, frames: PageFrames) {
    this.page = { session, toPage: IDENTITY };
    this.#frames = frames;
  }

  /** Frames with a process of their own, outermost first, as the last scan found them. */
  setRemoteFrames(frames: readonly RemoteFrame[]): void {
    this.#remote = frames;
  }

  /** The target at a point of the page (CSS px) by the frames' boxes alone: good enough for a pointer that passes. */
  at(x: number, y: number): InputTarget {
    const hit = this.#remote.findLast(({ rect }) => contains(rect, x, y));
    return hit ? { session: hit.frame.inputSession, toPage: hit.rect.toPage } : this.page;
  }

  /** The target under a point of the page (CSS px): each document on the way down is asked what lies there. */
  async under(x: number, y: number): Promise<InputTarget> {
    let target = this.page;
    let inside: FrameRef | null = null;
    for (const { frame, rect } of this.#remote) {
      if (!contains(rect, x, y) || (inside !== null && !isWithin(frame, inside))) continue;
      const outer = frame.parent ? await this.#mapOf(frame.parent) : IDENTITY;
      const inParent = mapBack(outer, x, y);
      const test = this.#frames.isHit(frame, inParent.x, inParent.y);
      if (!(await withDeadline(test, HIT_TEST_DEADLINE_MS, "hit test").catch(() => false))) continue;
      target = { session: frame.inputSession, toPage: rect.toPage };
      inside = frame;
    }
    return target;
  }

  /** Every frame and where it is, parents first; one that does not answer is left out. */
  async placed(): Promise<readonly RemoteFrame[]> {
    const frames = await withDeadline(this.#frames.list(), HIT_TEST_DEADLINE_MS, "frames");
    const placing = frames.map(async (frame) => {
      const asked = withDeadline(this.#frames.rectOf(frame), HIT_TEST_DEADLINE_MS, "frame place");
      const rect = await asked.catch(() => null);
      return rect ? [{ frame, rect }] : [];
    });
    return (await Promise.all(placing)).flat();
  }

  /** From a frame's own CSS px to the page's. */
  async #mapOf(frame: FrameRef): Promise<Affine> {
    const known = this.#remote.find((remote) => remote.frame.id === frame.id);
    if (known) return known.rect.toPage;
    const asked = withDeadline(this.#frames.rectOf(frame), HIT_TEST_DEADLINE_MS, "frame place");
    return asked.then(
      ({ toPage }) => toPage,
      () => IDENTITY,
    );
  }
}

/** A point of the page in the target's own CSS px. */
export function inTarget({ toPage }: InputTarget, x: number, y: number): { x: number; y: number } {
  return mapBack(toPage, x, y);
}

/** The innermost of these frames at a point of the page (CSS px); the main frame is everywhere. */
export function innermost(frames: readonly RemoteFrame[], x: number, y: number): FrameRef | undefined {
  return frames.findLast(({ frame, rect }) => frame.parent === null || contains(rect, x, y))?.frame;
}

function contains({ x, y, width, height, visible }: FrameRect, pointX: number, pointY: number): boolean {
  return visible && pointX >= x && pointX < x + width && pointY >= y && pointY < y + height;
}

function isWithin(frame: FrameRef, ancestor: FrameRef): boolean {
  for (let at = frame.parent; at; at = at.parent) if (at.id === ancestor.id) return true;
  return false;
}
