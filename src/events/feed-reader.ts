/**
 * [R18] One reader of the feed: its topics, its place, and what it may see. While it has room it is handed each event as it
 * comes; where it has none, or asks for what it missed, it reads on from the log until it is back at the present.
 */
import type { EventSubject } from "../protocol/events.ts";
import type { EventLog, LoggedEvent, NewEvent } from "./event-log.ts";
import { PublishedEvent } from "./published-event.ts";

/** Read from the log at once; others have a turn then. */
const PAGE_OF_EVENTS = 200;

export interface ReaderDeps {
  readonly log: Pick<EventLog, "allAfter" | "newest">;
  readonly maySee: (subject: EventSubject) => boolean;
  /** Takes an event; those of one reader come in order of their positions. */
  readonly deliver: (event: PublishedEvent, topics: readonly string[]) => void;
  /** Whether it can take another one now. */
  readonly hasRoom: () => boolean;
  /** It is not at the present any more; catchUp() is to be called until that says so. */
  readonly onBehind: () => void;
  /** Why an event could not be delivered, or the log not be read: for the server's own log. */
  readonly onError: (error: unknown) => void;
  /** Events of its topics could not be kept or delivered, and will never come. */
  readonly onMissed: () => void;
  /** The feed is closed: nothing more comes. */
  readonly onEnd: () => void;
}

export class FeedReader {
  readonly topics = new Set<string>();
  readonly #deps: ReaderDeps;
  /** Up to here everything was looked at. */
  #position: number;
  #isLive = true;
  /** The log may be gone. */
  #isEnded = false;
  #isUnreadable = false;
  /** What was told before it asked for what came before that. */
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

  /** An event that has just come. */
  offer(event: PublishedEvent): void {
    if (!this.#isLive || this.#isEnded || event.position <= this.#position) return;
    if (this.#deps.hasRoom()) this.#take(event);
    else this.#fallBehind();
  }

  /** Events that could not be kept. */
  missed(events: readonly NewEvent[]): void {
    const isOurs = ({ subject, event }: NewEvent) =>
      this.#topicsOf(new PublishedEvent({ position: 0, subject, event })).length > 0;
    if (events.some(isOurs)) this.#deps.onMissed();
  }

  /** Nothing up to now counts as told: for a reader that begins to ask for topics. */
  beginHere(): void {
    this.#delivered = { after: this.#position, to: this.#position };
  }

  /** Tells what its topics had after this position and was not told yet, then goes on. */
  resume(after: number): void {
    this.#delivered = { after: this.#delivered.after, to: this.#position };
    this.#position = after;
    this.#fallBehind();
  }

  /** The feed is closed: nothing more is read. */
  end(): void {
    this.#isEnded = true;
    this.#deps.onEnd();
  }

  /**
   * Reads on while there is room, one page a call; true once it is at the present. Throws where the log cannot be read:
   * a later call goes on from there.
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

  /** A reader that could not take an event has to know that it lacks one. */
  #deliver(event: PublishedEvent, topics: readonly string[]): void {
    try {
      this.#deps.deliver(event, topics);
    } catch (error) {
      this.#deps.onError(error);
      this.#deps.onMissed();
    }
  }

  /** A log that stays unreadable is logged once. */
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

  /** Those that it is told this event under. */
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
