/** A session's deadline [S6]: counted on a monotonic clock, published and stored as wall time. */
import type { ServerMessageOf } from "../../protocol/live.ts";
import type { PageInput } from "../ports/page.ts";
import type { SessionRecord } from "../ports/store.ts";

/** [S7] The time that an operator has left after each act, at least. */
const PRESENCE_MS = 30_000;
/** The shortest interval of extensions by acts: a drag acts a thousand times a second, and each extension is stored. */
const PRESENCE_EVERY_MS = 5_000;
/** [S8] The warning comes this long before the end; in a short session a third of its time, but at least a second. */
const WARN_MS = 60_000;
const WARN_SHARE = 1 / 3;
const LEAST_WARN_MS = 1_000;
/** A larger difference means that the wall clock was set. Gradual corrections change the monotonic clock too. */
const JUMP_MS = 2_000;
/** Interval at which the wall clock is compared. */
const CHECK_EVERY_MS = 5_000;

/** [W32] The warning that the deadline is near. */
export type Warning = ServerMessageOf<"expiring">;

export interface DeadlineClock {
  /** Monotonic ms from an arbitrary start. */
  readonly now: () => number;
  /** ms since 1970; may jump when the clock is set. */
  readonly wall: () => number;
  /** Calls `work` once after `ms`; returns a function that cancels it. */
  readonly later: (work: () => void, ms: number) => () => void;
}

const SYSTEM_CLOCK: DeadlineClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  later(work, ms) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};

export interface SessionDeadlineDeps {
  /**
   * `expires_at` is changed here. `created_at`, from which the longest time counts, is moved when the wall clock is
   * set.
   */
  readonly record: Pick<SessionRecord, "created_at" | "expires_at">;
  readonly maxTimeoutSeconds: number;
  /** The deadline was moved, or was asked to but is at the longest time: the record is to be saved and published. */
  readonly onMoved: () => void;
  /** The deadline is near: called once each time it comes near. */
  readonly onExpiring: (warning: Warning) => void;
  readonly onPassed: () => void;
  readonly clock?: DeadlineClock | undefined;
}

export class SessionDeadline {
  readonly #deps: SessionDeadlineDeps;
  readonly #clock: DeadlineClock;
  /** What the wall clock is ahead of the monotonic one, ms; a change of it shows that the wall clock was set. */
  #wallAhead: number;
  #isWarned = false;
  #presentAt = -Infinity;
  /** Whether a button is down: moves are acts then. */
  #isPressed = false;
  #cancel = () => {};
  #isOver = false;

  /** Starts with the time that the record has left, of a new session or a resumed one. */
  constructor(deps: SessionDeadlineDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? SYSTEM_CLOCK;
    this.#wallAhead = this.#clock.wall() - this.#clock.now();
    this.#arm();
  }

  get leftMs(): number {
    return this.#deps.record.expires_at - this.#wallAhead - this.#clock.now();
  }

  /** The warning for an operator who joins after it was published; null if the deadline is not near. */
  get warning(): Warning | null {
    return this.#isWarned ? this.#makeWarning() : null;
  }

  /** [R12] Moves the deadline. At the longest time it stays, and onMoved() is called all the same. */
  extend(seconds: number): void {
    this.#followWall();
    this.#moveTo(this.#deps.record.expires_at + seconds * 1_000);
    this.#deps.onMoved();
  }

  /** [S7] An operator's input was replayed: if little time is left, an act extends it. */
  acted(input: PageInput): void {
    if (!this.#isAct(input)) return;
    const now = this.#clock.now();
    const left = this.leftMs;
    if (left <= 0 || left >= PRESENCE_MS || now - this.#presentAt < PRESENCE_EVERY_MS) return;
    const { record, onMoved } = this.#deps;
    if (!this.#moveTo(record.expires_at + PRESENCE_MS - left)) return;
    this.#presentAt = now;
    onMoved();
  }

  /** Stops the timers and brings the record in line with the wall clock a last time: the session has ended. */
  stop(): void {
    this.#followWall();
    this.#isOver = true;
    this.#cancel();
  }

  #isAct(input: PageInput): boolean {
    // A finger that moves is down.
    if (input.type !== "mouse_event") return true;
    if (input.event_type === "move") return input.buttons === undefined ? this.#isPressed : input.buttons > 0;
    this.#isPressed = input.event_type === "down";
    return true;
  }

  /** Moves the deadline, never to an earlier time and never beyond the longest one; returns whether it moved. */
  #moveTo(time: number): boolean {
    const { record, maxTimeoutSeconds } = this.#deps;
    const latest = record.created_at + maxTimeoutSeconds * 1_000;
    const expiresAt = Math.max(record.expires_at, Math.min(Math.round(time), latest));
    if (expiresAt === record.expires_at) return false;
    record.expires_at = expiresAt;
    if (this.leftMs > this.#warnMs) this.#isWarned = false;
    this.#arm();
    return true;
  }

  #makeWarning(): Warning {
    const expires_at = new Date(this.#deps.record.expires_at).toISOString();
    return { type: "expiring", expires_at, seconds_left: Math.max(0, Math.round(this.leftMs / 1_000)) };
  }

  /** Computed from the record alone, so that the next server warns at the same time. */
  get #warnMs(): number {
    const { created_at, expires_at } = this.#deps.record;
    return Math.max(LEAST_WARN_MS, Math.min(WARN_MS, (expires_at - created_at) * WARN_SHARE));
  }

  /**
   * If the wall clock was set, moves the record by as much, so that the time left stays the same; returns whether it
   * was.
   */
  #followWall(): boolean {
    const jump = Math.round(this.#clock.wall() - this.#clock.now() - this.#wallAhead);
    if (Math.abs(jump) <= JUMP_MS) return false;
    this.#wallAhead += jump;
    this.#deps.record.created_at += jump;
    this.#deps.record.expires_at += jump;
    return true;
  }

  #check(): void {
    const { onMoved, onExpiring, onPassed } = this.#deps;
    if (this.#followWall()) onMoved();
    const left = this.leftMs;
    if (left <= 0) {
      onPassed();
      return;
    }
    if (!this.#isWarned && left <= this.#warnMs) {
      this.#isWarned = true;
      onExpiring(this.#makeWarning());
    }
    this.#arm();
  }

  /** Timers run on the monotonic clock too. */
  #arm(): void {
    this.#cancel();
    if (this.#isOver) return;
    const left = this.leftMs;
    const untilNext = this.#isWarned ? left : left - this.#warnMs;
    this.#cancel = this.#clock.later(() => this.#check(), Math.max(0, Math.min(untilNext, CHECK_EVERY_MS)));
  }
}
