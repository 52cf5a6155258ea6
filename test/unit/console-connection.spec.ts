// The console's line to the server, against a real WebSocket server on port 0: when it comes back, when it gives up.
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import { type WebSocket as ServerSocket, WebSocketServer } from "ws";
import { Connection, waitBefore } from "../../public/connection.js";

const INFO = JSON.stringify({ type: "session_info" });

/** A server that does one thing with the first, the second, ... connection, and a console's line to it. */
async function lineTo(...acts: ((socket: ServerSocket) => void)[]) {
  const server = new WebSocketServer({ port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  let count = 0;
  const received: string[] = [];
  server.on("connection", (socket) => {
    socket.on("message", (data) => received.push(String(data)));
    acts[Math.min(count, acts.length - 1)]?.(socket);
    count += 1;
  });
  const phases: string[] = [];
  const messages: string[] = [];
  const connection = new Connection({
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    onState: (state) => phases.push(state.phase),
    onMessage: (message) => messages.push(message.type),
    random: () => 0,
  });
  connection.start();
  const stop = () => {
    connection.stop();
    for (const socket of server.clients) socket.terminate();
    server.close();
  };
  return { connection, phases, messages, received, stop, connections: () => count };
}

test("comes back by itself after a lost line, and starts counting anew once the session answered", async () => {
  const line = await lineTo(
    (socket) => socket.send(INFO, () => socket.close(1001)),
    (socket) => socket.send(INFO),
  );
  await expect.poll(() => line.messages).toEqual(["session_info", "session_info"]);
  expect(line.phases.slice(0, 5)).toEqual(["connecting", "open", "waiting", "connecting", "open"]);
  expect(line.connection.state).toEqual({ phase: "open", attempt: 0 });
  line.stop();
});

for (const code of [4401, 4403, 4404, 4410]) {
  test(`does not come back after close ${code}`, async () => {
    const line = await lineTo((socket) => socket.close(code));
    await expect.poll(() => line.connection.state).toEqual({ phase: "closed", code });
    line.connection.wake();
    expect(line.connection.state.phase).toBe("closed");
    expect(line.connections()).toBe(1);
    line.stop();
  });
}

test("[W6] does not come back after `completed`", async () => {
  const line = await lineTo((socket) =>
    socket.send(JSON.stringify({ type: "completed", message: "", verified: "checked" }), () => socket.close(1000)),
  );
  await expect.poll(() => line.connection.state).toEqual({ phase: "closed", code: 1000 });
  line.stop();
});

test("a close 1000 without `completed` is a lost line like any other", async () => {
  const line = await lineTo((socket) => socket.close(1000));
  await expect.poll(() => line.connection.state.phase).toBe("waiting");
  line.stop();
});

test("wake tries at once; stop is for good", async () => {
  const line = await lineTo(
    (socket) => socket.close(1013),
    (socket) => socket.send(INFO),
  );
  await expect.poll(() => line.connection.state.phase).toBe("waiting");
  line.connection.wake();
  await expect.poll(() => line.messages).toEqual(["session_info"]);
  line.connection.stop();
  expect(line.connection.state.phase).toBe("closed");
  expect(line.connection.send({ type: "ping" })).toBe(false);
  line.stop();
});

test("[W8] answers the server's ping, and survives what it cannot read", async () => {
  const line = await lineTo((socket) => {
    for (const text of ["not json", "null", "[]", '{"type":7}', '{"type":"ping"}']) socket.send(text);
  });
  await expect.poll(() => line.received.map((text) => JSON.parse(text).type)).toEqual(["pong"]);
  expect(line.messages).toEqual(["ping"]);
  line.stop();
});

test("[W23] offers binary pictures first, takes what the server answers, and hands pictures on untouched", async () => {
  const offered: string[][] = [];
  const server = new WebSocketServer({
    port: 0,
    handleProtocols: (protocols) => {
      offered.push([...protocols]);
      return "captcha.json.v1";
    },
  });
  await new Promise((resolve) => server.once("listening", resolve));
  server.on("connection", (socket) => socket.send(Buffer.from([1, 2, 3])));
  const pictures: ArrayBuffer[] = [];
  const connection = new Connection({
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    onState: () => {},
    onMessage: () => {},
    onBinary: (data) => pictures.push(data),
  });
  connection.start();
  await expect.poll(() => pictures.map((data) => [...new Uint8Array(data)])).toEqual([[1, 2, 3]]);
  expect(offered).toEqual([["captcha.binary.v1", "captcha.json.v1"]]);
  expect(connection.state.phase).toBe("open");
  connection.stop();
  server.close();
});

test("waits grow, are jittered and bounded; a busy server is left alone for longer", () => {
  const low = () => 0;
  const high = () => 1;
  expect([1, 2, 3, 4, 5, 50].map((n) => waitBefore(n, 1006, low))).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  expect([1, 2, 3, 4, 5, 50].map((n) => waitBefore(n, 1006, high))).toEqual([
    1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
  expect(waitBefore(1, 1013, low)).toBeGreaterThanOrEqual(8_000);
  expect(waitBefore(1, 4429, low)).toBeGreaterThanOrEqual(8_000);
});
