/** [R18] The feed as server-sent events: the same topics as on the events socket, for fetch, curl and EventSource. */
import { Readable } from "node:stream";
import type { Caller } from "../../auth/caller.ts";
import type { EventPublisher } from "../../events/event-publisher.ts";
import type { FeedReader } from "../../events/feed-reader.ts";
import type { PublishedEvent } from "../../events/published-event.ts";
import { withoutResult } from "./serialize.ts";
import { mayReadOf, readsResults } from "./visibility.ts";

/** Bytes that wait for one reader, besides what the system's buffers hold. */
const WAITING_BYTES = 64 * 1024;

interface FeedStreamDeps {
  readonly feed: EventPublisher;
  readonly caller: Caller;
  readonly topics: readonly string[];
  /** The position to resume after; undefined: from now on. */
  readonly after: number | undefined;
}

export class SseStream extends Readable {
  readonly #feed: EventPublisher;
  readonly #caller: Caller;
  readonly #reader: FeedReader;
  #hasRoom = true;
  #isReading = false;

  /** `head`: text that is sent before the first event. */
  constructor({ feed, caller, topics, after }: FeedStreamDeps, head: string) {
    super({ highWaterMark: WAITING_BYTES });
    this.#feed = feed;
    this.#caller = caller;
    this.#reader = feed.read({
      maySee: mayReadOf(caller),
      deliver: (event, under) => this.#deliver(event, under),
      hasRoom: () => this.#hasRoom,
      onBehind: () => this.#readOn(),
      onMissed: () => this.#end(),
      onEnd: () => this.#end(),
    });
    for (const topic of topics) this.#reader.topics.add(topic);
    this.push(head);
    if (after === undefined) {
      // An id without data: a reader that loses the line before the first event resumes from here.
      this.push(`id: ${this.#reader.position}\n\n`);
      return;
    }
    this.push(`event: resumed\ndata: ${JSON.stringify({ after, complete: feed.isKeptAfter(after) })}\n\n`);
    this.#reader.resume(after);
  }

  override _read(): void {
    this.#hasRoom = true;
    this.#readOn();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#feed.unsubscribe(this.#reader);
    done(error);
  }

  /** A page at a time, so that other readers have their turn. */
  #readOn(): void {
    if (this.#isReading || this.destroyed || !this.#reader?.isBehind) return;
    this.#isReading = true;
    setImmediate(() => {
      this.#isReading = false;
      if (!this.destroyed && !this.#isAtPresent() && this.#hasRoom) this.#readOn();
    });
  }

  /** Where the log cannot be read the stream ends. */
  #isAtPresent(): boolean {
    try {
      return this.#reader.catchUp();
    } catch {
      this.#end();
      return true;
    }
  }

  /** A client that reconnects resumes after the last event that it had. */
  #end(): void {
    this.#feed.unsubscribe(this.#reader);
    this.push(null);
  }

  #deliver({ position, event, subject }: PublishedEvent, topics: readonly string[]): void {
    const visible = readsResults(this.#caller, subject) ? event : withoutResult(event);
    const data = JSON.stringify({ ...visible, topics });
    this.#hasRoom = this.push(`id: ${position}\nevent: ${event.type}\ndata: ${data}\n\n`);
  }
}
