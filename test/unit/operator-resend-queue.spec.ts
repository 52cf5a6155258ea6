// What the queue keeps while the connection is down: text in its order, no stale presses, and never more than fits.
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { CLICK_PX, type Message, OperatorResendQueue, PRESS_FRESH_MS } from "../../src/client/operator-resend-queue.ts";
import { MOST_QUEUED } from "../../src/client/send-queue.ts";

type EventType = "down" | "move" | "up";
const mouse = (event_type: EventType, x = 0, button: "left" | "right" = "left"): Message => ({
  type: "mouse_event",
  event_type,
  x,
  y: 0,
  button,
});
const key = (event_type: "down" | "up", name = "Enter"): Message => ({
  type: "key",
  event_type,
  key: name,
  code: name,
});
const text = (words: string): Message => ({ type: "text", text: words });

/** What is kept of messages that are said 1 ms after each other, `away` ms after the last. */
function keptOf(messages: readonly Message[], away = 0, sentBefore: readonly Message[] = []): Message[] {
  const queue = new OperatorResendQueue();
  for (const message of sentBefore) queue.sent(message, 0);
  messages.forEach((message, index) => {
    queue.keep(message, index);
  });
  return queue.take(messages.length + away);
}

test("[W12] [W11] [W17] words are kept in their order, however long it takes", () => {
  const words: Message[] = [
    text("12"),
    key("down", "Backspace"),
    key("up", "Backspace"),
    text("3"),
    { type: "take_control" },
    { type: "extend", seconds: 60 },
    { type: "check_completion" },
    { type: "finish", outcome: "done" },
  ];
  expect(keptOf(words, 3_600_000)).toEqual(words);
});

test("[W4] [W10] [W15] [W8] moves, wheels, acknowledgements and pings are of the moment", () => {
  const messages: Message[] = [
    mouse("move"),
    { type: "wheel", x: 0, y: 0, delta_x: 0, delta_y: 9 },
    { type: "ack", seq: 3 },
    { type: "ping" },
    { type: "pong" },
    { type: "heartbeat" },
  ];
  for (const message of messages) expect(new OperatorResendQueue().keep(message, 0)).toBe(false);
  expect(keptOf(messages)).toEqual([]);
});

test("[W14] of view wishes the newest", () => {
  const wish = (scale: number): Message => ({ type: "view", scale });
  expect(keptOf([wish(1), text("a"), wish(2)])).toEqual([text("a"), wish(2)]);
});

test("[W4] a click is kept while it is fresh, and whole or not at all", () => {
  const click = [mouse("down", 5), mouse("up", 5 + CLICK_PX)];
  expect(keptOf(click)).toEqual(click);
  expect(keptOf(click, PRESS_FRESH_MS + 10)).toEqual([]);
  expect(keptOf([text("a"), ...click, text("b")], PRESS_FRESH_MS + 10)).toEqual([text("a"), text("b")]);
  // A release is as old as its press.
  const queue = new OperatorResendQueue();
  queue.keep(mouse("down"), 0);
  queue.keep(mouse("up"), PRESS_FRESH_MS);
  expect(queue.take(PRESS_FRESH_MS + 1)).toEqual([]);
});

test("[W4] a drag whose moves are lost is not sent, nor a press that still lasts", () => {
  expect(keptOf([mouse("down", 0), mouse("move", 50), mouse("up", 100)])).toEqual([]);
  expect(keptOf([mouse("down", 0)])).toEqual([]);
});

test("[W24] an `up` only where its `down` was sent", () => {
  expect(keptOf([mouse("up"), key("up")])).toEqual([]);
  expect(keptOf([mouse("up", 90)], 0, [mouse("down")])).toEqual([mouse("up", 90)]);
  expect(keptOf([mouse("up", 0, "right")], 0, [mouse("down")])).toEqual([]);
  expect(keptOf([mouse("up")], 0, [mouse("down"), mouse("up")])).toEqual([]);
  expect(keptOf([key("up")], 60_000, [key("down")])).toEqual([key("up")]);
  expect(keptOf([mouse("up")], PRESS_FRESH_MS + 10, [mouse("down")])).toEqual([]);
});

test("it is bounded: stale presses give way, words do not, and `keep` says when there is no room", () => {
  const queue = new OperatorResendQueue();
  queue.keep(mouse("down"), 0);
  queue.keep(mouse("up"), 0);
  for (let count = 0; count < MOST_QUEUED - 2; count += 1) expect(queue.keep(text(`${count}`), 0)).toBe(true);
  expect(queue.keep(text("too early"), PRESS_FRESH_MS)).toBe(false);
  expect(queue.keep(text("98"), PRESS_FRESH_MS + 1)).toBe(true);
  expect(queue.keep(text("99"), PRESS_FRESH_MS + 1)).toBe(true);
  expect(queue.keep(text("too many"), PRESS_FRESH_MS + 1)).toBe(false);
  expect(queue.size).toBe(MOST_QUEUED);
  const kept = queue.take(PRESS_FRESH_MS + 1);
  expect(kept).toEqual(Array.from({ length: MOST_QUEUED }, (_, index) => text(`${index}`)));
  expect(queue.size).toBe(0);
});

test("whatever is said: words stay whole and in order, and each press that is sent is let go of again", () => {
  const button = fc.constantFrom("left" as const, "right" as const);
  const message = fc.oneof(
    fc.string({ minLength: 1, maxLength: 3 }).map(text),
    fc
      .tuple(fc.constantFrom<EventType>("down", "move", "up"), fc.integer({ min: 0, max: 9 }), button)
      .map((facts) => mouse(...facts)),
  );
  const said = fc.tuple(message, fc.integer({ min: 0, max: 1_000 }));
  fc.assert(
    fc.property(fc.array(said, { maxLength: 80 }), (all) => {
      const queue = new OperatorResendQueue();
      let now = 0;
      for (const [what, pause] of all) {
        now += pause;
        queue.keep(what, now);
      }
      const kept = queue.take(now);
      const words = all.map(([what]) => what).filter(({ type }) => type === "text");
      expect(kept.filter(({ type }) => type === "text")).toEqual(words);
      const down = new Set<string>();
      for (const event of kept) {
        if (event.type !== "mouse_event") continue;
        if (event.event_type === "down") down.add(event.button ?? "");
        else expect(down.delete(event.button ?? "")).toBe(true);
      }
      expect([...down]).toEqual([]);
    }),
  );
});

test("[W44] a tap of one finger is kept like a click; a drag and several fingers are not", () => {
  const touch = (event_type: "start" | "move" | "end", ...points: readonly (readonly [number, number])[]): Message => ({
    type: "touch_event",
    event_type,
    touches: points.map(([id, x]) => ({ id, x, y: 0 })),
  });
  const tap = [touch("start", [4, 10]), touch("move", [4, 11]), touch("end", [4, 11])];
  expect(keptOf(tap)).toEqual([tap[0], tap[2]]);
  expect(keptOf([touch("start", [4, 10]), touch("end", [4, 10 + 2 * CLICK_PX])])).toEqual([]);
  expect(keptOf([touch("start", [4, 10])])).toEqual([]);
  expect(keptOf([touch("start", [4, 10], [5, 40]), touch("end", [4, 10], [5, 40])])).toEqual([]);
  expect(keptOf(tap, PRESS_FRESH_MS + 1)).toEqual([]);
  // A finger that went down on the lost socket comes up on the next one.
  expect(keptOf([touch("end", [4, 50])], 0, [touch("start", [4, 10])])).toEqual([touch("end", [4, 50])]);
});
