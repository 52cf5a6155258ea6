/** [W30] Messages that the server handles exactly once. Their ids carry the client's name and a number, which reveals a repeat. */
import type { ClientMessage } from "./live.ts";
import { isMove } from "./moves.ts";

/** The name of a client, which it draws at random. */
export const CLIENT_NAME = /^[a-z][a-z0-9]{15}$/;
/** A client's name and a growing number. No older client's ids have this form by chance. */
const NUMBERED_ID = /^([a-z][a-z0-9]{15})-([1-9][0-9]{0,14})$/;

/** Messages that do harm when handled twice. A question may be repeated, and all others matter only at the moment. */
export const HANDLED_ONCE: ReadonlySet<ClientMessage["type"]> = new Set([
  "text",
  "key",
  "mouse_event",
  "touch_event",
  "finish",
  "extend",
  "take_control",
  "release_control",
  "answer_dialog",
  "answer_pick",
  "answer_files",
  "answer_sign_in",
  "navigate",
  "window",
]);

/** Identifies one message: the client's name, and its number there, from 1. */
export interface MessageNumber {
  readonly client: string;
  readonly number: number;
}

/** The message's number; null for a message that is handled each time it arrives. */
export function numberOf(message: ClientMessage): MessageNumber | null {
  if (!HANDLED_ONCE.has(message.type) || isMove(message)) return null;
  const [, client, digits] = NUMBERED_ID.exec(String(message.id)) ?? [];
  return client === undefined ? null : { client, number: Number(digits) };
}
