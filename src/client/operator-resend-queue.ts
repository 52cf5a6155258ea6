/**
 * The operator's messages while the connection is down, and those that went out and were not confirmed: text is kept in its
 * order, stale presses are not. An old press must not land on a new picture.
 */
import type { ClientMessage, ClientMessageInput, ServerMessage } from "../protocol/live.ts";
import { isMove, isPress } from "../protocol/moves.ts";
import { MessageNumbers } from "./message-numbers.ts";
import { MOST_QUEUED, type OutgoingQueue } from "./send-queue.ts";

export type Message = ClientMessageInput;

/** `timestamp` is on the server's clock, in ms since 1970; `reply_to` is the `id` of the message that this one answers. */
export type StampedMessage = ServerMessage & { timestamp?: number; reply_to?: string | number };

/** Older than this, a press was aimed at a picture that nobody sees any more. */
export const PRESS_FRESH_MS = 2_000;
/** A press that was released further away was a drag. Its moves are lost, so it is not what the hand did. */
export const CLICK_PX = 5;

/** One message goes out on so many sockets: when each of them breaks, it may be the message that breaks them. */
export const MOST_SOCKETS = 10;

/** These describe the present moment: on the next socket they are sent anew, or mean nothing. */
const OF_THE_MOMENT: ReadonlySet<ClientMessage["type"]> = new Set([
  "wheel",
  "ack",
  "ping",
  "pong",
  "heartbeat",
  "features",
]);

interface Kept {
  readonly message: Message;
  /** When it was first sent or queued, in ms on the connection's clock. */
  readonly at: number;
  /** How many sockets it went out on. */
  readonly sockets: number;
}

export class OperatorResendQueue implements OutgoingQueue<Message> {
  readonly #limit: number;
  /** Oldest first. */
  #kept: Kept[] = [];
  /** Buttons and keys that are down, by name: whether the press went out, or waits here. */
  readonly #down = new Map<string, "sent" | Kept>();
  readonly #numbers = new MessageNumbers();
  /** Messages that went out on this socket and may not have arrived, oldest first. */
  #unconfirmed: Kept[] = [];
  /** A server that does not confirm would handle repeats twice. */
  #confirms = false;

  constructor(limit = MOST_QUEUED) {
    this.#limit = limit;
  }

  /** Messages that were never sent. */
  get size(): number {
    return this.#kept.filter(({ sockets }) => sockets === 0).length;
  }

  /** The name by which the server knows whose messages these are. */
  get client(): string {
    return this.#numbers.client;
  }

  /** The message as it goes out, so that the server handles it once [W30]. */
  stamp(message: Message): Message {
    return this.#numbers.stamp(message);
  }

  /**
   * A message went out on the socket: a press is down now, and until the server confirms the message, it may have to be
   * resent. Beyond the limit the oldest is forgotten. `now` in ms.
   */
  sent(message: Message, now: number): void {
    this.#noteUnconfirmed({ message, at: now, sockets: 1 });
    const name = pressName(message);
    if (name === null) return;
    if (isDown(message)) this.#down.set(name, "sent");
    else this.#down.delete(name);
  }

