/** [R18] Events as text, made once for all readers that are told the same. */
import type { PublishedEvent } from "../../events/published-event.ts";
import type { FeedEvent, SessionEvent } from "../../protocol/events.ts";

/** What an event is for who created its session, and for others. */
type Forms = { own?: string; others?: string };
const forms = new WeakMap<PublishedEvent, Forms>();

/** The message of the events socket, without its topic, its number and its closing brace. */
export function serializeEvent(told: PublishedEvent, isOwn: boolean): string {
  const known = forms.get(told) ?? {};
  forms.set(told, known);
  const name = isOwn ? "own" : "others";
  known[name] ??= formOf(told, isOwn);
  return known[name];
}

function formOf({ position, event }: PublishedEvent, isOwn: boolean): string {
  const { type, id, timestamp, data } = isOwn ? event : withoutResult(event);
  return JSON.stringify({ type, id, timestamp: Date.parse(timestamp), event: position, data }).slice(0, -1);
}

/** [R11] is for who created the session; others learn how it ended, and no more. */
export function withoutResult<Event extends FeedEvent | SessionEvent>(event: Event): Event {
  if (event.type !== "session.ended") return event;
  return { ...event, data: { ...event.data, note: null, evidence: [] } };
}
