// The connection's timing on a clock of the test's own: heartbeat, deadlines, and how each kind of loss is tried again.
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { type ConnectionState, OperatorConnection } from "../../src/client/operator-connection.ts";
import { classOf, type LossClass, MOVES, PROFILES, waitBefore } from "../../src/client/retry-policy.ts";
import { CLIENT_NAME } from "../../src/protocol/exactly-once.ts";
import { newConnection } from "../support/fake-connection.ts";

/** Close codes by what they mean. */
const CODE_OF = { network: 1006, closed: 1012, authentication: 4401, server: 1013 } as const satisfies Record<
  LossClass,
  number
>;
const LOSSES = Object.keys(CODE_OF) as LossClass[];

test("[W8] pings every 15 s, and 30 s of silence are a broken connection", () => {
  const { clock, last, connect, connection } = newConnection();
  connect();
  clock.pass(14_000);
  expect(last().sent).toEqual([]);
  clock.pass(1_000);
  expect(last().sent).toEqual([{ type: "ping" }]);
  last().say({ type: "pong" });
  clock.pass(15_000);
  expect(last().sent).toHaveLength(2);
  clock.pass(14_000);
  expect(connection.state.name).toBe("CONNECTED");
  clock.pass(1_000);
  expect(connection.state).toMatchObject({ name: "RECONNECTING", code: 1006, loss: "network" });
});

test("any message is a sign of life, and a clock that jumps by a minute is none of silence", () => {
  const { clock, last, connect, connection } = newConnection();
  connect();
  for (let second = 0; second < 120; second += 1) {
    clock.pass(1_000);
    last().say({ type: "presence", operators: 1 });
  }
  expect(connection.state.name).toBe("CONNECTED");
  // A hidden tab: its timer runs once, a minute late, and only then asks.
  clock.time += 60_000;
  clock.pass(1_000);
  expect(connection.state.name).toBe("CONNECTED");
});

test("after waking up a dead connection is noticed within 5 s", () => {
  const { clock, connect, connection } = newConnection();
  connect();
  connection.wake();
  clock.pass(3_000);
  expect(connection.state.name).toBe("CONNECTED");
  clock.pass(2_000);
  expect(connection.state.name).toBe("RECONNECTING");
});

test("a handshake has 10 s, the session's answer 30 s more", () => {
  const mute = newConnection();
  mute.clock.pass(9_999);
  expect(mute.connection.state.name).toBe("CONNECTING");
  mute.clock.pass(1);
  expect(mute.connection.state).toMatchObject({ name: "RECONNECTING", code: 1006 });
  const silent = newConnection();
  silent.last().accept();
  silent.clock.pass(29_999);
  expect(silent.connection.state.name).toBe("CONNECTING");
  silent.clock.pass(1);
  expect(silent.connection.state.name).toBe("RECONNECTING");
});

test("[W14] [W23] [W31] a name of its own is offered with each socket, and what was asked to be seen last", () => {
  const { sockets, connection, connect, last, clock } = newConnection();
  const name = last().offered.at(-1) ?? "";
  expect(name.replace("captcha.client.", "")).toMatch(CLIENT_NAME);
  expect(newConnection().last().offered).not.toContain(name);
  const forms = ["captcha.binary.v1", "captcha.json.v1", name];
  connect();
  connection.send({ type: "view", scale: 1.5 });
  last().drop(1006);
  clock.pass(200);
  connection.send({ type: "view", mode: "page" });
  last().accept();
  last().drop(1006);
  clock.pass(1_000);
  expect(sockets.map(({ offered }) => offered)).toEqual([
    forms,
    [...forms, "captcha.view.challenge-1.5"],
    [...forms, "captcha.view.page-1.5"],
  ]);
});

test("a socket that was given up is not listened to any more", () => {
  const { clock, sockets, last, connect, connection } = newConnection();
  clock.pass(10_000);
  clock.pass(1_000);
  const [old] = sockets;
  connect();
  old?.say({ type: "completed", message: "", verified: null });
  old?.drop(4404);
  expect(connection.state.name).toBe("CONNECTED");
  expect(last()).not.toBe(old);
});

for (const loss of LOSSES) {
  test(`profile bot: after \`${loss}\` so many tries with such waits, then it fails for good`, () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }), (dice) => {
        const { firstMs, longestMs, tries } = PROFILES.bot[loss];
        let throws = 0;
        const random = () => dice[throws++ % dice.length] ?? 0;
        const { clock, sockets, last, connection } = newConnection({ profile: "bot", random });
        for (let attempt = 1; attempt <= tries; attempt += 1) {
          const lostAt = clock.time;
          last().drop(CODE_OF[loss]);
          expect(connection.state).toMatchObject({ name: "RECONNECTING", attempt, loss });
          clock.pass(firstMs - 1);
          expect(sockets).toHaveLength(attempt);
          while (sockets.length === attempt) clock.pass(1);
          expect(clock.time - lostAt).toBeLessThanOrEqual(longestMs);
        }
        last().drop(CODE_OF[loss]);
        expect(connection.state).toEqual({ name: "FAILED", code: CODE_OF[loss], loss });
        expect(clock.armed).toBe(0);
      }),
      { numRuns: 5 },
    );
  });
}

