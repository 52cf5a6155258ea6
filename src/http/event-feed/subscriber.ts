/** [R18] One authenticated reader of the feed: its topics, what it is sent, and what happens if it cannot keep up. */
import { type Caller, nameOf } from "../../auth/caller.ts";
import type { Subject } from "../../auth/permissions.ts";
import { checkTopic } from "../../auth/topics.ts";
import { AppError, toAppError } from "../../errors.ts";
import type { Acknowledgements } from "../../events/event-log.ts";
import type { EventPublisher } from "../../events/event-publisher.ts";
import type { FeedReader } from "../../events/feed-reader.ts";
import { PublishedEvent } from "../../events/published-event.ts";
import type { EventSubject } from "../../protocol/events.ts";
import { MOST_TOPICS } from "../../protocol/topics.ts";
import type { BatchingSender } from "./batching-sender.ts";
import { serializeEvent } from "./serialize.ts";
import { mayReadOf, readsResults } from "./visibility.ts";

/** A reader without room is checked again so often, and given up when it has taken nothing for so long. */
const ROOM_EVERY_MS = 50;
const LAG_PATIENCE_MS = 10_000;

type RequestId = string | number | undefined;

export interface FeedSubscriberDeps {
  readonly feed: EventPublisher;
  readonly acknowledgements: Acknowledgements;
  readonly subjectOf: (id: string) => Subject | undefined;
  readonly caller: Caller;
  /** The name under which it acknowledges ends; undefined: it acknowledges none. */
  readonly reader: string | undefined;
  readonly isBatching: boolean;
  readonly outgoing: BatchingSender;
  /** Called when the connection has to be closed, as it reads too slowly. */
  readonly onTooSlow: () => void;
}

export class FeedSubscriber {
  readonly #deps: FeedSubscriberDeps;
  readonly #reader: FeedReader;
  readonly #maySee: (subject: EventSubject) => boolean;
  /** Ends are kept under this name until they are acknowledged; null: it acknowledges none. */
  readonly #name: string | null;
  #hasResumed = false;
  /** A `resume` that came before the first topic. */
  #resumeAfter: { readonly id: RequestId; readonly after: number } | null = null;
  #timer: NodeJS.Timeout | undefined;
  #deliveredAt = 0;
  #hasSentLagging = false;

