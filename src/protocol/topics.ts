/** [R18] What a reader of events may ask for. */
import { SESSION_ID_PATTERN } from "./common.ts";

/** All sessions that the reader may see. */
export const SESSIONS_TOPIC = "sessions";
/** The server itself. */
export const SYSTEM_TOPIC = "system";
/** The longest label, as a creation may give one. */
export const MAX_LABEL_LENGTH = 200;
/** Of one message or request, and of one reader. */
export const MOST_TOPICS_AT_ONCE = 100;
export const MOST_TOPICS = 1_000;

const SESSION = "session:";
const PROGRESS = ":progress";
const LABEL = "label:";

export type Topic =
  | { readonly kind: "sessions" | "system" }
  | { readonly kind: "session"; readonly session_id: string }
  | { readonly kind: "label"; readonly label: string };

export function sessionTopic(id: string): string {
  return SESSION + id;
}

/** How far a session is; beside its other events, as there are many. */
export function progressTopic(id: string): string {
  return SESSION + id + PROGRESS;
}

export function labelTopic(label: string): string {
  return LABEL + label;
}

/** What a topic is about; null: there is none of this form. */
export function parseTopic(text: string): Topic | null {
  if (text === SESSIONS_TOPIC || text === SYSTEM_TOPIC) return { kind: text };
  if (text.startsWith(LABEL)) {
    const label = text.slice(LABEL.length);
    return label.length > 0 && label.length <= MAX_LABEL_LENGTH ? { kind: "label", label } : null;
  }
  if (!text.startsWith(SESSION)) return null;
  // An id has no colon.
  const session_id = (text.endsWith(PROGRESS) ? text.slice(0, -PROGRESS.length) : text).slice(SESSION.length);
  return SESSION_ID_PATTERN.test(session_id) ? { kind: "session", session_id } : null;
}
