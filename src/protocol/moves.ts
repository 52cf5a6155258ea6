/** [W24] Recognizes pointer moves, and replaces moves in a row by the last of them. */

interface TypedMessage {
  readonly type: string;
}

/** Whether the message moves mouse or fingers without a press or release. */
export function isMove(message: TypedMessage): boolean {
  return isPointerEvent(message, "mouse_event", "move") || isPointerEvent(message, "touch_event", "move");
}

/** Whether a button or a finger goes down. */
export function isPress(message: TypedMessage): boolean {
  return isPointerEvent(message, "mouse_event", "down") || isPointerEvent(message, "touch_event", "start");
}

/** Whether a button or a finger goes up. */
export function isRelease(message: TypedMessage): boolean {
  return (
    isPointerEvent(message, "mouse_event", "up") ||
    isPointerEvent(message, "touch_event", "end") ||
    isPointerEvent(message, "touch_event", "cancel")
  );
}

function isPointerEvent(message: TypedMessage, type: string, eventType: string): boolean {
  return message.type === type && "event_type" in message && message.event_type === eventType;
}

/** Whether the message is input. A page would notice if input overtook an earlier move. */
export function isInput({ type }: TypedMessage): boolean {
  return type === "mouse_event" || type === "touch_event" || type === "wheel" || type === "key" || type === "text";
}

/** Replaces the last message of the queue by this one if both are moves of mouse or fingers. Returns false, and changes nothing, otherwise. */
export function replaceLastMove<Message extends TypedMessage>(queue: Message[], message: Message): boolean {
  const last = queue.at(-1);
  if (last === undefined || last.type !== message.type || !isMove(last) || !isMove(message)) return false;
  queue[queue.length - 1] = withTouchesOf(last, message);
  return true;
}

/** A move of fingers names only those that have moved: the others keep what the move before says of them. */
function withTouchesOf<Message extends TypedMessage>(before: Message, move: Message): Message {
  const [earlier, later] = [touchesOf(before), touchesOf(move)];
  if (earlier === null || later === null) return move;
  const named = new Set(later.map(({ id }) => id));
  return { ...move, touches: [...earlier.filter(({ id }) => !named.has(id)), ...later] };
}

function touchesOf(message: TypedMessage): readonly { readonly id: number }[] | null {
  return "touches" in message && Array.isArray(message.touches) ? message.touches : null;
}
