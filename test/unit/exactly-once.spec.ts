// What an operator says is done once, wherever lines break: the console's connection and the server's memory together.
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { CLICK_PX, MOST_SOCKETS, PRESS_FRESH_MS } from "../../src/client/operator-resend-queue.ts";
import { MOST_QUEUED } from "../../src/client/send-queue.ts";
import { numberOf } from "../../src/protocol/exactly-once.ts";
import { type ClientMessageInput, clientMessageSchema } from "../../src/protocol/live.ts";
import { MOST_CLIENTS, ProcessedMessages } from "../../src/session/lifecycle/processed-messages.ts";
import { type FakeSocket, newConnection } from "../support/fake-connection.ts";

type Said = ClientMessageInput & { readonly id?: string | number | undefined };
const text = (words: string): ClientMessageInput => ({ type: "text", text: words });
const mouse = (event_type: "down" | "up", x: number): ClientMessageInput => ({
  type: "mouse_event",
  event_type,
  x,
  y: 0,
  button: "left",
});
/** What tells one message of a test from another. */
function mark(message: ClientMessageInput): string {
  const { id: _id, ...rest } = message;
  return JSON.stringify(rest);
}

/** A server as far as this goes: what it remembers outlives it, what it was about to say does not. */
class Server {
  readonly done: string[] = [];
  readonly refused: string[] = [];
  readonly lost: string[] = [];
  #next: "refusal" | "death" | null = null;
  #stored: Record<string, number> = {};
  #memory = this.#restored();

  restart(): void {
    this.#memory = this.#restored();
  }

  /** The next message is refused, or is noted and then the server is killed; null: all goes well again. */
  meet(next: "refusal" | "death" | null): void {
    this.#next = next;
  }

  /** The answer, if it lived to give one. */
  hear(message: Said): object | null {
    const number = numberOf(clientMessageSchema.parse(message));
    if (number === null) return null;
    if (!this.#memory.begin(number)) return { type: "done", reply_to: message.id };
    const next = this.#next;
    this.#next = null;
    if (next === "death") {
      this.lost.push(mark(message));
      this.restart();
      return null;
    }
    if (next === "refusal") {
      this.refused.push(mark(message));
      return { type: "error", code: "not_in_control", message: "", details: null, reply_to: message.id };
    }
    this.done.push(mark(message));
    if (message.type === "finish") return { type: "completion_status", completed: false, reply_to: message.id };
    return { type: "done", reply_to: message.id };
  }

  #restored(): ProcessedMessages {
    return new ProcessedMessages({ ...this.#stored }, (done) => {
      this.#stored = done;
    });
  }
}

/** A connection, a server, and a network between them in which the test moves each message by hand. */
class World {
  readonly server = new Server();
  readonly said: string[] = [];
  readonly told: { reply_to?: string | number }[] = [];
  breaks = 0;
  #number = 0;
  readonly #line = newConnection();
  readonly #wires = new Map<FakeSocket, { heard: number; readonly answers: object[] }>();
  /** When what was said, ms. */
  readonly #saidAt = new Map<string, number>();

  constructor() {
    this.#line.connection.on("message", (message) => this.told.push(message));
    this.mend();
  }

  get now(): number {
    return this.#line.clock.time;
  }

  get connection() {
    return this.#line.connection;
  }

