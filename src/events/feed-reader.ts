/**
 * [R18] One reader of the feed: its topics, its position, and what it may see. While it has room, it gets each event as
 * it is published. Without room, or when it resumes, it falls behind and reads on from the log until it has caught up.
 */
import type { EventSubject } from "../protocol/events.ts";
import type { EventLog, LoggedEvent, NewEvent } from "./event-log.ts";
import { PublishedEvent } from "./published-event.ts";

/** Events that are read from the log at once; other readers have a turn then. */
const PAGE_OF_EVENTS = 200;

export interface ReaderDeps {
  readonly log: Pick<EventLog, "allAfter" | "newest">;
  readonly maySee: (subject: EventSubject) => boolean;
  /** Delivers an event; events of one reader come in order of their positions. */
  readonly deliver: (event: PublishedEvent, topics: readonly string[]) => void;
  /** Whether the reader can take another event now. */
  readonly hasRoom: () => boolean;
  /** The reader has fallen behind: catchUp() is to be called until it returns true. */
  readonly onBehind: () => void;
  /** The error if an event cannot be delivered or the log cannot be read: for the server's own log. */
  readonly onError: (error: unknown) => void;
  /** Events of its topics were lost: they could not be written or delivered. */
  readonly onMissed: () => void;
  /** The feed is closed: no event follows. */
  readonly onEnd: () => void;
}

export class FeedReader {
  readonly topics = new Set<string>();
  readonly #deps: ReaderDeps;
  /** All events up to this position were handled. */
  #position: number;
  #isLive = true;
  /** The feed is closed; the log may be too. */
  #isEnded = false;
  #isUnreadable = false;
  /** The positions that were delivered before resume() went back: they are not delivered twice. */
  #delivered = { after: 0, to: 0 };

  constructor(deps: ReaderDeps) {
    this.#deps = deps;
    this.#position = deps.log.newest;
    this.#delivered = { after: this.#position, to: this.#position };
  }

  get position(): number {
    return this.#position;
  }

  get isBehind(): boolean {
    return !this.#isLive && !this.#isEnded;
  }

  /** Takes an event that was just published, or falls behind. */
  offer(event: PublishedEvent): void {
    if (!this.#isLive || this.#isEnded || event.position <= this.#position) return;
    if (this.#deps.hasRoom()) this.#take(event);
    else this.#fallBehind();
  }

  /** These events could not be written. */
  missed(events: readonly NewEvent[]): void {
    const isOurs = ({ subject, event }: NewEvent) =>
      this.#topicsOf(new PublishedEvent({ position: 0, subject, event })).length > 0;
    if (events.some(isOurs)) this.#deps.onMissed();
  }

  /** Nothing so far counts as delivered: for a reader that subscribes to its first topics. */
  beginHere(): void {
    this.#delivered = { after: this.#position, to: this.#position };
  }

  /** Goes back to this position: delivers the events of its topics that were not delivered yet, then goes on. */
  resume(after: number): void {
    this.#delivered = { after: this.#delivered.after, to: this.#position };
    this.#position = after;
    this.#fallBehind();
  }

  /** The feed is closed: reads nothing more. */
  end(): void {
    this.#isEnded = true;
    this.#deps.onEnd();
  }

  /**
   * Reads on while there is room, one page a call; returns true once it has caught up. Throws if the log cannot be
   * read: a later call continues there.
   */
  catchUp(): boolean {
    if (this.#isLive || this.#isEnded) return true;
    const page = this.#nextPage();
    for (const logged of page) {
      if (!this.#deps.hasRoom()) return false;
      this.#take(new PublishedEvent(logged));
    }
    this.#isLive = page.length < PAGE_OF_EVENTS;
    return this.#isLive;
  }

  #take(event: PublishedEvent): void {
    const { position } = event;
    this.#position = position;
    if (position > this.#delivered.after && position <= this.#delivered.to) return;
    const topics = this.#topicsOf(event);
    if (topics.length > 0) this.#deliver(event, topics);
  }

  /** Delivers an event; if that fails, the reader is notified that it misses one. */
  #deliver(event: PublishedEvent, topics: readonly string[]): void {
    try {
      this.#deps.deliver(event, topics);
    } catch (error) {
      this.#deps.onError(error);
      this.#deps.onMissed();
    }
  }

  /** The next page of the log. An error that lasts is logged once. */
  #nextPage(): LoggedEvent[] {
    try {
      const page = this.#deps.log.allAfter(this.#position, PAGE_OF_EVENTS);
      this.#isUnreadable = false;
      return page;
    } catch (error) {
      if (!this.#isUnreadable) this.#deps.onError(error);
      this.#isUnreadable = true;
      throw error;
    }
  }

  /** The topics of the reader that this event belongs to; none if it may not see it. */
  #topicsOf({ topics, subject }: LoggedEvent & Pick<PublishedEvent, "topics">): string[] {
    const wanted = topics.filter((topic) => this.topics.has(topic));
    return wanted.length > 0 && this.#deps.maySee(subject) ? wanted : [];
  }

  #fallBehind(): void {
    if (!this.#isLive) return;
    this.#isLive = false;
    this.#deps.onBehind();
  }
}
