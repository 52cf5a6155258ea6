/** The ports to the storage of events: the log, the acknowledgements of its readers, and the queue of webhooks. */
import type { EventSubject, FeedEvent, PlacedEvent } from "../protocol/events.ts";

/** An event that is not in the log yet. */
export interface NewEvent {
  readonly subject: EventSubject;
  readonly event: FeedEvent;
}

/** An event with its position in the log. */
export interface LoggedEvent extends NewEvent {
  readonly position: number;
}

export interface EventLog {
  /**
   * Appends events in one step, all or none, and returns them with their positions. The same step queues the delivery
   * of an event that goes to webhooks if its session has a callback. An end drops the other queued deliveries of its
   * session: nobody can act on them any more. A session has one end: a second one is left out. Throws if it cannot
   * write.
   */
  append(events: readonly NewEvent[]): LoggedEvent[];
  /** The event at a position; undefined if it was removed. */
  at(position: number): LoggedEvent | undefined;
  /** The newest event of a session. */
  last(uid: string): LoggedEvent | undefined;
  /** Up to `limit` events of a session after a position, oldest first, without progress: that is for the feed only. */
  after(uid: string, position: number, limit: number): PlacedEvent[];
  /** Up to `limit` events of all sessions and of the server after a position, oldest first, with progress. */
  allAfter(position: number, limit: number): LoggedEvent[];
  /** The position of the newest event ever written; 0 before the first. */
  readonly newest: number;
  /** Events up to this position may have been removed. */
  readonly removedTo: number;
  /** Removes events from before this time (ms since 1970), except ends: those stay as long as their sessions. */
  removeBefore(time: number): void;
}

/** The ends that a reader was sent and has not acknowledged: at most 1,000 a reader, the oldest are dropped first. */
export interface Acknowledgements {
  sent(reader: string, position: number): void;
  acknowledge(reader: string, position: number): void;
  /** The ends without acknowledgement, oldest first. */
  waiting(reader: string): LoggedEvent[];
}

/** The destination of one session's webhooks. */
export interface Callback {
  readonly url: string;
  /** Null: the server's WEBHOOK_SECRET. */
  readonly secret: string | null;
  /** Private destinations that the key may reach, as patterns of egress/destination.ts. */
  readonly allow: readonly string[];
}

/** One webhook that is to be sent. Times are ms since 1970. */
export interface Delivery extends Callback {
  /** The id of the event. */
  readonly id: string;
  readonly uid: string;
  /** Host and port of the url. */
  readonly host: string;
  /** The event as JSON. */
  readonly body: string;
  /** Failed tries so far. */
  readonly tries: number;
  /** Null before the first try. */
  readonly first_tried_at: number | null;
  readonly next_at: number;
}

/** A delivery that was given up, with its last error. */
export interface FailedDelivery {
  readonly id: string;
  readonly uid: string;
  readonly tries: number;
  readonly last_error: string;
}

/** The port to the queue of webhooks. */
export interface DeliveryQueue {
  /** Saves the callback that later events of the session are queued for. */
  saveCallback(uid: string, callback: Callback): void;
  /** The delivery with the earliest `next_at`, which may be in the future, without these ids and hosts. */
  next(without: { ids: readonly string[]; hosts: readonly string[] }): Delivery | undefined;
  /** A try has failed, and the next one is at `nextAt`. */
  retry(id: string, facts: { firstTriedAt: number; nextAt: number; error: string }): void;
  /** The delivery was received: removes it, and with a session's end also its callback and secret. */
  delivered(id: string): void;
  /**
   * The delivery is given up: it stays with its last error as long as its session. `gone` removes the callback, so that
   * nothing more is sent.
   */
  failed(id: string, error: string, gone: boolean): void;
  /** All deliveries that were given up, oldest first. */
  failures(): FailedDelivery[];
}