  /**
   * Learns from a server message which messages need not be resent. Returns the message with the `reply_to` that the caller
   * knows; null for one that is meant for this queue only.
   */
  heard(message: StampedMessage): StampedMessage | null {
    if (message.type === "session_info") this.#confirms = message.confirms === true;
    const { reply_to: replyTo, ...rest } = message;
    const number = this.#numbers.numberOf(replyTo);
    if (number === null) return message;
    const isDone = message.type === "done";
    // The server handles the messages of a socket in their order.
    this.#unconfirmed = this.#unconfirmed.filter(({ message: { id } }) => {
      const one = this.#numbers.numberOf(id) ?? 0;
      return isDone ? one > number : one !== number;
    });
    if (isDone) return null;
    const ownId = this.#numbers.ownId(number);
    return ownId === undefined ? rest : { ...rest, reply_to: ownId };
  }

  /**
   * Keeps a message for the next socket. False: it is stale already, belongs to a press that is not kept, or there is no
   * room. `now` in ms.
   */
  keep(message: Message, now: number): boolean {
    this.#recall();
    if (OF_THE_MOMENT.has(message.type) || isMove(message)) return false;
    const name = pressName(message);
    // Several fingers at once are no tap: without their moves they mean nothing.
    if (name === null && isPointer(message)) return false;
    if (name !== null && !isDown(message)) return this.#keepUp(name, message, now);
    if (name !== null && isPointer(message) && this.#isKept(this.#down.get(name))) return false; // it is down already
    // Only the newest view request counts, in the place of the newest.
    if (message.type === "view") this.#remove((kept) => kept.message.type === "view");
    const kept = this.#add(message, now);
    if (name !== null && kept !== null) this.#down.set(name, kept);
    return kept !== null;
  }

  /** Every message that may still be sent, in their order; the queue is empty afterwards. `now` in ms. */
  take(now: number): Message[] {
    this.#recall();
    this.#remove(({ sockets }) => sockets > 0 && (!this.#confirms || sockets >= MOST_SOCKETS));
    this.#dropStale(now);
    // A press without its release yet is dropped: no button may stay down for longer than the hand meant.
    for (const [name, down] of this.#down) if (down !== "sent" && isPointer(down.message)) this.#drop(name, down);
    const taken = this.#kept;
    this.clear();
    for (const { message, at, sockets } of taken) {
      this.#noteUnconfirmed({ message, at, sockets: sockets + 1 });
      this.sent(message, at);
    }
    return taken.map(({ message }) => message);
  }

  clear(): void {
    this.#kept = [];
    this.#unconfirmed = [];
    this.#down.clear();
  }

  #noteUnconfirmed(sent: Kept): void {
    const { message } = sent;
    if (pressName(message) === null && isPointer(message)) return;
    if (!this.#confirms || this.#numbers.numberOf(message.id) === null) return;
    if (this.#unconfirmed.some((known) => known.message === message)) return;
    this.#unconfirmed.push(sent);
    if (this.#unconfirmed.length > this.#limit) this.#unconfirmed.shift();
  }

  /** The socket is gone: unconfirmed messages wait for the next one, ahead of all that were queued meanwhile. */
  #recall(): void {
    const recalled = this.#unconfirmed;
    this.#unconfirmed = [];
    this.#kept.unshift(...recalled);
    const downs = new Map<string, Kept>();
    for (const kept of recalled) {
      const name = pressName(kept.message);
      if (name === null) continue;
      const down = downs.get(name);
      if (isDown(kept.message)) {
        if (down && isPointer(kept.message))
          this.#remove((one) => one === kept); // it is down already
        else downs.set(name, kept);
        continue;
      }
      downs.delete(name);
      // Without its moves a drag is not what the hand did.
      if (down && !isClick(down.message, kept.message)) this.#remove((one) => one === down);
    }
    for (const [name, down] of downs) this.#down.set(name, down);
  }

  /** Keeps the release of a press that is kept itself, or went out. */
  #keepUp(name: string, message: Message, now: number): boolean {
    const down = this.#down.get(name);
    this.#down.delete(name);
    if (down === undefined) return false;
    if (down === "sent") return this.#add(message, now) !== null;
    if (!this.#isKept(down)) return false;
    if (isClick(down.message, message) && this.#add(message, now) !== null) return true;
    this.#remove((kept) => kept === down);
    return down.sockets > 0 && this.#add(message, now) !== null;
  }

  #add(message: Message, now: number): Kept | null {
    if (this.#kept.length >= this.#limit) this.#dropStale(now);
    if (this.#kept.length >= this.#limit) return null;
    const kept = { message, at: now, sockets: 0 };
    this.#kept.push(kept);
    return kept;
  }

  /** A release is as old as its press. */
  #dropStale(now: number): void {
    const stale = new Set<string>();
    this.#remove(({ message, at }) => {
      const name = isPointer(message) ? pressName(message) : null;
      if (name === null) return false;
      if (!isDown(message)) return stale.delete(name) || now - at > PRESS_FRESH_MS;
      if (now - at > PRESS_FRESH_MS) stale.add(name);
      return stale.has(name);
    });
  }

  #isKept(down: "sent" | Kept | undefined): boolean {
    return down !== undefined && down !== "sent" && this.#kept.includes(down);
  }

  #drop(name: string, down: Kept): void {
    this.#down.delete(name);
    this.#remove((kept) => kept === down);
  }

  #remove(isGone: (kept: Kept) => boolean): void {
    this.#kept = this.#kept.filter((kept) => !isGone(kept));
  }
}

/** The button, key or finger of a press or release; null for all else, and for several fingers at once. */
function pressName(message: Message): string | null {
  if (message.type === "key") return `key ${message.code || message.key}`;
  if (isMove(message)) return null;
  if (message.type === "mouse_event") return `button ${message.button ?? "left"}`;
  const [finger, another] = message.type === "touch_event" ? message.touches : [];
  return finger && !another ? `finger ${finger.id}` : null;
}

/** A press at a place: of a button or of one finger. */
function isPointer(message: Message): boolean {
  return message.type === "mouse_event" || message.type === "touch_event";
}

function pointOf(message: Message): { readonly x: number; readonly y: number } | undefined {
  if (message.type === "mouse_event") return message;
  return message.type === "touch_event" ? message.touches[0] : undefined;
}

function isDown(message: Message): boolean {
  return isPress(message) || (message.type === "key" && message.event_type === "down");
}

/** A key always is one: it does not move. */
function isClick(down: Message, up: Message): boolean {
  const [from, to] = [pointOf(down), pointOf(up)];
  return !from || !to || Math.hypot(to.x - from.x, to.y - from.y) <= CLICK_PX;
}
