/** [R18] Which events of the feed a caller may see, and how much of them. */
import type { Caller } from "../../auth/caller.ts";
import { isOwner, mayList } from "../../auth/permissions.ts";
import type { EventSubject } from "../../protocol/events.ts";

/** Whether the caller sees the events of a session, its end included. Everybody sees those of the server itself. */
export function mayReadOf(caller: Caller): (subject: EventSubject) => boolean {
  return (subject) => subject.uid === "" || mayList(caller, living(subject));
}

/** Whether the end of the session has its result for this caller. */
export function readsResults(caller: Caller, subject: EventSubject): boolean {
  return isOwner(caller, living(subject));
}

function living(subject: EventSubject) {
  return { ...subject, legacy_open: false, ended_at: null };
}
