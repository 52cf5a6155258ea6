/** [R18] The topics that a reader of events may subscribe to. */
import { SESSION_ID_PATTERN } from "./common.ts";

/** Events of all sessions that the reader may see. */
export const SESSIONS_TOPIC = "sessions";
/** Events of the server itself. */
export const SYSTEM_TOPIC = "system";
/** The longest label of a session, in characters. */
export const MAX_LABEL_LENGTH = 200;
/** The most topics of one message or request. */
export const MOST_TOPICS_AT_ONCE = 100;
/** The most topics of one reader. */
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

/** The progress of one session. It is a topic of its own, as these events are frequent. */
export function progressTopic(id: string): string {
  return SESSION + id + PROGRESS;
}

export function labelTopic(label: string): string {
  return LABEL + label;
}

/** The subject of a topic; null for text that is no topic. */
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
