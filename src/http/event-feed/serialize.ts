/** [R18] Events as text, made once for all readers that get the same. */
import type { PublishedEvent } from "../../events/published-event.ts";
import type { FeedEvent, SessionEvent } from "../../protocol/events.ts";

/** An event as text: for the owner of its session, and for others. */
type Texts = { own?: string; others?: string };
const texts = new WeakMap<PublishedEvent, Texts>();

/** The message of the events socket, without its topic, its number and its closing brace. */
export function serializeEvent(published: PublishedEvent, isOwn: boolean): string {
  const known = texts.get(published) ?? {};
  texts.set(published, known);
  const name = isOwn ? "own" : "others";
  known[name] ??= textOf(published, isOwn);
  return known[name];
}

function textOf({ position, event }: PublishedEvent, isOwn: boolean): string {
  const { type, id, timestamp, data } = isOwn ? event : withoutResult(event);
  return JSON.stringify({ type, id, timestamp: Date.parse(timestamp), event: position, data }).slice(0, -1);
}

/** Without the operator's note, the evidence and what contradicted it, which only the owner of the session may read [R11]. */
export function withoutResult<Event extends FeedEvent | SessionEvent>(event: Event): Event {
  if (event.type !== "session.ended") return event;
  return { ...event, data: { ...event.data, note: null, evidence: [], contradicted_by: [] } };
}
