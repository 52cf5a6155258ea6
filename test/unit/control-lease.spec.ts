/** [W16] [W29] Who may be in control: a watcher never. */
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "@playwright/test";
import { ControlLease } from "../../src/session/operators/control-lease.ts";

const WATCHER = { name: "watcher", role: "watch" } as const;
const OPERATOR = { name: "operator", role: "control" } as const;

test("[W16] [W29] joining, pressing and asking give a watcher no control, also where nobody has it", () => {
  const lease = new ControlLease(() => {});
  lease.join(WATCHER);
  lease.take(WATCHER);
  expect(lease.press(WATCHER)).toBe(false);
  expect(lease.act(WATCHER)).toBe(false);
  expect(lease.holder).toBeNull();
});

test("[W16] [W29] a watcher takes nothing from who is in control", () => {
  const lease = new ControlLease(() => {});
  lease.join(WATCHER);
  lease.join(OPERATOR);
  lease.take(WATCHER);
  lease.release(WATCHER);
  expect(lease.press(WATCHER)).toBe(false);
  expect(lease.holder).toBe(OPERATOR);
  expect(lease.press(OPERATOR)).toBe(true);
});

const ANN = { name: "operator-1", who: "link:ann" };
const ANN_AGAIN = { name: "operator-2", who: "link:ann" };
const BEA = { name: "operator-3", who: "link:bea" };
const NOBODY_KNOWS = { name: "operator-4", who: null };

test("[W16] control waits for a holder who is recognised: who joins meanwhile has not got it, who comes back has", () => {
  const lease = new ControlLease(() => {});
  lease.join(ANN);
  lease.leave(ANN);
  lease.join(BEA);
  lease.join(NOBODY_KNOWS);
  expect([lease.holder, lease.isUsed, lease.press(BEA)]).toEqual([ANN, false, false]);
  lease.join(ANN_AGAIN);
  expect([lease.holder, lease.isUsed]).toEqual([ANN_AGAIN, false]);
  expect([lease.act(ANN_AGAIN), lease.isUsed]).toEqual([true, true]);
  lease.stop();
});

test("[W16] another line of the same person has it with a press; anybody has it by asking", () => {
  const ways = [(lease: ControlLease) => lease.press(ANN_AGAIN), (lease: ControlLease) => lease.take(BEA)];
  for (const take of ways) {
    const lease = new ControlLease(() => {});
    lease.join(ANN);
    lease.join(ANN_AGAIN);
    expect(lease.holder).toBe(ANN);
    lease.leave(ANN);
    take(lease);
    expect(lease.holder).not.toBe(ANN);
    lease.stop();
  }
});

test("[W16] it is free, and told, once a holder has been away for so long; not of one who is back", async () => {
  const free = Promise.withResolvers<void>();
  const lease = new ControlLease(() => free.resolve(), 20);
  lease.join(ANN);
  lease.leave(ANN);
  await free.promise;
  expect(lease.holder).toBeNull();
  const kept = new ControlLease(() => {
    throw new Error("told");
  }, 20);
  kept.join(ANN);
  kept.leave(ANN);
  kept.join(ANN_AGAIN);
  await delay(40);
  expect(kept.holder).toBe(ANN_AGAIN);
});

test("[W16] a holder nobody would recognise frees it at once", () => {
  const lease = new ControlLease(() => {});
  lease.join(NOBODY_KNOWS);
  lease.leave(NOBODY_KNOWS);
  expect(lease.holder).toBeNull();
});
