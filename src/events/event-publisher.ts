/**
 * Publishes all events: writes them to the log first, then hands them to listeners, readers of the feed and followers
 * of a session.
 */
import { EventEmitter, once } from "node:events";
import type { Logger } from "pino";
import { isEnd } from "../protocol/common.ts";
import type { EventSubject, FeedEvent, PlacedEvent, SessionEvent } from "../protocol/events.ts";
import type { EventLog, NewEvent } from "./event-log.ts";
import { FeedReader, type ReaderDeps } from "./feed-reader.ts";
import { PublishedEvent } from "./published-event.ts";

/** Events are written in batches: those of this time, or this many. */
const WRITE_WITHIN_MS = 10;
const MOST_AT_ONCE = 100;

/** Events that a follower reads from the log at once; a slow one reads the next page when it has taken these. */
const PAGE_OF_EVENTS = 100;
/** How long close() waits for followers that are still taking the last events. */
const CLOSE_PATIENCE_MS = 500;

/** A session to follow; `currentState` is the event for a follower without a position in the log. */
export interface Followed {
  readonly uid: string;
  readonly session_id: string;
  readonly currentState: () => SessionEvent;
}

export class EventPublisher {
  readonly #log: EventLog;
  readonly #logger: Logger;
  /** Emits a session's uid when it has a new event, and `uid lost` when one could not be written. */
  readonly #wakeups = new EventEmitter().setMaxListeners(0);
  readonly #listeners = new Set<(event: PublishedEvent) => void>();
  readonly #readers = new Set<FeedReader>();
  readonly #followers = new Set<Promise<void>>();
  #unwritten: NewEvent[] = [];
  #writeTimer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor(log: EventLog, logger: Logger) {
    this.#log = log;
    this.#logger = logger;
  }

  /**
   * Writes an event and hands it out, within 10 ms. Never throws: a failed write (disk full, say) is logged in the
   * server's own log.
   */
  publish(subject: EventSubject, event: FeedEvent): void {
    this.#unwritten.push({ subject, event });
    if (this.#unwritten.length >= MOST_AT_ONCE) this.flush();
    else this.#writeTimer ??= setTimeout(() => this.flush(), WRITE_WITHIN_MS);
  }

  /** Writes and hands out all waiting events now. */
  flush(): void {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
    const events = this.#unwritten;
    if (events.length === 0) return;
    this.#unwritten = [];
    const uids = new Set(events.map(({ subject }) => subject.uid));
    const logged = this.#append(events);
    // A follower must not wait for a lost event: its stream ends, and a new one begins with the current state.
    for (const uid of uids) this.#wakeups.emit(logged ? uid : lost(uid));
    if (!logged) for (const reader of this.#readers) this.#guarded(() => reader.missed(events));
    for (const event of logged ?? []) {
      for (const listener of this.#listeners) this.#guarded(() => listener(event));
      for (const reader of this.#readers) this.#guarded(() => reader.offer(event));
    }
  }

  /** An error in one listener or reader is logged, and does not affect the others or the server. */
  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#onError(error);
    }
  }

  #onError(error: unknown): void {
    this.#logger.error({ err: error }, "an event could not be handed on");
  }

  /** Null if the log cannot write. */
  #append(events: readonly NewEvent[]): PublishedEvent[] | null {
    try {
      return this.#log.append(events).map((entry) => new PublishedEvent(entry));
    } catch (error) {
      const types = [...new Set(events.map(({ event }) => event.type))];
      this.#logger.error({ err: error, types }, "events could not be kept");
      return null;
    }
  }

  /**
   * Calls the listener after each written event; returns a function that stops it. What the listener throws is logged.
   */
  onEvent(listener: (event: PublishedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** [R18] Adds a reader of many sessions, from now on; unsubscribe() removes it. */
  read(deps: Omit<ReaderDeps, "log" | "onError">): FeedReader {
    this.flush();
    const reader = new FeedReader({ ...deps, log: this.#log, onError: (error) => this.#onError(error) });
    this.#readers.add(reader);
    return reader;
  }

  /** The position of the newest event; writes waiting ones first. */
  get newest(): number {
    this.flush();
    return this.#log.newest;
  }

  /** False if events after this position may have been removed. */
  isKeptAfter(position: number): boolean {
    return position >= this.#log.removedTo;
  }

  /** How many events the slowest reader is behind, events that are not written yet included. */
  get lag(): number {
    const slowest = Math.min(this.#log.newest, ...[...this.#readers].map(({ position }) => position));
    return this.#log.newest - slowest + this.#unwritten.length;
  }

  /** Removes events from before this time (ms since 1970), except ends. */
  removeBefore(time: number): void {
    this.#log.removeBefore(time);
  }

  /** Removes a reader; it gets no more events. */
  unsubscribe(reader: FeedReader): void {
    this.#readers.delete(reader);
  }

  /**
   * [R14] Yields the events of a session after a position (0: all in the log), to its end. Without a position, or with
   * one that is not in the log any more, the current state comes first, or of an ended session its end alone. A
   * position of an earlier session with the same session_id continues that session. Null if the event at the position
   * is the end. If the session has ended but its end could not be written, the current state follows the events of the
   * log.
   */
  follow(session: Followed, after: number | undefined, signal: AbortSignal): AsyncIterable<PlacedEvent> | null {
    this.flush();
    const known = after === undefined ? undefined : this.#log.at(after);
    if (after === 0) return this.#follow(session.uid, 0, [], signal, session);
    const { uid } = known?.subject ?? {};
    if (known && uid !== undefined && isOf(session, known.event)) {
      if (known.event.type === "session.ended") return null;
      return this.#follow(uid, known.position, [], signal, uid === session.uid ? session : undefined);
    }
    const last = this.#log.last(session.uid);
    if (last?.event.type === "session.ended") return this.#follow(session.uid, last.position - 1, [], signal);
    const position = last?.position ?? 0;
    return this.#follow(session.uid, position, [{ position, event: session.currentState() }], signal);
  }

  /** The current state if the session has ended and the log does not say so; null otherwise. */
  #unwrittenEnd({ uid, currentState }: Followed): SessionEvent | null {
    const now = currentState();
    if (now.type !== "session.state" || !isEnd(now.data.state)) return null;
    const last = this.#log.last(uid)?.event;
    const isLogged = last?.type === "session.ended" || (last?.type === "session.state" && isEnd(last.data.state));
    return isLogged ? null : now;
  }

  /** Ends readers and followers; resolves when followers have taken the last events, or after CLOSE_PATIENCE_MS. */
  async close(): Promise<void> {
    this.flush();
    for (const reader of [...this.#readers]) reader.end();
    this.#closing.abort();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_PATIENCE_MS);
    });
    await Promise.race([Promise.all(this.#followers), late]);
    clearTimeout(timer);
  }

  async *#follow(
    uid: string,
    start: number,
    first: readonly PlacedEvent[],
    signal: AbortSignal,
    unchecked?: Followed,
  ): AsyncGenerator<PlacedEvent> {
    const followed = Promise.withResolvers<void>();
    this.#followers.add(followed.promise);
    const stop = new AbortController();
    const onLost = () => stop.abort();
    const stopped = AbortSignal.any([signal, this.#closing.signal, stop.signal]);
    this.#wakeups.once(lost(uid), onLost);
    try {
      yield* first;
      let toCheck = unchecked;
      for (let position = start; !signal.aborted; ) {
        const page = this.#log.after(uid, position, PAGE_OF_EVENTS);
        for (const placed of page) {
          yield placed;
          if (placed.event.type === "session.ended") return;
          position = placed.position;
        }
        if (page.length > 0) continue;
        const event = toCheck && this.#unwrittenEnd(toCheck);
        toCheck = undefined;
        if (event) yield { position, event };
        if (event) continue;
        if (stopped.aborted) return;
        // No other code runs between the read above and this listener, so no event can be missed.
        await once(this.#wakeups, uid, { signal: stopped }).catch(() => {});
      }
    } finally {
      this.#wakeups.off(lost(uid), onLost);
      this.#followers.delete(followed.promise);
      followed.resolve();
    }
  }
}

function isOf({ session_id }: Followed, { data }: FeedEvent): boolean {
  return "session_id" in data && data.session_id === session_id;
}

function lost(uid: string): string {
  return `${uid} lost`;
}
