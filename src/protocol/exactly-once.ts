/** [W30] Messages that clients number, so that a repeat of one can be told from news. */
import type { ClientMessage } from "./live.ts";

/** Drawn at random by each client. */
export const CLIENT_NAME = /^[a-z][a-z0-9]{15}$/;
/** Such a name and a number that grows: no older client's ids look like that by chance. */
const NUMBERED_ID = /^([a-z][a-z0-9]{15})-([1-9][0-9]{0,14})$/;

/** What is wrong when it is done twice. Questions may be asked again, and all else is of the moment. */
const ONCE: ReadonlySet<ClientMessage["type"]> = new Set([
  "text",
  "key",
  "mouse_event",
  "finish",
  "extend",
  "take_control",
  "release_control",
]);

/** Which message of which client. */
export interface MessageNumber {
  readonly client: string;
  readonly number: number;
}

/** Null for a message that is done each time it comes. */
export function numberOf(message: ClientMessage): MessageNumber | null {
  if (!ONCE.has(message.type) || (message.type === "mouse_event" && message.event_type === "move")) return null;
  const [, client, digits] = NUMBERED_ID.exec(String(message.id)) ?? [];
  return client === undefined ? null : { client, number: Number(digits) };
}
