// A line with another protocol than the operator's: what the protocol says of a message, the line does.
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import { type WebSocket as ServerSocket, WebSocketServer } from "ws";
import type { Protocol, ReconnectingSocketOptions } from "../../src/client/reconnecting-socket.ts";
import { ReconnectingSocket } from "../../src/client/reconnecting-socket.ts";

type Word = string;

const SOON = { firstMs: 20, longestMs: 40 };
/** Words, as JSON strings. */
const WORDS: Protocol<Word, Word> = {
  parse: (text) => (text.startsWith('"') ? JSON.parse(text) : null),
  hello: () => "hello",
  ping: () => "are you there",
  isReady: (word) => word === "come in",
  refusal: (word) => (word === "who are you" ? 4401 : null),
  isEnd: (word) => word === "goodbye",
};

/** A server that answers each word by `answer`, and a line to it. */
async function lineTo(
  answer: (word: Word, socket: ServerSocket) => Word | null,
  options: Partial<ReconnectingSocketOptions> = {},
) {
  const server = new WebSocketServer({ port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  const heard: Word[] = [];
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const word = JSON.parse(String(data));
      heard.push(word);
      const reply = answer(word, socket);
      if (reply !== null) socket.send(JSON.stringify(reply));
    });
  });
  const line = new ReconnectingSocket(WORDS, {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    retries: { network: SOON, closed: SOON, authentication: { ...SOON, tries: 1 } },
    ...options,
  });
  const told: Word[] = [];
  line.on("message", (word) => told.push(word));
  const stop = () => {
    line.close();
    for (const socket of server.clients) socket.terminate();
    server.close();
  };
  return { line, heard, told, server, stop };
}

test("says hello first on each line, then what waited in its order, as much as there is room for", async () => {
  let isOpen = false;
  const { line, heard, server, stop } = await lineTo((word) => (word === "hello" && isOpen ? "come in" : null), {
    mostQueued: 2,
  });
  expect([line.send("one"), line.send("two"), line.send("three")]).toEqual(["queued", "queued", "dropped"]);
  line.open();
  await expect.poll(() => heard).toEqual(["hello"]);
  expect(line.state.name).toBe("CONNECTING");
  isOpen = true;
  for (const socket of server.clients) socket.close(1012);
  await expect.poll(() => heard).toEqual(["hello", "hello", "one", "two"]);
  expect(line.state.name).toBe("CONNECTED");
  expect(line.queued).toBe(0);
  stop();
});

test("a message that is a refusal is a lost line with its close code, and the message is told first", async () => {
  const { line, heard, told, stop } = await lineTo((word) => (word === "hello" ? "who are you" : null));
  line.open();
  await expect.poll(() => line.state).toEqual({ name: "FAILED", code: 4401, loss: "authentication" });
  expect(heard).toEqual(["hello", "hello"]);
  expect(told).toEqual(["who are you", "who are you"]);
  stop();
});

test("a refusal ends a line that was up, and nothing that waits outlives it", async () => {
  const { line, stop } = await lineTo((word) => (word === "hello" ? "come in" : "who are you"), {
    retries: { authentication: { tries: 0 } },
  });
  line.open();
  await expect.poll(() => line.state.name).toBe("CONNECTED");
  expect(line.send("one")).toBe("sent");
  await expect.poll(() => line.state.name).toBe("FAILED");
  expect(line.send("two")).toBe("dropped");
  expect(line.queued).toBe(0);
  stop();
});

test("after its end was told a line stays closed, whatever the close code", async () => {
  const { line, stop } = await lineTo((_word, socket) => {
    socket.send(JSON.stringify("goodbye"), () => socket.close(1012));
    return null;
  });
  line.open();
  await expect.poll(() => line.state).toEqual({ name: "CLOSED", code: 1012 });
  stop();
});

test("what is no message of the protocol is a sign of life and nothing else", async () => {
  const { line, told, stop } = await lineTo((_word, socket) => {
    socket.send("noise");
    return "come in";
  });
  line.open();
  await expect.poll(() => line.state.name).toBe("CONNECTED");
  expect(told).toEqual(["come in"]);
  stop();
});
