/** A session's life and the lease on its control, as tables. */
import { expect, test } from "@playwright/test";
import { isEnd, SESSION_STATES, type SessionState } from "../../src/protocol/common.ts";
import { MOVES, move } from "../../src/session/lifecycle/state-machine.ts";
import { ControlLease } from "../../src/session/operators/control-lease.ts";

/** [S1] as the contract prints it. */
const CONTRACT = `
  starting -> waiting | failed | cancelled | expired
  waiting  -> active | solved | failed | expired | cancelled
  active   -> waiting | solved | failed | expired | cancelled
`;
const ENDS: readonly SessionState[] = ["solved", "failed", "expired", "cancelled"];

test("[S1] the table of moves is the contract's", () => {
  const lines = CONTRACT.trim().split("\n");
  const contract = lines.map((line) => {
    const [from = "", to = ""] = line.split("->");
    return [from.trim(), to.split("|").map((state) => state.trim())];
  });
  expect(MOVES).toEqual({ ...Object.fromEntries(contract), ...Object.fromEntries(ENDS.map((end) => [end, []])) });
});

for (const from of SESSION_STATES) {
  test(`[S1] from ${from} only the table's moves can be made`, () => {
    for (const to of SESSION_STATES) {
      if (MOVES[from].includes(to)) expect(move(from, to)).toBe(to);
      else expect(() => move(from, to), `${from} to ${to}`).toThrow(expect.objectContaining({ code: "internal" }));
    }
  });
}

test("[S4] the four ends are the states without a way out", () => {
  expect(SESSION_STATES.filter(isEnd)).toEqual(ENDS);
});

/** The lease reads the monotonic clock: it is moved on instead of waited for. */
const clock = test.extend<{ passes: (ms: number) => void }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  passes: async ({}, use) => {
    const real = performance.now.bind(performance);
    let ahead = 0;
    performance.now = () => real() + ahead;
    await use((ms) => {
      ahead += ms;
    });
    performance.now = real;
  },
});

const ann = { name: "ann" };
const bea = { name: "bea" };

test("[W16] joining gives control when nobody holds it, and only then", () => {
  const lease = new ControlLease(() => {});
  lease.join(ann);
  lease.join(bea);
  expect(lease.holder).toBe(ann);
  expect([lease.act(ann), lease.act(bea), lease.press(bea)]).toEqual([true, false, false]);
  lease.release(bea);
  expect(lease.holder).toBe(ann);
  lease.release(ann);
  expect(lease.holder).toBe(null);
  expect(lease.act(ann)).toBe(false);
});

test("[W16] a press of one who never asked takes a lease that nobody holds; a move does not", () => {
  const lease = new ControlLease(() => {});
  lease.join(ann);
  lease.release(ann);
  expect(lease.act(bea)).toBe(false);
  expect(lease.press(bea)).toBe(true);
  expect(lease.holder).toBe(bea);
});

clock("[W16] a press of one who never asked takes over from a holder idle for 5 s", ({ passes }) => {
  const lease = new ControlLease(() => {});
  lease.join(ann);
  passes(4_900);
  expect(lease.press(bea)).toBe(false);
  expect(lease.act(ann)).toBe(true);
  passes(4_900);
  expect(lease.press(bea)).toBe(false);
  passes(200);
  expect(lease.press(bea)).toBe(true);
  expect(lease.holder).toBe(bea);
  expect(lease.act(ann)).toBe(false);
});

clock("[W16] one who knows how to ask takes control at once, and never by a press", ({ passes }) => {
  const lease = new ControlLease(() => {});
  lease.join(ann);
  lease.take(bea);
  expect(lease.holder).toBe(bea);
  lease.take(ann);
  passes(60_000);
  expect(lease.press(bea)).toBe(false);
  lease.release(ann);
  expect(lease.press(bea)).toBe(false);
  lease.take(bea);
  expect(lease.press(bea)).toBe(true);
});
