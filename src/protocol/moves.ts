/** [W24] Which messages are moves of the pointer, and how moves in a row become the last of them. */

interface TypedMessage {
  readonly type: string;
}

/** Whether this moves the pointer and presses or releases nothing. */
export function isMove(message: TypedMessage): boolean {
  return message.type === "mouse_event" && "event_type" in message && message.event_type === "move";
}

/** Whether a page would notice this arriving before a move that was made before it. */
export function isInput({ type }: TypedMessage): boolean {
  return type === "mouse_event" || type === "wheel" || type === "key" || type === "text";
}

/** Replaces the last message of the queue if both are moves. False, and nothing changed, if one of them is not. */
export function replaceLastMove<Message extends TypedMessage>(queue: Message[], message: Message): boolean {
  const last = queue.at(-1);
  if (last === undefined || !isMove(last) || !isMove(message)) return false;
  queue[queue.length - 1] = message;
  return true;
}
