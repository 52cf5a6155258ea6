// The connection where something on the way drops subprotocols: how it tries the other way, and what it says if neither opens.
import { expect, test } from "@playwright/test";
import type { ConnectionOptions } from "../../src/client/operator-connection.ts";
import { CODES } from "../../src/errors.ts";
import { newConnection } from "../support/fake-connection.ts";

const FORMS = ["captcha.binary.v1", "captcha.json.v1"];
const NAMED = expect.stringMatching(/^captcha\.client\./);

/** Lets promises of the connection go on, such as that of a ticket. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function withTickets(options: Partial<ConnectionOptions> = {}) {
  let count = 0;
  const heard: string[] = [];
  const one = newConnection({ url: "ws://test/ws/a?x=1", ticket: async () => `t${++count}`, ...options });
  one.connection.on("message", (message) => message.type === "error" && heard.push(message.code));
  const next = async (ms = 2_000) => {
    one.clock.pass(ms);
    await settled();
  };
  return { ...one, heard, next };
}

test("[W59] a socket that does not open is followed by one without subprotocols, whose first message has them", async () => {
  const { last, sockets, connection, next } = withTickets();
  await settled();
  connection.send({ type: "view", mode: "page", scale: 2 });
  expect(last().offered).toEqual([...FORMS, "captcha.ticket.t1", NAMED]);
  last().drop(1006);
  await next();
  expect(sockets).toHaveLength(2);
  expect(last().url).toBe("ws://test/ws/a?x=1&protocols=message");
  expect(last().offered).toEqual([]);
  last().accept();
  expect(last().sent).toEqual([
    { type: "authenticate", protocols: [...FORMS, "captcha.ticket.t2", NAMED, "captcha.view.page-2"] },
  ]);
  last().say({ type: "authentication_result", success: true, code: null, message: "Welcome." });
  last().say({ type: "session_info" });
  expect(connection.state.name).toBe("CONNECTED");
  // What works stays, also after a loss.
  last().drop(1012);
  await next();
  expect(last().url).toContain("protocols=message");
  last().accept();
  expect(last().sent[0]).toMatchObject({
    type: "authenticate",
    protocols: expect.arrayContaining(["captcha.ticket.t3"]),
  });
});

test("[W59] a socket that has opened is followed by one of the same kind", async () => {
  const { last, next } = withTickets();
  await settled();
  for (const code of [1006, 1012, 1013, 4401]) {
    last().accept();
    last().drop(code);
    await next(15_000);
    expect(last().offered).toContain(FORMS[0]);
    expect(last().url).not.toContain("protocols=");
  }
});

test("[W59] if neither way opens although tickets come, listeners hear it once for each outage", async () => {
  const { last, heard, connect, next, connection } = withTickets();
  const sentences: string[] = [];
  connection.on("message", (message) => message.type === "error" && sentences.push(message.message));
  await settled();
  for (const outage of [1, 2]) {
    last().drop(1006);
    await next();
    expect(heard).toHaveLength(outage - 1);
    for (let socket = 2; socket < 6; socket += 1) {
      last().drop(1006);
      await next();
    }
    expect(heard).toEqual(Array(outage).fill("sockets_blocked"));
    connect();
    last().drop(1012);
    await next();
  }
  expect(new Set(sentences)).toEqual(new Set([CODES.sockets_blocked.message]));
});

test("[W59] a server that is away is no blocked socket: nothing is said without tickets, or with one that did not come", async () => {
  const byId = newConnection();
  const heard: unknown[] = [];
  byId.connection.on("message", (message) => heard.push(message));
  for (let socket = 0; socket < 6; socket += 1) {
    byId.last().drop(1006);
    byId.clock.pass(2_000);
  }
  expect(byId.sockets).toHaveLength(7);

  let count = 0;
  const away = withTickets({
    ticket: async () => {
      count += 1;
      if (count % 2 === 0) throw new TypeError("fetch failed");
      return "t";
    },
  });
  await settled();
  for (let attempt = 0; attempt < 6; attempt += 1) {
    away.last().drop(1006);
    await away.next();
    await away.next();
  }
  expect(count).toBeGreaterThan(6);
  expect([...heard, ...away.heard]).toEqual([]);
});
