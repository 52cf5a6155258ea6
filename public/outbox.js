// What is said while the line is away: words are kept in their order, stale hands are not. An old press must not land on
// a new picture.

/** @import { ClientMessage, ClientMessageInput } from "../src/protocol/live.ts" */
/** @typedef {ClientMessageInput} Message */

/** A person who types through an outage gets by with this; a program that shouts into it does not fill the memory. */
export const MOST_QUEUED = 100;
/** Older than this, a press was aimed at a picture that nobody sees any more. */
export const PRESS_FRESH_MS = 2_000;
/** A press that was let go of further away was a drag. Its moves are lost, so it is not what the hand did. */
export const CLICK_PX = 5;

/** What says how things are at this moment: on the next line it is said anew, or means nothing. @type {ReadonlySet<ClientMessage["type"]>} */
const OF_THE_MOMENT = new Set(["wheel", "ack", "ping", "pong", "heartbeat"]);

/** @typedef {{ message: Message, at: number }} Kept `at` in ms on the connection's clock */

export class Outbox {
  #limit;
  /** Oldest first. @type {Kept[]} */
  #kept = [];
  /** What was pressed and not let go of, by name: whether the press went out, or waits here. @type {Map<string, "sent" | Kept>} */
  #down = new Map();

  /** @param {number} [limit] */
  constructor(limit = MOST_QUEUED) {
    this.#limit = limit;
  }

  get size() {
    return this.#kept.length;
  }

  /** A message went out on the line: its press, if it is one, is down now. @param {Message} message */
  sent(message) {
    const name = pressName(message);
    if (name === null) return;
    if (isDown(message)) this.#down.set(name, "sent");
    else this.#down.delete(name);
  }

  /**
   * Keeps a message for the next line.
   * @param {Message} message
   * @param {number} now ms
   * @returns {boolean} false: it is stale already, belongs to a press that is not kept, or there is no room
   */
  keep(message, now) {
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
  take(now) {
    this.#dropStale(now);
    // A press without its release yet is dropped with it: nothing is to stay down for longer than the hand meant.
    for (const [name, down] of this.#down) if (down !== "sent" && isMouse(down.message)) this.#drop(name, down);
    const messages = this.#kept.map(({ message }) => message);
    this.clear();
    for (const message of messages) this.sent(message);
    return messages;
  }

  clear() {
    this.#kept = [];
    this.#down.clear();
  }

  /** @param {string} name @param {Message} message @param {number} now */
  #keepUp(name, message, now) {
    const down = this.#down.get(name);
    this.#down.delete(name);
    if (down === undefined) return false;
    if (down === "sent") return this.#add(message, now) !== null;
    if (!this.#isKept(down)) return false;
    if (isClick(down.message, message) && this.#add(message, now) !== null) return true;
    this.#remove((kept) => kept === down);
    return false;
  }

  /** @param {Message} message @param {number} now @returns {Kept | null} */
  #add(message, now) {
    if (this.#kept.length >= this.#limit) this.#dropStale(now);
    if (this.#kept.length >= this.#limit) return null;
    const kept = { message, at: now };
    this.#kept.push(kept);
    return kept;
  }

  /** A release is as old as its press. @param {number} now */
  #dropStale(now) {
    /** @type {Set<string>} */
    const stale = new Set();
    this.#remove(({ message, at }) => {
      const name = isMouse(message) ? pressName(message) : null;
      if (name === null) return false;
      if (!isDown(message)) return stale.delete(name) || now - at > PRESS_FRESH_MS;
      if (now - at > PRESS_FRESH_MS) stale.add(name);
      return stale.has(name);
    });
  }

  /** @param {"sent" | Kept | undefined} down */
  #isKept(down) {
    return down !== undefined && down !== "sent" && this.#kept.includes(down);
  }

  /** @param {string} name @param {Kept} down */
  #drop(name, down) {
    this.#down.delete(name);
    this.#remove((kept) => kept === down);
  }

  /** @param {(kept: Kept) => boolean} isGone */
  #remove(isGone) {
    this.#kept = this.#kept.filter((kept) => !isGone(kept));
  }
}

/** Which button or key a press or release is about; null for all else. @param {Message} message */
function pressName(message) {
  if (message.type === "key") return `key ${message.code || message.key}`;
  return isMouse(message) && !isMove(message) ? `button ${message.button ?? "left"}` : null;
}

/** @param {Message} message @returns {message is Extract<Message, { type: "mouse_event" }>} */
function isMouse(message) {
  return message.type === "mouse_event";
}

/** @param {Message} message */
function isMove(message) {
  return isMouse(message) && message.event_type === "move";
}

/** @param {Message} message */
function isDown(message) {
  return (message.type === "key" || isMouse(message)) && message.event_type === "down";
}

/** Keys have no way to go. @param {Message} down @param {Message} up */
function isClick(down, up) {
  return !isMouse(down) || !isMouse(up) || Math.hypot(up.x - down.x, up.y - down.y) <= CLICK_PX;
}
