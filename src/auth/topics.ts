/** [R18] Permissions for topics of events. */
import { AppError } from "../errors.ts";
import { MAX_LABEL_LENGTH, parseTopic } from "../protocol/topics.ts";
import type { Caller } from "./caller.ts";
import { mayCall, mayList, type RouteAccess, type Subject } from "./permissions.ts";

/** The access that reading events requires. */
export const MAY_READ_EVENTS: RouteAccess = { scopes: ["sessions:read", "operate"], byLink: true };

/**
 * Returns the topic if this caller may subscribe to it. `field` names the request's field in errors. Throws
 * invalid_message, forbidden, and session_not_found for an unknown session or one of another key.
 */
export function checkTopic(
  given: unknown,
  field: string,
  caller: Caller,
  subjectOf: (id: string) => Subject | undefined,
): string {
  const topic = typeof given === "string" ? parseTopic(given) : null;
  if (topic === null) {
    const why = `sessions, session:<id>, session:<id>:progress, label:<up to ${MAX_LABEL_LENGTH} characters> or system`;
    throw new AppError("invalid_message", { field, topic: truncated(given), why });
  }
  if (topic.kind === "session") {
    const subject = subjectOf(topic.session_id);
    if (!subject || !mayList(caller, subject)) throw new AppError("session_not_found", { field, topic: given });
  } else if (!mayCall(caller, { scopes: MAY_READ_EVENTS.scopes }) || !mayReadLabel(caller, topic)) {
    throw new AppError("forbidden", { field, topic: given });
  }
  return given as string;
}

/** A key that may only operate may be limited to labels. */
function mayReadLabel(caller: Caller, topic: { kind: string; label?: string }): boolean {
  if (topic.label === undefined || caller.kind !== "key") return true;
  const { scopes, labels } = caller.grants;
  const isOnlyOperator = !scopes.some((scope) => scope === "ops" || scope === "sessions:read");
  return !isOnlyOperator || labels.length === 0 || labels.includes(topic.label);
}

function truncated(given: unknown): string {
  return String(typeof given === "string" ? given : JSON.stringify(given)).slice(0, 100);
}
