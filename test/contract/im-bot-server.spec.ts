/** The simulator of examples/im-bot: what it answers, what it refuses, and that everything in it has a bound. */
import { WebSocket } from "ws";
import { type Frame, PATHS, parseFrame } from "../../examples/im-bot/frames.ts";
import type { ChatServer } from "../../examples/im-bot/simulator/chat-server.ts";
import { test as base } from "../support/chat.ts";
import { expect } from "../support/fixtures.ts";

interface Line {
  readonly socket: WebSocket;
  readonly frames: Frame[];
  readonly closeCode: Promise<number>;
  send(frame: object | string): void;
}

const test = base.extend<{
  dial: (chat: ChatServer) => Promise<Line>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  dial: async ({}, use) => {
    const sockets: WebSocket[] = [];
    await use(async (chat) => {
      const socket = new WebSocket(`${chat.url.replace("http", "ws")}/chat`);
      sockets.push(socket);
      const frames: Frame[] = [];
      socket.on("message", (data) => {
        const frame = parseFrame(String(data));
        if (frame) frames.push(frame);
      });
      socket.on("error", () => {});
      const closeCode = new Promise<number>((resolve) => socket.once("close", resolve));
      await new Promise((resolve) => socket.once("open", resolve));
      const send = (frame: object | string) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
      return { socket, frames, closeCode, send };
    });
    for (const socket of sockets) socket.terminate();
  },
});

async function login(chat: ChatServer, password = "demo") {
  const response = await fetch(`${chat.url}/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: "shop", password }),
  });
  return { status: response.status, answer: (await response.json()) as { token?: string; challenge_url?: string } };
}

function request(lwp: string, mid: string, body?: Record<string, string>): object {
  return { lwp, headers: { mid }, ...(body ? { body } : {}) };
}

test("a login, a registration, an acknowledged sync: then messages come until they are acknowledged", async ({
  startChat,
  dial,
}) => {
  const chat = await startChat();
  const { token = "" } = (await login(chat)).answer;
  const line = await dial(chat);
  line.send(request(PATHS.register, "1", { token }));
  const mid = chat.say("hello");
  line.send(request(PATHS.sync, "2"));
  line.send(request(PATHS.heartbeat, "3"));
  line.send(request("/r/Unknown/path", "4"));
  await expect
    .poll(() => line.frames)
    .toEqual([
      { code: 200, headers: { mid: "1" } },
      { code: 200, headers: { mid: "2" } },
      { lwp: PATHS.push, headers: { mid }, body: { sender: "customer", text: "hello" } },
      { code: 200, headers: { mid: "3" } },
      { code: 404, headers: { mid: "4" } },
    ]);
  line.send({ code: 200, headers: { mid } });
  await expect.poll(() => chat.mailbox.unacknowledged).toEqual([]);
});

test("without a good token everything is 401, and a wrong password gets none", async ({ startChat, dial }) => {
  const chat = await startChat();
  expect(await login(chat, "guess")).toEqual({ status: 401, answer: {} });
  const line = await dial(chat);
  for (const path of Object.values(PATHS)) line.send(request(path, path));
  const answers = Object.values(PATHS).map((path) => ({ code: 401, headers: { mid: path } }));
  await expect.poll(() => line.frames).toEqual(answers);
});

test("a stale token is answered with a challenge until it is cleared, and a miss changes the challenge", async ({
  startChat,
}) => {
  const chat = await startChat();
  chat.access.expire();
  const { status, answer } = await login(chat);
  expect(status).toBe(403);
  const url = answer.challenge_url ?? "";
  expect(await (await fetch(url)).text()).toContain('id="captcha"');
  const post = (travel: number) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ travel }),
    });
  const before = chat.access.challenge;
  expect((await post((before?.travel ?? 0) + 20)).status).toBe(403);
  expect(chat.access.challenge).not.toBe(before);
  expect((await login(chat)).status).toBe(403);
  const cleared = await post(chat.access.challenge?.travel ?? 0);
  expect(cleared.status).toBe(204);
  const [, token = ""] = /^chat_session=([^;]+);/.exec(cleared.headers.get("set-cookie") ?? "") ?? [];
  expect(chat.access.isFresh(token)).toBe(true);
  expect((await fetch(url)).status).toBe(404);
});

test("who is silent for too long is dropped, and a sign of life is enough to stay", async ({ startChat, dial }) => {
  const chat = await startChat({ silentForMs: 600 });
  const [silent, alive] = [await dial(chat), await dial(chat)];
  const beat = setInterval(() => alive.send(request(PATHS.heartbeat, "beat")), 100);
  expect(await silent.closeCode).toBe(1006);
  clearInterval(beat);
  expect(alive.socket.readyState).toBe(WebSocket.OPEN);
});

test("frames, clients and messages are bounded, and what is no frame is answered with 400", async ({
  startChat,
  dial,
}) => {
  const chat = await startChat();
  const line = await dial(chat);
  for (const text of ["{", "[]", '{"lwp":"/!"}', '{"lwp":"/!","code":200,"headers":{"mid":"1"}}']) line.send(text);
  await expect.poll(() => line.frames.map((frame) => "code" in frame && frame.code)).toEqual([400, 400, 400, 400]);
  line.send("x".repeat(20_000));
  expect(await line.closeCode).toBe(1009);
  await expect.poll(() => chat.clients.count).toBe(0);
  for (let count = 0; count < 20; count += 1) await dial(chat);
  expect(await (await dial(chat)).closeCode).toBe(1013);
  expect(() => {
    for (let count = 0; count <= 1_000; count += 1) chat.say("more");
  }).toThrow(RangeError);
});
