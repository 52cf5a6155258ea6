/** [R18] What of the feed somebody may see. */

import type { Caller } from "../../auth/caller.ts";
import { isOwner, mayList } from "../../auth/permissions.ts";
import type { EventSubject } from "../../protocol/events.ts";

/** Whose events: a reader is told of the end of what it could see, and everybody of the server itself. */
export function mayReadOf(caller: Caller): (subject: EventSubject) => boolean {
  return (subject) => subject.uid === "" || mayList(caller, living(subject));
}

/** Whether the result is in the end that it is told. */
export function readsResults(caller: Caller, subject: EventSubject): boolean {
  return isOwner(caller, living(subject));
}

function living(subject: EventSubject) {
  return { ...subject, legacy_open: false, ended_at: null };
}
