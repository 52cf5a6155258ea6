// The connection to the server, against a real WebSocket server on port 0: when it comes back, when it gives up.
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import { type WebSocket as ServerSocket, WebSocket as SocketOfWs, WebSocketServer } from "ws";
import { type ConnectionOptions, OperatorConnection } from "../../src/client/operator-connection.ts";
import { expectWithin } from "../support/pace.ts";

const INFO = JSON.stringify({ type: "session_info" });
/** The profiles' waits are tested by themselves; here they only must not hold up the test. */
const SOON = { firstMs: 20, longestMs: 40 };
const RETRIES = { network: SOON, closed: SOON, authentication: SOON, server: SOON };

/** A server that does one thing with the first, the second, ... connection, and a connection to it. */
async function lineTo(acts: ((socket: ServerSocket) => void)[], options: Partial<ConnectionOptions> = {}) {
  const server = new WebSocketServer({ port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  let count = 0;
  const received: { type: string; [field: string]: unknown }[] = [];
  server.on("connection", (socket) => {
    socket.on("message", (data) => received.push(JSON.parse(String(data))));
    acts[Math.min(count, acts.length - 1)]?.(socket);
    count += 1;
  });
  const connection = new OperatorConnection({
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    retries: RETRIES,
    ...options,
  });
  const states: string[] = [];
  const messages: string[] = [];
  connection.on("state", ({ name }) => states.push(name));
  connection.on("message", (message) => messages.push(message.type));
  connection.open();
  const stop = () => {
    connection.close();
    for (const socket of server.clients) socket.terminate();
    server.close();
  };
  return { connection, server, states, messages, received, stop, connections: () => count };
}

test("comes back by itself after a lost connection", async () => {
  const line = await lineTo([(socket) => socket.send(INFO, () => socket.close(1012)), (socket) => socket.send(INFO)]);
  await expect.poll(() => line.messages).toEqual(["session_info", "session_info"]);
  // Once for the wait, once for the try.
  expect(line.states).toEqual(["CONNECTING", "CONNECTED", "RECONNECTING", "RECONNECTING", "CONNECTED"]);
  expect(line.connection.state).toEqual({ name: "CONNECTED" });
  line.stop();
});

for (const code of [4403, 4404]) {
  test(`[W2] fails for good with close ${code}`, async () => {
    const line = await lineTo([(socket) => socket.close(code)]);
    await expect.poll(() => line.connection.state).toEqual({ name: "FAILED", code, loss: "refused" });
    line.connection.wake();
    line.connection.open();
    line.connection.close();
    expect(line.connection.state.name).toBe("FAILED");
    expect(line.connection.send({ type: "text", text: "a" })).toBe("dropped");
    expect(line.connections()).toBe(1);
    line.stop();
  });
}

test("close 4401 is tried once more, then it is refused for good", async () => {
  const line = await lineTo([(socket) => socket.close(4401)]);
  await expect.poll(() => line.connection.state).toEqual({ name: "FAILED", code: 4401, loss: "authentication" });
  expect(line.connections()).toBe(2);
  line.stop();
});

test("[W2] an ended session closes the connection for good", async () => {
  const line = await lineTo([(socket) => socket.close(4410)]);
  await expect.poll(() => line.connection.state).toEqual({ name: "CLOSED", code: 4410 });
  expect(line.connections()).toBe(1);
  line.stop();
});

for (const end of [
  { type: "completed", message: "", verified: "checked" },
  { type: "session_state", state: "cancelled", reason: "shutting_down", expires_at: "2030-01-01T00:00:00Z" },
]) {
  test(`[W6] does not come back after the end came by \`${end.type}\`, whatever the close code`, async () => {
    const line = await lineTo([(socket) => socket.send(JSON.stringify(end), () => socket.close(1001))]);
    await expect.poll(() => line.connection.state).toEqual({ name: "CLOSED", code: 1001 });
    line.stop();
  });
}

test("a close 1000 without `completed` is a lost connection like any other", async () => {
  const line = await lineTo([(socket) => socket.close(1000)]);
  await expect.poll(() => line.connection.state).toMatchObject({ name: "RECONNECTING", code: 1000, loss: "closed" });
  line.stop();
});

test("wake tries at once, but not a server that is full: that only somebody's own word does; close is for good", async () => {
  const hour = { firstMs: 3_600_000, longestMs: 3_600_000, atOnce: false };
  const line = await lineTo(
    [(socket) => socket.close(1013), (socket) => socket.close(1012), (socket) => socket.send(INFO)],
    { retries: { server: hour, closed: hour } },
  );
  await expect.poll(() => line.connection.state).toMatchObject({ name: "RECONNECTING", loss: "server" });
  line.connection.wake();
  expect(line.connection.state).toMatchObject({ retryAt: expect.any(Number) });
  line.connection.retry();
  await expect.poll(() => line.connection.state).toMatchObject({ name: "RECONNECTING", loss: "closed" });
  line.connection.wake();
  await expect.poll(() => line.messages).toEqual(["session_info"]);
  line.connection.close();
  expect(line.connection.state).toEqual({ name: "CLOSED", code: 1000 });
  expect(line.connection.send({ type: "text", text: "a" })).toBe("dropped");
  line.stop();
});

test("with ws, a server that does not answer the close is cut off after a second; one that does is not", async () => {
  for (const answers of [true, false]) {
    const made: SocketOfWs[] = [];
    class Kept extends SocketOfWs {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols);
        made.push(this);
      }
    }
    const line = await lineTo([(socket) => socket.send(INFO)], { WebSocket: Kept });
    await expect.poll(() => line.connection.state.name).toBe("CONNECTED");
    if (!answers) for (const socket of line.server.clients) socket.pause();
    const closed = new Promise<number>((resolve) => made[0]?.on("close", resolve));
    const startedAt = performance.now();
    line.connection.close();
    expect(await closed).toBe(answers ? 1000 : 1006);
    const took = performance.now() - startedAt;
    if (answers) expectWithin(took, 900);
    else expect(took).toBeGreaterThan(900);
    // ws by itself waits for 30 s.
    expectWithin(took, 3_000);
    line.stop();
  }
});