  say(message: ClientMessageInput): void {
    this.#saidAt.set(mark(message), this.now);
    if (this.#line.connection.send(message) !== "dropped") this.said.push(mark(message));
  }

  word(): void {
    this.say(text(`word ${++this.#number}`));
  }

  extend(): void {
    this.say({ type: "extend", seconds: ++this.#number });
  }

  finish(): void {
    this.say({ type: "finish", outcome: "done", note: `${++this.#number}`, id: "mine" });
  }

  /** Each press is at a place of its own, which the mark tells. */
  press(event_type: "down" | "up", distance: number): void {
    this.say(mouse(event_type, ++this.#number * 1_000 + distance));
  }

  click(): void {
    const at = ++this.#number * 1_000;
    this.say(mouse("down", at));
    this.say(mouse("up", at + CLICK_PX));
  }

  /** The server hears so many messages of a line, also of one that was given up: what is on its way may still arrive. */
  deliver(count: number, lineIndex: number): void {
    const { sockets } = this.#line;
    const socket = sockets[sockets.length - 1 - (lineIndex % sockets.length)];
    if (!socket) return;
    const wire = this.#wire(socket);
    for (const message of socket.sent.slice(wire.heard, wire.heard + count)) {
      wire.heard += 1;
      const answer = this.server.hear(message as Said);
      if (answer) wire.answers.push(answer);
    }
  }

  answer(count: number): void {
    const socket = this.#line.last();
    for (const answer of this.#wire(socket).answers.splice(0, count)) socket.say(answer);
  }

  break(): void {
    // More than these and the connection takes the message for the reason.
    if (this.breaks >= MOST_SOCKETS - 1 || this.#line.connection.state.name !== "CONNECTED") return;
    this.breaks += 1;
    this.#line.last().drop(1006);
  }

  mend(): void {
    if (this.#line.connection.state.name === "CONNECTED") return;
    while (this.#line.last().readyState !== 0) this.pass(100);
    this.#line.last().accept();
    this.#line.last().say({ type: "session_info", confirms: true });
    for (const message of this.#line.last().sent as Said[]) {
      if (message.type !== "mouse_event") continue;
      // Whatever was aimed at a picture that nobody sees any more is not said again.
      expect(this.now - (this.#saidAt.get(mark(message)) ?? 0)).toBeLessThanOrEqual(PRESS_FRESH_MS);
    }
  }

  pass(ms: number): void {
    this.#line.clock.pass(ms);
  }

  /** Everything arrives from now on. */
  settle(): void {
    this.mend();
    this.deliver(Number.POSITIVE_INFINITY, 0);
    this.answer(Number.POSITIVE_INFINITY);
  }

  #wire(socket: FakeSocket) {
    const wire = this.#wires.get(socket) ?? { heard: 0, answers: [] };
    this.#wires.set(socket, wire);
    return wire;
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant((world: World) => world.word()) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.extend()) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.finish()) },
  { weight: 2, arbitrary: fc.constant((world: World) => world.click()) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom("down" as const, "up" as const), fc.nat({ max: 20 })).map(
      ([event, distance]) =>
        (world: World) =>
          world.press(event, distance),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat({ max: 2 })).map(
      ([count, line]) =>
        (world: World) =>
          world.deliver(count, line),
    ),
  },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 4 }).map((count) => (world: World) => world.answer(count)) },
  { weight: 3, arbitrary: fc.constant((world: World) => world.break()) },
  { weight: 3, arbitrary: fc.constant((world: World) => world.mend()) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.server.restart()) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 1_500 }).map((ms) => (world: World) => world.pass(ms)) },
);
const refusal = { weight: 1, arbitrary: fc.constant((world: World) => world.server.meet("refusal")) };
const death = { weight: 1, arbitrary: fc.constant((world: World) => world.server.meet("death")) };

/** `part` in the order of `whole`, nothing twice. */
function expectOrdered(part: readonly string[], whole: readonly string[]): void {
  const places = part.map((one) => whole.indexOf(one));
  expect(places).not.toContain(-1);
  expect(places).toEqual([...new Set(places)].toSorted((a, b) => a - b));
}

const isWord = (marked: string) => !marked.includes("mouse_event");

test("[W30] wherever lines break: words are done once and in order, presses at most once, and old ones are not said again", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(step, refusal), { maxLength: 70, size: "max" }), (steps) => {
      const world = new World();
      for (const one of steps) one(world);
      world.settle();
      const { server, said, told } = world;
      expectOrdered(server.done, said);
      expectOrdered(server.refused, said);
      expect([...server.done, ...server.refused].filter(isWord).toSorted()).toEqual(said.filter(isWord).toSorted());
      // Who said something with an id is answered by that id; ours are nobody's business.
      for (const { reply_to } of told) expect(reply_to ?? "mine").toBe("mine");
      // Nothing is left that the next line would carry.
      server.meet(null);
      world.connection.send(text("last"));
      world.settle();
      expect(server.done.at(-1)).toBe(mark(text("last")));
      expect(server.done.filter((one) => one === mark(text("last")))).toHaveLength(1);
    }),
    { numRuns: 150 },
  );
});

test("[W30] a server that is killed between noting and doing loses that message, and does none twice", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(step, death), { maxLength: 70, size: "max" }), (steps) => {
      const world = new World();
      for (const one of steps) one(world);
      world.settle();
      const { done, lost } = world.server;
      expectOrdered(done, world.said);
      expect([...done, ...lost].filter(isWord).toSorted()).toEqual(world.said.filter(isWord).toSorted());
    }),
    { numRuns: 50 },
  );
});

