/** [W24] Recognizes pointer moves, and replaces moves in a row by the last of them. */

interface TypedMessage {
  readonly type: string;
}

/** Whether the message moves the pointer without a press or release. */
export function isMove(message: TypedMessage): boolean {
  return message.type === "mouse_event" && "event_type" in message && message.event_type === "move";
}

/** Whether the message is input. A page would notice if input overtook an earlier move. */
export function isInput({ type }: TypedMessage): boolean {
  return type === "mouse_event" || type === "wheel" || type === "key" || type === "text";
}

/** Replaces the last message of the queue by this one if both are moves. Returns false, and changes nothing, otherwise. */
export function replaceLastMove<Message extends TypedMessage>(queue: Message[], message: Message): boolean {
  const last = queue.at(-1);
  if (last === undefined || !isMove(last) || !isMove(message)) return false;
  queue[queue.length - 1] = message;
  return true;
}
