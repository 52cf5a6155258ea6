/** When a session's time is up [S6]: counted on a clock that never jumps, told and stored as wall time. */
import type { ServerMessageOf } from "../../protocol/live.ts";
import type { PageInput } from "../ports/page.ts";
import type { SessionRecord } from "../ports/store.ts";

/** [S7] An operator who acts has so long from then on. */
const PRESENCE_MS = 30_000;
/** What presence adds is written and told no more often: a drag acts a thousand times a second. */
const PRESENCE_EVERY_MS = 5_000;
/** [S8] The end is announced so long before it; in a short session a third of it before, but not less than a second. */
const WARN_MS = 60_000;
const WARN_SHARE = 1 / 3;
const LEAST_WARN_MS = 1_000;
/** A wall clock that differs by more was set. What corrects it little by little corrects the other clock too. */
const JUMP_MS = 2_000;
/** So often it is looked whether it was. */
const CHECK_EVERY_MS = 5_000;

/** [W32] */
export type Warning = ServerMessageOf<"expiring">;

export interface DeadlineClock {
  /** ms; never jumps, and begins anywhere. */
  readonly now: () => number;
  /** ms since 1970; may be set. */
  readonly wall: () => number;
  /** Answers the stop. */
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
  /** Its `expires_at` moves; `created_at`, which the longest time is counted from, goes along with the wall clock. */
  readonly record: Pick<SessionRecord, "created_at" | "expires_at">;
  readonly maxTimeoutSeconds: number;
  /** The record has changed, or would have but for the longest time: to be kept and told. */
  readonly onMoved: () => void;
  /** The end comes near: once each time it does. */
  readonly onExpiring: (warning: Warning) => void;
  readonly onPassed: () => void;
  readonly clock?: DeadlineClock | undefined;
}

export class SessionDeadline {
  readonly #deps: SessionDeadlineDeps;
  readonly #clock: DeadlineClock;
  /** The wall clock, had it not been set since, is `now` and this. */
  #wallAhead: number;
  #isWarned = false;
  #presentAt = -Infinity;
  /** A button is down: then moves are acts. */
  #isPressed = false;
  #cancel = () => {};
  #isOver = false;

  /** Goes on from what the record says is left: of a new session, or of one that a server before had. */
  constructor(deps: SessionDeadlineDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? SYSTEM_CLOCK;
    this.#wallAhead = this.#clock.wall() - this.#clock.now();
    this.#arm();
  }

  get leftMs(): number {
    return this.#deps.record.expires_at - this.#wallAhead - this.#clock.now();
  }

  /** For whoever comes when the end was announced and is as near as that; null otherwise. */
  get warning(): Warning | null {
    return this.#isWarned ? this.#makeWarning() : null;
  }

  /** [R12] At its longest time the deadline stays, and is told all the same. */
  extend(seconds: number): void {
    this.#followWall();
    this.#moveTo(this.#deps.record.expires_at + seconds * 1_000);
    this.#deps.onMoved();
  }

  /** [S7] An operator's input has come through: an act when little time is left makes it more. */
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

  /** The session has ended. Its record is in the time of the wall clock from here on. */
  stop(): void {
    this.#followWall();
    this.#isOver = true;
    this.#cancel();
  }

  #isAct(input: PageInput): boolean {
    if (input.type !== "mouse_event") return true;
    if (input.event_type === "move") return input.buttons === undefined ? this.#isPressed : input.buttons > 0;
    this.#isPressed = input.event_type === "down";
    return true;
  }

  /** Never earlier than it is, never beyond the longest time. Whether it has moved. */
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

  /** From the record alone: a server that is started anew comes to the same. */
  get #warnMs(): number {
    const { created_at, expires_at } = this.#deps.record;
    return Math.max(LEAST_WARN_MS, Math.min(WARN_MS, (expires_at - created_at) * WARN_SHARE));
  }

  /** The wall clock was set: the record is moved with it, and the time left stays what it is. Whether it was. */
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

  /** Timers too run on the clock that never jumps. */
  #arm(): void {
    this.#cancel();
    if (this.#isOver) return;
    const left = this.leftMs;
    const untilNext = this.#isWarned ? left : left - this.#warnMs;
    this.#cancel = this.#clock.later(() => this.#check(), Math.max(0, Math.min(untilNext, CHECK_EVERY_MS)));
  }
}
