/** A written event with the topics that it is published under. */
import type { EventSubject, FeedEvent } from "../protocol/events.ts";
import { labelTopic, progressTopic, SESSIONS_TOPIC, SYSTEM_TOPIC, sessionTopic } from "../protocol/topics.ts";
import type { LoggedEvent } from "./event-log.ts";

export class PublishedEvent implements LoggedEvent {
  readonly position: number;
  readonly subject: EventSubject;
  readonly event: FeedEvent;
  readonly topics: readonly string[];

  constructor({ position, subject, event }: LoggedEvent) {
    this.position = position;
    this.subject = subject;
    this.event = event;
    this.topics = topicsOf(event, subject.label);
  }
}

function topicsOf(event: FeedEvent, label: string | null): string[] {
  if (event.type === "system.notice") return [SYSTEM_TOPIC];
  const { session_id } = event.data;
  if (event.type === "session.progress") return [progressTopic(session_id)];
  return [sessionTopic(session_id), SESSIONS_TOPIC, ...(label === null ? [] : [labelTopic(label)])];
}
