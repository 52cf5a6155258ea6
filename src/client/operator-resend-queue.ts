// What is said while the line is away, and what went out on it and was not confirmed: words are kept in their order,
// stale hands are not. An old press must not land on a new picture.
import type { ClientMessage, ClientMessageInput, ServerMessage } from "../protocol/live.ts";
import { MessageNumbers } from "./message-numbers.ts";
import { MOST_QUEUED, type OutgoingQueue } from "./send-queue.ts";

export type Message = ClientMessageInput;

export type StampedMessage = ServerMessage & { timestamp?: number; reply_to?: string | number };

/** A person who types through an outage gets by with this; a program that shouts into it does not fill the memory. */
/** Older than this, a press was aimed at a picture that nobody sees any more. */
export const PRESS_FRESH_MS = 2_000;
/** A press that was let go of further away was a drag. Its moves are lost, so it is not what the hand did. */
export const CLICK_PX = 5;

/** On so many lines one message is said: where each of them breaks, it may be the message that breaks them. */
export const MOST_SOCKETS = 10;

/** What says how things are at this moment: on the next line it is said anew, or means nothing. @type {ReadonlySet<ClientMessage["type"]>} */
const OF_THE_MOMENT: ReadonlySet<ClientMessage["type"]> = new Set(["wheel", "ack", "ping", "pong", "heartbeat"]);

interface Kept {
  readonly message: Message;
  readonly at: number;
  readonly sockets: number;
}

/** Oldest first. @type {Kept[]} */
/** What was pressed and not let go of, by name: whether the press went out, or waits here. @type {Map<string, "sent" | Kept>} */
/** What went out on this line and may not have arrived, oldest first. @type {Kept[]} */
/** A server that does not confirm would do repeats twice. */
export class OperatorResendQueue implements OutgoingQueue<Message> {
  readonly #limit: number;
  #kept: Kept[] = [];
  readonly #down = new Map<string, "sent" | Kept>();
  readonly #numbers = new MessageNumbers();
  #unconfirmed: Kept[] = [];
  #confirms = false;

  constructor(limit = MOST_QUEUED) {
    this.#limit = limit;
  }

  /** Of those that were never sent. */
  get size(): number {
    return this.#kept.filter(({ sockets }) => sockets === 0).length;
  }

  /** The name by which the server knows whose messages these are. */
  get client(): string {
    return this.#numbers.client;
  }

  /** The message as it is to be said, so that it is done once [W30]. @param {Message} message */
  stamp(message: Message): Message {
    return this.#numbers.stamp(message);
  }

  /**
   * A message went out on the line: its press, if it is one, is down now, and until the server confirms it, it may have
   * to be said again. Of too many the oldest is not.
   * @param {Message} message
   * @param {number} now ms
   */
  sent(message: Message, now: number): void {
    this.#noteUnconfirmed({ message, at: now, sockets: 1 });
    const name = pressName(message);
    if (name === null) return;
    if (isDown(message)) this.#down.set(name, "sent");
    else this.#down.delete(name);
  }

  /**
   * Learns from what the server says which messages need not be said again.
   * @param {M} message
   * @returns {M | null} as whoever sent the message knows it; null: said to this outbox only
   */
  heard(message: StampedMessage): StampedMessage | null {
    if (message.type === "session_info") this.#confirms = message.confirms === true;
    const { reply_to: replyTo, ...rest } = message;
    const number = this.#numbers.numberOf(replyTo);
    if (number === null) return message;
    const isDone = message.type === "done";
    // What came before it on the line was dealt with before it.
    this.#unconfirmed = this.#unconfirmed.filter(({ message: { id } }) => {
      const one = this.#numbers.numberOf(id) ?? 0;
      return isDone ? one > number : one !== number;
    });
    if (isDone) return null;
    const ownId = this.#numbers.ownId(number);
    return ownId === undefined ? rest : { ...rest, reply_to: ownId };
  }

  /**
   * Keeps a message for the next line.
   * @param {Message} message
   * @param {number} now ms
   * @returns {boolean} false: it is stale already, belongs to a press that is not kept, or there is no room
   */
  keep(message: Message, now: number): boolean {
    this.#recall();
    if (OF_THE_MOMENT.has(message.type) || isMove(message)) return false;
    const name = pressName(message);
    if (name !== null && !isDown(message)) return this.#keepUp(name, message, now);
    if (name !== null && isMouse(message) && this.#isKept(this.#down.get(name))) return false; // it is down already
    // Only the newest wish counts, in the place of the newest.
    if (message.type === "view") this.#remove((kept) => kept.message.type === "view");
    const kept = this.#add(message, now);
    if (name !== null && kept !== null) this.#down.set(name, kept);
    return kept !== null;
  }

  /**
   * Everything that may still be said, in the order in which it was; empty afterwards.
   * @param {number} now ms
   * @returns {Message[]}
   */
  take(now: number): Message[] {
    this.#recall();
    this.#remove(({ sockets }) => sockets > 0 && (!this.#confirms || sockets >= MOST_SOCKETS));
    this.#dropStale(now);
    // A press without its release yet is dropped with it: nothing is to stay down for longer than the hand meant.
    for (const [name, down] of this.#down) if (down !== "sent" && isMouse(down.message)) this.#drop(name, down);
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
    if (!this.#confirms || this.#numbers.numberOf(message.id) === null) return;
    if (this.#unconfirmed.some((known) => known.message === message)) return;
    this.#unconfirmed.push(sent);
    if (this.#unconfirmed.length > this.#limit) this.#unconfirmed.shift();
  }

  /** The line is gone: what was not confirmed waits for the next one, before all that is said meanwhile. */
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
        if (down && isMouse(kept.message))
          this.#remove((one) => one === kept); // it is down already
        else downs.set(name, kept);
        continue;
      }
      downs.delete(name);
      // A drag is not what the hand did without its moves.
      if (down && !isClick(down.message, kept.message)) this.#remove((one) => one === down);
    }
    for (const [name, down] of downs) this.#down.set(name, down);
  }

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

  /** A release is as old as its press. @param {number} now */
  #dropStale(now: number): void {
    const stale = new Set<string>();
    this.#remove(({ message, at }) => {
      const name = isMouse(message) ? pressName(message) : null;
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

/** Which button or key a press or release is about; null for all else. @param {Message} message */
function pressName(message: Message): string | null {
  if (message.type === "key") return `key ${message.code || message.key}`;
  return isMouse(message) && !isMove(message) ? `button ${message.button ?? "left"}` : null;
}

function isMouse(message: Message): message is Extract<Message, { type: "mouse_event" }> {
  return message.type === "mouse_event";
}

function isMove(message: Message): boolean {
  return isMouse(message) && message.event_type === "move";
}

function isDown(message: Message): boolean {
  return (message.type === "key" || isMouse(message)) && message.event_type === "down";
}

/** Keys have no way to go. @param {Message} down @param {Message} up */
function isClick(down: Message, up: Message): boolean {
  return !isMouse(down) || !isMouse(up) || Math.hypot(up.x - down.x, up.y - down.y) <= CLICK_PX;
}