  constructor(deps: FeedSubscriberDeps) {
    this.#deps = deps;
    this.#name = deps.reader === undefined ? null : `${nameOf(deps.caller)} ${deps.reader}`;
    this.#maySee = mayReadOf(deps.caller);
    this.#reader = deps.feed.read({
      maySee: this.#maySee,
      deliver: (event, topics) => this.#deliver(event, topics),
      hasRoom: () => deps.outgoing.hasRoom,
      onBehind: () => this.#onBehind(),
      onEnd: () => deps.outgoing.flush(),
      onMissed: () => this.fail(new AppError("storage_unavailable", { why: "events could not be kept" })),
    });
  }

  /** The first message. */
  welcome(): void {
    const { isBatching: batch, reader = null } = this.#deps;
    this.#answer("connected", undefined, { event: this.#reader.position, batch, reader });
  }

  /** Answers each topic that is refused with an error; the others are added. */
  subscribe(id: RequestId, topics: readonly unknown[]): void {
    // Events from before this request do not belong to these topics.
    this.#deps.feed.flush();
    const { topics: current } = this.#reader;
    const isFirst = current.size === 0;
    const added = topics.flatMap((topic, index) => this.#allowed(id, topic, `data.topics.${index}`));
    for (const topic of added) current.add(topic);
    this.#answerTopics(id);
    if (isFirst && current.size > 0) this.#begin();
    this.#sendAgain(new Set(added));
  }

  unsubscribe(id: RequestId, topics: readonly unknown[]): void {
    for (const topic of topics) this.#reader.topics.delete(String(topic));
    this.#answerTopics(id);
  }

  /** Throws AppError invalid_message for a position that is still to come, and for a second `resume`. */
  resume(id: RequestId, after: number): void {
    const field = "data.after";
    if (this.#hasResumed) throw new AppError("invalid_message", { field, why: "once a connection" });
    if (after > this.#deps.feed.newest) {
      throw new AppError("invalid_message", { field, why: "still to come", newest: this.#deps.feed.newest });
    }
    this.#hasResumed = true;
    if (this.#reader.topics.size === 0) this.#resumeAfter = { id, after };
    else this.#resumeReader(id, after);
  }

  /** Throws AppError invalid_message if the reader has no name. */
  acknowledge(event: number): void {
    if (this.#name === null) {
      throw new AppError("invalid_message", { field: "reader", why: "the connection has none: connect with ?reader=" });
    }
    this.#deps.acknowledgements.acknowledge(this.#name, event);
  }

  pong(id: RequestId): void {
    this.#answer("pong", id, null);
  }

  ping(): void {
    this.#answer("ping", undefined, null);
  }

  fail(error: AppError, id?: RequestId): void {
    this.#send({ type: "error", id: id ?? null, timestamp: Date.now(), topic: null, error: error.toWire() });
  }

  /** The position of the last event that it was sent, or that was not for it. */
  get position(): number {
    return this.#reader.position;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#deps.feed.unsubscribe(this.#reader);
  }

  #allowed(id: RequestId, topic: unknown, field: string): string[] {
    const { caller, subjectOf } = this.#deps;
    try {
      const allowed = checkTopic(topic, field, caller, subjectOf);
      if (this.#reader.topics.size >= MOST_TOPICS && !this.#reader.topics.has(allowed)) {
        throw new AppError("invalid_message", { field, why: `at most ${MOST_TOPICS} topics` });
      }
      return [allowed];
    } catch (error) {
      this.fail(toAppError(error), id);
      return [];
    }
  }

  #answerTopics(id: RequestId): void {
    this.#answer("subscribed", id, { topics: [...this.#reader.topics] });
  }

  #begin(): void {
    this.#reader.beginHere();
    const resume = this.#resumeAfter;
    this.#resumeAfter = null;
    if (resume) this.#resumeReader(resume.id, resume.after);
  }

  #resumeReader(id: RequestId, after: number): void {
    const complete = this.#deps.feed.isKeptAfter(after);
    this.#answer("resumed", id, { after, complete });
    this.#reader.resume(after);
  }

  /** Sends the ends of these topics again that it was sent before and did not acknowledge. */
  #sendAgain(topics: ReadonlySet<string>): void {
    if (this.#name === null || topics.size === 0) return;
    for (const logged of this.#deps.acknowledgements.waiting(this.#name)) {
      const published = new PublishedEvent(logged);
      const wanted = published.topics.filter((topic) => topics.has(topic));
      if (wanted.length > 0 && this.#maySee(published.subject)) this.#sendEvent(published, wanted, true);
    }
  }

  #deliver(published: PublishedEvent, topics: readonly string[]): void {
    this.#deliveredAt = performance.now();
    this.#sendEvent(published, topics, false);
    if (this.#name !== null && published.event.type === "session.ended") {
      this.#deps.acknowledgements.sent(this.#name, published.position);
    }
  }

  #sendEvent(published: PublishedEvent, topics: readonly string[], again: boolean): void {
    const isOwn = readsResults(this.#deps.caller, published.subject);
    const all = topics.length > 1 ? `,"topics":${JSON.stringify(topics)}` : "";
    const opened = `${serializeEvent(published, isOwn)},"topic":${JSON.stringify(topics[0])}${all}${again ? ',"again":true' : ""}`;
    this.#deps.outgoing.send(opened, "batched");
  }

  #onBehind(): void {
    this.#deliveredAt = performance.now();
    this.#timer ??= setTimeout(() => this.#catchUp(), 0);
  }

  #catchUp(): void {
    this.#timer = undefined;
    const progress = this.#readOn();
    if (progress === "at the present") {
      this.#hasSentLagging = false;
      return;
    }
    if (progress === "more" && this.#deps.outgoing.hasRoom) {
      this.#timer = setTimeout(() => this.#catchUp(), 0);
      return;
    }
    if (!this.#hasSentLagging) this.#answer("lagging", undefined, { event: this.#reader.position });
    this.#hasSentLagging = true;
    if (performance.now() - this.#deliveredAt > LAG_PATIENCE_MS) this.#deps.onTooSlow();
    else this.#timer = setTimeout(() => this.#catchUp(), ROOM_EVERY_MS);
  }

  /** A log that cannot be read now is tried again, as long as a reader without room is waited for. */
  #readOn(): "at the present" | "more" | "unreadable" {
    try {
      return this.#reader.catchUp() ? "at the present" : "more";
    } catch {
      return "unreadable";
    }
  }

  #answer(type: string, id: RequestId, data: object | null): void {
    this.#send({ type, id: id ?? null, timestamp: Date.now(), topic: null, data });
  }

  #send(message: object): void {
    this.#deps.outgoing.send(JSON.stringify(message).slice(0, -1), "now");
  }
}
