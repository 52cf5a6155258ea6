/** The messages that a session sends to its operators about its own state and its end. */
import { CODES, type Code } from "../../errors.ts";
import type { ServerMessage, ServerMessageOf } from "../../protocol/live.ts";
import type { Disconnect } from "../operators/operators.ts";
import type { SessionRecord } from "../ports/store.ts";

/** [W18] The state and the deadline, as operators get them. */
export function stateMessage({ state, reason, expires_at }: SessionRecord): ServerMessageOf<"session_state"> {
  return { type: "session_state", state, reason, expires_at: new Date(expires_at).toISOString() };
}

/** [W6] The last messages of an ended session, and the code that its sockets close with. */
export function disconnectAtEnd(record: SessionRecord, reason: Code): Disconnect {
  const { message } = CODES[reason];
  if (record.state === "solved") {
    const messages: ServerMessage[] = [{ type: "completed", message, verified: record.verified }];
    return { messages, closeCode: 1000, reason: "completed" };
  }
  const { close } = reason === "shutting_down" ? CODES.shutting_down : CODES.session_ended;
  const error: ServerMessage = { type: "error", code: reason, message, details: null };
  return { messages: [stateMessage(record), error], closeCode: close, reason };
}
