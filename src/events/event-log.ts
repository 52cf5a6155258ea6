/** The ports to what is kept of events: the log of all sessions' events, and the webhooks that are still to be told. */
import type { EventSubject, FeedEvent, PlacedEvent } from "../protocol/events.ts";

/** An event that has yet to get its place. */
export interface NewEvent {
  readonly subject: EventSubject;
  readonly event: FeedEvent;
}

/** An event with its place, and the session it is of. */
export interface LoggedEvent extends NewEvent {
  readonly position: number;
}

export interface EventLog {
  /**
   * Appends events in one step, all or none, and answers them with their places. Where one goes to webhooks and the
   * session has a callback, its delivery is queued in the same step. With an end, what else was queued of that session is
   * dropped: nobody can act on it any more. A session has one end: another one is left out.
   */
  append(events: readonly NewEvent[]): LoggedEvent[];
  /** The event at a position, if it is still kept. */
  at(position: number): LoggedEvent | undefined;
  /** The newest event of a session. */
  last(uid: string): LoggedEvent | undefined;
  /** Up to `limit` events of a session after a position, oldest first; without its progress, which is for the feed. */
  after(uid: string, position: number, limit: number): PlacedEvent[];
  /** The same of all sessions and of the server itself. */
  allAfter(position: number, limit: number): LoggedEvent[];
  /** The position of the newest event there ever was; 0 before the first. */
  readonly newest: number;
  /** Events up to this position may have been removed. */
  readonly removedTo: number;
  /** Removes events from before a time (ms since 1970), but no ends: those stay as long as their sessions. */
  removeBefore(time: number): void;
}

/** Ends that a reader was sent and has not acknowledged, at most 1,000 a reader: the oldest go first. */
export interface Acknowledgements {
  sent(reader: string, position: number): void;
  acknowledge(reader: string, position: number): void;
  /** What waits, oldest first. */
  waiting(reader: string): LoggedEvent[];
}

/** Where the webhooks of one session go. */
export interface Callback {
  readonly url: string;
  /** Null: the server's own. */
  readonly secret: string | null;
  /** Private places that they may reach, as patterns that egress/destination.ts reads: those of the key. */
  readonly allow: readonly string[];
}

/** One webhook that is to be told. Times are ms since 1970. */
export interface Delivery extends Callback {
  /** The event's own id. */
  readonly id: string;
  readonly uid: string;
  /** Host and port of the url. */
  readonly host: string;
  /** The event as JSON. */
  readonly body: string;
  /** How often it was tried. */
  readonly tries: number;
  /** Null before the first try. */
  readonly first_tried_at: number | null;
  readonly next_at: number;
}

/** A delivery that was given up, and why. */
export interface FailedDelivery {
  readonly id: string;
  readonly uid: string;
  readonly tries: number;
  readonly last_error: string;
}

export interface DeliveryQueue {
  /** Where a session's events go from now on. */
  saveCallback(uid: string, callback: Callback): void;
  /** The delivery that waits longest, without those ids and hosts; `next_at` may be in the future. */
  next(without: { ids: readonly string[]; hosts: readonly string[] }): Delivery | undefined;
  /** It failed and is tried again at `nextAt`. */
  retry(id: string, facts: { firstTriedAt: number; nextAt: number; error: string }): void;
  /** It was received: forgotten, and with the session's end its callback and secret. */
  delivered(id: string): void;
  /** Given up: kept with its last error as long as its session. `gone` forgets the callback, so that nothing follows. */
  failed(id: string, error: string, gone: boolean): void;
  failures(): FailedDelivery[];
}
