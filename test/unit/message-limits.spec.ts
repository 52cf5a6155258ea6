/** The budgets of one socket, on a clock of the test's own. */
import { expect, test } from "@playwright/test";
import { type Excess, MessageLimits } from "../../src/http/sockets/message-limits.ts";

const BOUNDS = { maxMessagesPerSecond: 100, messageBurst: 200, maxMovesPerSecond: 1_000 };

function limitsOnClock(bounds = {}) {
  let now = 5_000;
  const limits = new MessageLimits({ ...BOUNDS, ...bounds }, () => now);
  return {
    limits,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

function many(count: number, act: () => boolean): number {
  return Array.from({ length: count }, act).filter(Boolean).length;
}

test("[W1] 200 messages at once, then 100 a second", () => {
  const { limits, pass } = limitsOnClock();
  expect(many(500, () => limits.mayAct("text"))).toBe(200);
  pass(500);
  expect(many(500, () => limits.mayAct("key"))).toBe(50);
  pass(60_000);
  expect(many(500, () => limits.mayAct(undefined))).toBe(200);
});

test("[W1] ack, ping, pong and heartbeat have a budget of their own, and so have moves", () => {
  const { limits, pass } = limitsOnClock();
  expect(many(300, () => limits.mayAct("text"))).toBe(200);
  for (const type of ["ack", "ping", "pong", "heartbeat"]) expect(many(250, () => limits.mayAct(type))).toBe(250);
  expect(limits.mayAct("ack")).toBe(false);
  expect(many(100, () => limits.mayMove())).toBe(100);
  pass(10_000);
  expect(many(2_000, () => limits.mayAct("ack"))).toBe(1_000);
});

test("[W24] 1,000 moves a second; the time until the next one is allowed is known", () => {
  const { limits, pass } = limitsOnClock();
  expect(many(5_000, () => limits.mayMove())).toBe(100);
  expect(limits.msUntilMove()).toBeCloseTo(1);
  let moved = 0;
  for (let ms = 0; ms < 1_000; ms += 1) {
    pass(1);
    moved += many(5, () => limits.mayMove());
  }
  expect(moved).toBeGreaterThanOrEqual(998);
  expect(moved).toBeLessThanOrEqual(1_001);
  pass(50);
  expect(limits.msUntilMove()).toBe(0);
});

test("[W1] a flood is not even read: 10,000 small messages a second, fewer large ones", () => {
  const { limits, pass } = limitsOnClock();
  expect(many(30_000, () => limits.mayRead(100))).toBe(10_000);
  pass(1_000);
  expect(many(1_000, () => limits.mayRead(64 * 1024))).toBe(78);
  pass(1_000);
  expect(many(30_000, () => limits.mayRead(0))).toBe(10_000);
});

test("[W1] what is too much is answered once a second, and ends the socket after 10 s of it", () => {
  const { limits, pass } = limitsOnClock();
  const excesses: Excess[] = [];
  for (let ms = 0; ms < 10_000; ms += 10) {
    excesses.push(limits.exceed());
    pass(10);
  }
  expect(excesses.filter((excess) => excess === "answer")).toHaveLength(10);
  expect(excesses.filter((excess) => excess === "drop")).toHaveLength(990);
  expect(limits.exceed()).toBe("close");
});

test("[W1] a flood that pauses starts again", () => {
  const { limits, pass } = limitsOnClock({ floodMs: 3_000 });
  for (let time = 0; time < 20; time += 1) {
    expect(limits.exceed()).toBe("answer");
    pass(1_500);
    expect(limits.exceed()).toBe("answer");
    pass(2_001);
  }
  expect(limits.exceed()).toBe("answer");
  pass(1_500);
  expect(limits.exceed()).toBe("answer");
  pass(1_500);
  expect(limits.exceed()).toBe("close");
});