test("[W8] answers the server's ping, and survives what it cannot read and a listener that throws", async () => {
  const thrown: unknown[] = [];
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error.message));
  const line = await lineTo([
    (socket) => {
      for (const text of ["not json", "null", "[]", '{"type":7}', '{"type":"ping"}']) socket.send(text);
    },
  ]);
  line.connection.on("message", () => {
    throw new Error("of the listener");
  });
  await expect.poll(() => line.received).toEqual([{ type: "pong" }]);
  expect(line.messages).toEqual(["ping"]);
  await expect.poll(() => thrown).toEqual(["of the listener"]);
  expect(line.connection.state.name).toBe("CONNECTING");
  line.stop();
  process.removeAllListeners("uncaughtException");
  for (const listener of before) process.on("uncaughtException", listener);
});

test("[W24] what is said while away is sent after the next session_info, in its order", async () => {
  let answer = () => {};
  const line = await lineTo([
    (socket) => {
      answer = () => socket.send(INFO);
    },
  ]);
  const { connection } = line;
  await expect.poll(() => line.connections()).toBe(1);
  expect(connection.send({ type: "text", text: "12" })).toBe("queued");
  expect(connection.send({ type: "mouse_event", event_type: "move", x: 1, y: 1 })).toBe("dropped");
  expect(connection.send({ type: "key", event_type: "down", key: "Enter" })).toBe("queued");
  expect(connection.send({ type: "key", event_type: "up", key: "Enter" })).toBe("queued");
  expect(connection.queued).toBe(3);
  // A message sent as soon as the connection is ready comes after it.
  connection.on("state", ({ name }) => name === "CONNECTED" && connection.send({ type: "finish", outcome: "done" }));
  answer();
  await expect.poll(() => line.received.map(({ type }) => type)).toEqual(["text", "key", "key", "finish"]);
  expect(connection.queued).toBe(0);
  line.stop();
});

for (const [name, WebSocketClass] of [
  ["Node's own WebSocket", undefined],
  ["the one of the package ws", SocketOfWs],
] as const) {
  const given = WebSocketClass === undefined ? {} : { WebSocket: WebSocketClass };

  test(`[W23] offers binary pictures first, takes what the server answers, hands pictures on untouched: ${name}`, async () => {
    const offered: string[][] = [];
    const server = new WebSocketServer({
      port: 0,
      handleProtocols: (protocols) => {
        offered.push([...protocols]);
        return "captcha.json.v1";
      },
    });
    await new Promise((resolve) => server.once("listening", resolve));
    server.on("connection", (socket) => socket.send(INFO, () => socket.send(Buffer.from([1, 2, 3]))));
    const pictures: ArrayBuffer[] = [];
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const connection = new OperatorConnection({ url, ...given });
    connection.on("binary", (data) => pictures.push(data));
    connection.open();
    await expect.poll(() => pictures.map((data) => [...new Uint8Array(data)])).toEqual([[1, 2, 3]]);
    const name = expect.stringMatching(/^captcha\.client\./);
    expect(offered).toEqual([["captcha.binary.v1", "captcha.json.v1", name]]);
    expect(connection.state.name).toBe("CONNECTED");
    connection.close();
    server.close();
  });

  test(`a server that is not there is a lost network, no uncaught error: ${name}`, async () => {
    const server = new WebSocketServer({ port: 0 });
    await new Promise((resolve) => server.once("listening", resolve));
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));
    const connection = new OperatorConnection({ url, ...given, retries: { network: { ...SOON, tries: 2 } } });
    connection.open();
    await expect.poll(() => connection.state).toEqual({ name: "FAILED", code: 1006, loss: "network" });
  });
}
