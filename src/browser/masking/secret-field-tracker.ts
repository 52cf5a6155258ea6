/** Tracks where the secret fields of a page are and have just been, over all its frames. It runs only while it is needed. */
import { setTimeout as delay } from "node:timers/promises";
import type { Rect } from "../../protocol/common.ts";
import { intersect } from "../../util/rect.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { mapBox } from "../tabs/frame-geometry.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import { type FrameTrack, RECORD_KEPT_MS, recordSecrets, type SecretAnswer, trackFrame } from "./in-page-recorder.ts";

/** The shortest time between two measures: each costs a call into every frame of the page. */
const MEASURE_EVERY_MS = 30;
/** A page that has not answered in this time is not shown to watchers. */
const MEASURE_DEADLINE_MS = 1_000;
/** How often new frames are found, and recorders kept running, while no picture needs it. */
const KEEP_RECORDING_MS = 1_000;

/** Where secrets were, up to the time of the measure. Times are performance.now() ms. */
export interface SecretMap {
  /** The main document is recorded since then. What it showed before is unknown. */
  readonly knownSince: number;
  /** Boxes in the page's CSS px. */
  readonly boxes: readonly Rect[];
  /** Frames that are recorded only since then: before that all of each may have been secret. */
  readonly young: readonly { readonly knownSince: number; readonly boxes: readonly Rect[] }[];
}

/** Where a frame was on the page. While it moves, or is rotated, boxes inside of it cannot be placed on the page. */
interface Whereabouts {
  readonly boxes: readonly Rect[];
  readonly isStill: boolean;
}

interface FrameSecrets {
  readonly frame: FrameRef;
  readonly answer: SecretAnswer;
  readonly knownSince: number;
}

export class SecretFieldTracker {
  readonly #frames: PageFrames;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<SecretMap> | null = null;
  #startedAt = -Infinity;
  /** The earliest `since` of the callers that wait for the next measure. */
  #oldest = Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(frames: PageFrames) {
    this.#frames = frames;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  start(): void {
    if (this.#timer) return;
    const keep = () => void this.measure(performance.now()).catch(() => {});
    this.#timer = setInterval(keep, KEEP_RECORDING_MS);
    keep();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Where secrets were from `since` (performance.now() ms) until after this call. Callers before the measure begins share
   * it. Throws where a frame does not answer.
   */
  measure(since: number): Promise<SecretMap> {
    this.#oldest = Math.min(this.#oldest, since);
    this.#next ??= this.#takeTurn();
    return this.#next;
  }

  async #takeTurn(): Promise<SecretMap> {
    await this.#running;
    const waitMs = this.#startedAt + MEASURE_EVERY_MS - performance.now();
    if (waitMs > 0) await delay(waitMs);
    const oldest = this.#oldest;
    this.#oldest = Infinity;
    this.#next = null;
    this.#startedAt = performance.now();
    const measured = withDeadline(this.#measure(oldest), MEASURE_DEADLINE_MS, "secret fields");
    this.#running = measured.catch(() => {});
    return measured;
  }

  async #measure(oldest: number): Promise<SecretMap> {
    // Each frame counts the window from when it is asked: later than now, but not later than the deadline.
    const reaches = Math.max(oldest, performance.now() + MEASURE_DEADLINE_MS - RECORD_KEPT_MS);
    const windowMs = performance.now() + MEASURE_DEADLINE_MS - reaches;
    const frames = await this.#frames.list();
    const secrets = await Promise.all(frames.map((frame) => this.#ask(frame, windowMs)));
    const main = secrets.find(({ frame }) => frame.parent === null);
    if (!main) throw new Error("The page has no main frame.");
    const ofInterest = secrets.filter(
      ({ frame, answer, knownSince }) => frame.parent !== null && (answer.boxes.length > 0 || knownSince > oldest),
    );
    const inner = await Promise.all(
      ofInterest.map(async (found) => ({ found, ...(await this.#place(found, windowMs)) })),
    );
    return {
      knownSince: Math.max(main.knownSince, reaches),
      boxes: [...main.answer.boxes, ...inner.flatMap(({ secret }) => secret)],
      young: inner.map(({ found, all }) => ({ knownSince: found.knownSince, boxes: all })),
    };
  }

  async #ask(frame: FrameRef, windowMs: number): Promise<FrameSecrets> {
    await this.#frames.findRoots(frame, { thorough: true });
    const answer = await this.#frames.run(frame, recordSecrets, windowMs);
    // The record began before the answer came: this time is certainly not too early.
    return { frame, answer, knownSince: performance.now() - answer.ageMs };
  }

  /** Where on the page the secrets of a frame were, and where all of the frame was. */
  async #place({ frame, answer }: FrameSecrets, windowMs: number): Promise<{ secret: Rect[]; all: readonly Rect[] }> {
    const { boxes: all, isStill } = await this.#whereabouts(frame, windowMs);
    if (answer.boxes.length === 0) return { secret: [], all };
    if (!isStill) return { secret: [...all], all };
    const rect = await this.#frames.rectOf(frame);
    const secret = answer.boxes.flatMap((box) => {
      const onPage = mapBox(rect.toPage, box);
      return all.map((part) => intersect(onPage, part)).filter((part) => part !== null);
    });
    return { secret, all };
  }

  async #whereabouts(frame: FrameRef, windowMs: number): Promise<Whereabouts> {
    const { parent } = frame;
    if (!parent) return { boxes: [], isStill: true };
    const [outer, track] = await Promise.all([
      this.#whereabouts(parent, windowMs),
      this.#frames.onOwner<[number], FrameTrack>(frame, trackFrame, [windowMs]),
    ]);
    if (!outer.isStill) return outer;
    if (!track.box) return { boxes: [], isStill: track.isStill };
    const { toPage } = await this.#frames.rectOf(parent);
    const onPage = mapBox(toPage, track.box);
    return { boxes: [onPage], isStill: track.isStill };
  }
}
