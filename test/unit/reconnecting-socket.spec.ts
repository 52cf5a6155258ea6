// A socket with another protocol than the operator's: it does what the protocol says of each message.
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import { type WebSocket as ServerSocket, WebSocketServer } from "ws";
import {
  type Protocol,
  ReconnectingSocket,
  type ReconnectingSocketOptions,
} from "../../src/client/reconnecting-socket.ts";

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

/** A server that answers each word by `answer`, and a socket to it. */
async function connectTo(
  answer: (word: Word, peer: ServerSocket) => Word | null,
  options: Partial<ReconnectingSocketOptions> = {},
) {
  const server = new WebSocketServer({ port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  const heard: Word[] = [];
  server.on("connection", (peer) => {
    peer.on("message", (data) => {
      const word = JSON.parse(String(data));
      heard.push(word);
      const reply = answer(word, peer);
      if (reply !== null) peer.send(JSON.stringify(reply));
    });
  });
  const socket = new ReconnectingSocket(WORDS, {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    retries: { network: SOON, closed: SOON, authentication: { ...SOON, tries: 1 } },
    ...options,
  });
  const told: Word[] = [];
  socket.on("message", (word) => told.push(word));
  const stop = () => {
    socket.close();
    for (const peer of server.clients) peer.terminate();
    server.close();
  };
  return { socket, heard, told, server, stop };
}

test("sends hello first on each socket, then the queued messages in their order, as many as there is room for", async () => {
  let isOpen = false;
  const { socket, heard, server, stop } = await connectTo((word) => (word === "hello" && isOpen ? "come in" : null), {
    mostQueued: 2,
  });
  expect([socket.send("one"), socket.send("two"), socket.send("three")]).toEqual(["queued", "queued", "dropped"]);
  socket.open();
  await expect.poll(() => heard).toEqual(["hello"]);
  expect(socket.state.name).toBe("CONNECTING");
  isOpen = true;
  for (const peer of server.clients) peer.close(1012);
  await expect.poll(() => heard).toEqual(["hello", "hello", "one", "two"]);
  expect(socket.state.name).toBe("CONNECTED");
  expect(socket.queued).toBe(0);
  stop();
});

test("a message that is a refusal loses the connection with its close code, after listeners got the message", async () => {
  const { socket, heard, told, stop } = await connectTo((word) => (word === "hello" ? "who are you" : null));
  socket.open();
  await expect.poll(() => socket.state).toEqual({ name: "FAILED", code: 4401, loss: "authentication" });
  expect(heard).toEqual(["hello", "hello"]);
  expect(told).toEqual(["who are you", "who are you"]);
  stop();
});

test("a refusal ends a connection that was up, and no queued message outlives it", async () => {
  const { socket, stop } = await connectTo((word) => (word === "hello" ? "come in" : "who are you"), {
    retries: { authentication: { tries: 0 } },
  });
  socket.open();
  await expect.poll(() => socket.state.name).toBe("CONNECTED");
  expect(socket.send("one")).toBe("sent");
  await expect.poll(() => socket.state.name).toBe("FAILED");
  expect(socket.send("two")).toBe("dropped");
  expect(socket.queued).toBe(0);
  stop();
});

test("after its end message a socket stays closed, whatever the close code", async () => {
  const { socket, stop } = await connectTo((_word, peer) => {
    peer.send(JSON.stringify("goodbye"), () => peer.close(1012));
    return null;
  });
  socket.open();
  await expect.poll(() => socket.state).toEqual({ name: "CLOSED", code: 1012 });
  stop();
});

test("what is no message of the protocol is a sign of life and nothing else", async () => {
  const { socket, told, stop } = await connectTo((_word, peer) => {
    peer.send("noise");
    return "come in";
  });
  socket.open();
  await expect.poll(() => socket.state.name).toBe("CONNECTED");
  expect(told).toEqual(["come in"]);
  stop();
});