/** A line that has carried `messages` and breaks before anything is confirmed; what the next one carries. */
function saidAgain(messages: readonly ClientMessageInput[], { awayMs = 0, confirms = true, lines = 1 } = {}) {
  const { connection, last, clock } = newConnection();
  const info = { type: "session_info", ...(confirms ? { confirms: true } : {}) };
  last().accept();
  last().say(info);
  for (const message of messages) connection.send(message);
  const first = last().sent;
  for (let line = 0; line < lines; line += 1) {
    last().drop(1006);
    clock.pass(awayMs);
    while (last().readyState !== 0) clock.pass(10);
    last().accept();
    last().say(info);
  }
  return { first, again: last().sent, connection };
}

test("[W30] what a lost line may not have carried is said again as it was, and nothing to a server that does not confirm", () => {
  const words: ClientMessageInput[] = [text("a"), { type: "extend", seconds: 60 }, text("b")];
  const { first, again, connection } = saidAgain(words, { awayMs: 3_600_000 });
  expect(first.map((message) => mark(message as Said))).toEqual(words.map(mark));
  expect(again).toEqual(first);
  expect(connection.queued).toBe(0);
  expect(saidAgain(words, { confirms: false }).again).toEqual([]);
});

test("[W30] [W4] of presses that went out only a fresh click is said again; an `up` also without its press", () => {
  const press = (x: number) => [mouse("down", 0), mouse("up", x)];
  const types = (said: readonly object[]) => said.map((message) => ("event_type" in message ? message.event_type : ""));
  expect(types(saidAgain(press(CLICK_PX)).again)).toEqual(["down", "up"]);
  expect(types(saidAgain(press(CLICK_PX), { awayMs: PRESS_FRESH_MS + 1 }).again)).toEqual([]);
  expect(types(saidAgain(press(CLICK_PX + 1)).again)).toEqual(["up"]);
  expect(types(saidAgain([mouse("down", 0)]).again)).toEqual([]);
  const question: ClientMessageInput = { type: "check_completion" };
  expect(saidAgain([{ type: "wheel", x: 0, y: 0, delta_x: 0, delta_y: 9 }, question]).again).toEqual([]);
});

test("[W30] what is said again is bounded in number, and a message that breaks each line it goes on is given up", () => {
  const many = Array.from({ length: MOST_QUEUED + 5 }, (_, index) => text(`${index}`));
  expect(saidAgain(many).again.map((message) => mark(message as Said))).toEqual(many.slice(5).map(mark));
  expect(saidAgain([text("too large")], { lines: MOST_SOCKETS - 1 }).again).toHaveLength(1);
  expect(saidAgain([text("too large")], { lines: MOST_SOCKETS }).again).toEqual([]);
});

test("[W30] only ids of that form are numbers, and only on messages that must not be done twice", () => {
  const parse = (message: object) => numberOf(clientMessageSchema.parse(message));
  const numbered = { type: "text", text: "a", id: "k3f9x2mbq07zt1cd-17" };
  expect(parse(numbered)).toEqual({ client: "k3f9x2mbq07zt1cd", number: 17 });
  for (const id of [17, "17", "a-17", "k3f9x2mbq07zt1cd-0", "k3f9x2mbq07zt1cd-017", "3k3f9x2mbq07zt1c-1", undefined]) {
    expect(parse({ ...numbered, id }), String(id)).toBeNull();
  }
  for (const type of ["ping", "check_completion"]) expect(parse({ type, id: numbered.id })).toBeNull();
  expect(parse({ type: "mouse_event", event_type: "move", x: 0, y: 0, id: numbered.id })).toBeNull();
});

test("[W30] a session remembers the last 32 clients, those that spoke last", () => {
  const client = (index: number) => `client${String(index).padStart(10, "0")}`;
  let stored: Readonly<Record<string, number>> = {};
  const memory = new ProcessedMessages({}, (done) => {
    stored = done;
  });
  for (let index = 0; index < MOST_CLIENTS; index += 1) memory.begin({ client: client(index), number: 5 });
  expect(memory.begin({ client: client(0), number: 5 })).toBe(false);
  expect(memory.begin({ client: client(0), number: 6 })).toBe(true);
  expect(memory.begin({ client: "newcomer00000000", number: 1 })).toBe(true);
  expect(Object.keys(stored)).toHaveLength(MOST_CLIENTS);
  for (const one of [memory, new ProcessedMessages(JSON.parse(JSON.stringify(stored)), () => {})]) {
    expect(one.begin({ client: client(0), number: 6 })).toBe(false);
    expect(one.begin({ client: client(2), number: 5 })).toBe(false);
  }
  expect(stored).not.toHaveProperty(client(1));
});
