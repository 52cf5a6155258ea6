/** The one way of events: into the log first, then to whoever reads the feed, follows a session or tells it by webhook. */
import { EventEmitter, once } from "node:events";
import type { Logger } from "pino";
import { isEnd } from "../protocol/common.ts";
import type { EventSubject, FeedEvent, PlacedEvent, SessionEvent } from "../protocol/events.ts";
import type { EventLog, NewEvent } from "./event-log.ts";
import { FeedReader, type ReaderDeps } from "./feed-reader.ts";
import { PublishedEvent } from "./published-event.ts";

/** Events are written together: those of so long, or so many. */
const WRITE_WITHIN_MS = 10;
const MOST_AT_ONCE = 100;

/** Events read from the log at once; a slow reader takes the next ones when it has taken these. */
const PAGE_OF_EVENTS = 100;
/** How long a stop waits for readers that are still being told the last events. */
const CLOSE_PATIENCE_MS = 500;

/** A session to follow, and what is so now, for whoever comes without a place in the log. */
export interface Followed {
  readonly uid: string;
  readonly session_id: string;
  readonly currentState: () => SessionEvent;
}

export class EventPublisher {
  readonly #log: EventLog;
  readonly #logger: Logger;
  /** Emits a session's uid when it has a new event, and `uid lost` when one could not be kept. */
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

  /** Keeps an event and tells it, within 10 ms. A log that cannot write (disk full, say) is told in the server's own log. */
  publish(subject: EventSubject, event: FeedEvent): void {
    this.#unwritten.push({ subject, event });
    if (this.#unwritten.length >= MOST_AT_ONCE) this.flush();
    else this.#writeTimer ??= setTimeout(() => this.flush(), WRITE_WITHIN_MS);
  }

  /** Writes and tells what waits for that. */
  flush(): void {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
    const events = this.#unwritten;
    if (events.length === 0) return;
    this.#unwritten = [];
    const uids = new Set(events.map(({ subject }) => subject.uid));
    const logged = this.#append(events);
    // Whoever follows must not wait for what never comes: a new stream tells what is so now.
    for (const uid of uids) this.#wakeups.emit(logged ? uid : lost(uid));
    if (!logged) for (const reader of this.#readers) this.#guarded(() => reader.missed(events));
    for (const event of logged ?? []) {
      for (const listener of this.#listeners) this.#guarded(() => listener(event));
      for (const reader of this.#readers) this.#guarded(() => reader.offer(event));
    }
  }

  /** What fails in one listener or reader is logged and costs the others, and the server, nothing. */
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

  /** Null where the log cannot write. */
  #append(events: readonly NewEvent[]): PublishedEvent[] | null {
    try {
      return this.#log.append(events).map((entry) => new PublishedEvent(entry));
    } catch (error) {
      const types = [...new Set(events.map(({ event }) => event.type))];
      this.#logger.error({ err: error, types }, "events could not be kept");
      return null;
    }
  }

  /** Calls back after every event that is kept; returns a function that stops it. What the listener throws is logged. */
  onEvent(listener: (event: PublishedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** [R18] A reader of many sessions, from now on; `leave` lets go of it. */
  read(deps: Omit<ReaderDeps, "log" | "onError">): FeedReader {
    this.flush();
    const reader = new FeedReader({ ...deps, log: this.#log, onError: (error) => this.#onError(error) });
    this.#readers.add(reader);
    return reader;
  }

  /** The position of the newest event there is. */
  get newest(): number {
    this.flush();
    return this.#log.newest;
  }

  /** False where some of what came after this position may have been removed. */
  isKeptAfter(position: number): boolean {
    return position >= this.#log.removedTo;
  }

  /** How many events the slowest reader has yet to be told. */
  get lag(): number {
    const slowest = Math.min(this.#log.newest, ...[...this.#readers].map(({ position }) => position));
    return this.#log.newest - slowest + this.#unwritten.length;
  }

  /** Removes events from before a time (ms since 1970), but no ends. */
  removeBefore(time: number): void {
    this.#log.removeBefore(time);
  }

  unsubscribe(reader: FeedReader): void {
    this.#readers.delete(reader);
  }

  /**
   * [R14] The events of a session after a position (0: all that are logged), to its end. Without a position, or with one
   * that is not known any more, what is so now comes first; of an ended session its end alone. A position of an
   * earlier session with the same id goes on with that one. Null where the end itself was at that position. Where the
   * session has ended and the log could not be told so, what is so now comes behind what is kept.
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

  /** What is so now, where the session has ended and nothing in the log says so; null otherwise. */
  #unwrittenEnd({ uid, currentState }: Followed): SessionEvent | null {
    const now = currentState();
    if (now.type !== "session.state" || !isEnd(now.data.state)) return null;
    const last = this.#log.last(uid)?.event;
    const isLogged = last?.type === "session.ended" || (last?.type === "session.state" && isEnd(last.data.state));
    return isLogged ? null : now;
  }

  /** Ends all following, once the events that there are have been told or a moment has passed. */
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
        // Nothing runs between the reading above and this listening, so no event can be missed.
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
