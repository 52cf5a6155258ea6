/** The one way of events: into the log first, then to whoever follows a session or tells it by webhook. */
import { EventEmitter, once } from "node:events";
import type { Logger } from "pino";
import type { PlacedEvent, SessionEvent } from "../protocol/events.ts";
import type { EventLog } from "./event-log.ts";
import { isEnd } from "./state.ts";

/** Events read from the log at once; a slow reader takes the next ones when it has taken these. */
const PAGE_OF_EVENTS = 100;
/** How long a stop waits for readers that are still being told the last events. */
const CLOSE_PATIENCE_MS = 500;

/** A session to follow, and what is so now, for whoever comes without a place in the log. */
export interface Followed {
  readonly uid: string;
  readonly session_id: string;
  readonly present: () => SessionEvent;
}

export class EventFeed {
  readonly #log: EventLog;
  readonly #logger: Logger;
  /** Emits a session's uid when it has a new event, and `uid lost` when one could not be kept. */
  readonly #news = new EventEmitter().setMaxListeners(0);
  readonly #followers = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(log: EventLog, logger: Logger) {
    this.#log = log;
    this.#logger = logger;
  }

  /** Keeps an event and tells it. A log that cannot write (disk full, say) is told in the server's own log. */
  publish(uid: string, event: SessionEvent): void {
    try {
      this.#log.append(uid, event);
    } catch (error) {
      this.#logger.error({ err: error, type: event.type }, "event could not be kept");
      // Whoever follows must not wait for what never comes: a new stream tells what is so now.
      this.#news.emit(lost(uid));
      return;
    }
    this.#news.emit(uid);
    this.#news.emit("any", event, uid);
  }

  /** Calls back after every event, with its session's uid; answers the stop. */
  onEvent(listener: (event: SessionEvent, uid: string) => void): () => void {
    this.#news.on("any", listener);
    return () => this.#news.off("any", listener);
  }

  /**
   * [R14] The events of a session after a position (0: all that are kept), to its end. Without a position, or with one
   * that is not known any more, what is so now comes first; of an ended session its end alone. A position of an
   * earlier session with the same id goes on with that one. Null where the end itself was at that position. Where the
   * session has ended and the log could not be told so, what is so now comes behind what is kept.
   */
  follow(session: Followed, after: number | undefined, signal: AbortSignal): AsyncIterable<PlacedEvent> | null {
    const known = after === undefined ? undefined : this.#log.at(after);
    if (after === 0) return this.#follow(session.uid, 0, [], signal, session);
    if (known && known.event.data.session_id === session.session_id) {
      if (known.event.type === "session.ended") return null;
      const followed = known.uid === session.uid ? session : undefined;
      return this.#follow(known.uid, known.position, [], signal, followed);
    }
    const last = this.#log.last(session.uid);
    if (last?.event.type === "session.ended") return this.#follow(session.uid, last.position - 1, [], signal);
    const position = last?.position ?? 0;
    return this.#follow(session.uid, position, [{ position, event: session.present() }], signal);
  }

  /** What is so now, where the session has ended and nothing in the log says so; null otherwise. */
  #unwrittenEnd({ uid, present }: Followed): SessionEvent | null {
    const now = present();
    if (now.type !== "session.state" || !isEnd(now.data.state)) return null;
    const last = this.#log.last(uid)?.event;
    const isTold = last?.type === "session.ended" || (last?.type === "session.state" && isEnd(last.data.state));
    return isTold ? null : now;
  }

  /** Ends all following, once the events that there are have been told or a moment has passed. */
  async close(): Promise<void> {
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
    this.#news.once(lost(uid), onLost);
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
        await once(this.#news, uid, { signal: stopped }).catch(() => {});
      }
    } finally {
      this.#news.off(lost(uid), onLost);
      this.#followers.delete(followed.promise);
      followed.resolve();
    }
  }
}

function lost(uid: string): string {
  return `${uid} lost`;
}