test("profile operator: at once, then every 0.5 to 5 s, without giving up", () => {
  const { clock, sockets, last, connect, connection } = newConnection({ random: () => 1 });
  connect();
  clock.pass(10_000);
  last().drop(1006);
  clock.pass(200);
  expect(sockets).toHaveLength(2);
  for (let attempt = 2; attempt < 100; attempt += 1) {
    last().drop(1006);
    expect(connection.state).toMatchObject({ name: "RECONNECTING", attempt });
    const before = clock.time;
    while (sockets.length === attempt) clock.pass(100);
    expect(clock.time - before).toBeGreaterThanOrEqual(500);
    expect(clock.time - before).toBeLessThanOrEqual(1_600);
  }
});

test("a server that lets everybody in and throws them out again is not hammered", () => {
  const { clock, sockets, last, connect } = newConnection();
  for (let turn = 0; turn < 40; turn += 1) {
    if (last().readyState === 0) {
      connect();
      last().drop(1000);
    }
    clock.pass(250);
  }
  // At once would be forty within these 10 s.
  expect(sockets.length).toBeLessThan(10);
  clock.pass(5_000);
  connect();
  clock.pass(5_000);
  const before = sockets.length;
  last().drop(1000);
  clock.pass(200);
  expect(sockets.length).toBe(before + 1);
});

test("a full server is left alone for 8 s at least, also by an operator", () => {
  for (const code of [1013, 4429]) {
    const { clock, sockets, last } = newConnection();
    last().drop(code);
    clock.pass(7_999);
    expect(sockets).toHaveLength(1);
    clock.pass(1);
    expect(sockets).toHaveLength(2);
  }
});

test("a full server is not woken; elsewhere tries out of turn use up none of those that there are", () => {
  const { clock, sockets, last, connection } = newConnection({ profile: "bot" });
  last().drop(1013);
  connection.wake();
  expect(sockets).toHaveLength(1);
  clock.pass(30_000);
  expect(sockets).toHaveLength(2);
  for (let turn = 0; turn < 20; turn += 1) {
    last().drop(1006);
    expect(connection.state).toMatchObject({ name: "RECONNECTING", loss: "network" });
    connection.wake();
    expect(sockets).toHaveLength(3 + turn);
  }
  for (let turn = 0; turn < PROFILES.bot.network.tries; turn += 1) {
    last().drop(1006);
    expect(connection.state).toMatchObject({ name: "RECONNECTING", loss: "network" });
    while (sockets.length === 22 + turn) clock.pass(1_000);
  }
  last().drop(1006);
  expect(connection.state.name).toBe("FAILED");
});

test("every wait lies between the rule's bounds, and is not the same for everybody", () => {
  const rules = Object.values(PROFILES).flatMap((profile) => Object.values(profile));
  const dice = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.constantFrom(...rules), fc.integer({ min: 1, max: 1_000 }), dice, (rule, attempt, random) => {
      const wait = waitBefore(rule, attempt, () => random);
      if (rule.atOnce && attempt === 1) return wait <= 200;
      return wait >= rule.firstMs && wait <= rule.longestMs;
    }),
  );
  for (const rule of rules) {
    for (const attempt of [1, 2, 3, 10]) {
      expect(waitBefore(rule, attempt, () => 1)).toBeGreaterThan(waitBefore(rule, attempt, () => 0));
    }
  }
});

test("whatever happens, only the moves of the table are made, and nothing runs once it is over", () => {
  const happening = fc.oneof(
    fc.constantFrom("accept", "info", "completed", "wake", "retry", "close", "open"),
    fc.constantFrom(1000, 1001, 1006, 1011, 1013, 4401, 4403, 4404, 4410, 4429),
    fc.integer({ min: 0, max: 70 }).map((seconds) => ({ seconds })),
  );
  fc.assert(
    fc.property(fc.constantFrom("bot", "operator"), fc.array(happening, { maxLength: 60 }), (profile, happenings) => {
      const { clock, states, connection, last } = newConnection({ profile });
      for (const what of happenings) {
        if (typeof what === "number") last().drop(what);
        else if (typeof what === "object") clock.pass(what.seconds * 1_000);
        else if (what === "accept") last().accept();
        else if (what === "info") last().say({ type: "session_info" });
        else if (what === "completed") last().say({ type: "completed", message: "", verified: null });
        else connection[what]();
      }
      let before: ConnectionState["name"] = "DISCONNECTED";
      for (const { name } of states) {
        expect(MOVES[before]).toContain(name);
        before = name;
      }
      if (MOVES[before].length === 0) expect(clock.armed).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test("without any WebSocket it says what to do", () => {
  const own = globalThis.WebSocket;
  Reflect.deleteProperty(globalThis, "WebSocket");
  try {
    expect(() => new OperatorConnection({ url: "ws://test" })).toThrow(/options\.WebSocket/);
  } finally {
    globalThis.WebSocket = own;
  }
});

test("close codes and what they mean", () => {
  const classes = [1000, 1001, 1005, 1006, 1009, 1011, 1012, 1013, 4401, 4403, 4404, 4410, 4429].map(classOf);
  expect(classes).toEqual(
    "closed closed closed network closed server closed server authentication refused refused over server".split(" "),
  );
});
