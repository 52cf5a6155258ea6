/** The chat bot of examples/im-bot: it runs beside its own simulator and a real server, and a person's hands clear the challenge. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HANDLE } from "../../examples/im-bot/simulator/challenge-page.ts";
import type { ChatServer } from "../../examples/im-bot/simulator/chat-server.ts";
import { SESSION_STATES } from "../../src/protocol/common.ts";
import { test as base } from "../support/chat.ts";
import { expect, inside, type TestServer } from "../support/fixtures.ts";
import { TEST_KEY } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";
import { longUnless } from "../support/long-run.ts";
import { openLink } from "../support/open-link.ts";
import { type Program, watchProgram } from "../support/programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Short waits: how the waits grow is tested where the connection is. */
const QUICK = { RETRY_MS: "20", PING_MS: "500", SILENT_MS: "1500", FORCE_COLOR: "0", CAPTCHA_REMOTE_KEY: TEST_KEY };

interface ChatProgram extends Program {
  type(line: string): void;
  stop(): void;
}

interface Fixtures {
  /** A program of this repository, with Node. */
  run: (...args: string[]) => ChatProgram;
  startBot: (chat: Pick<ChatServer, "url">) => ChatProgram;
  /** The person: opens the newest link that the bot printed, and drags the handle so far. */
  sitDown: (bot: Program) => Promise<Person>;
}

interface Person {
  readonly sessionId: string;
  drag(travel: number): void;
  giveUp(): void;
}

const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  run: async ({}, use) => {
    const children: ChildProcess[] = [];
    await use((...args) => {
      const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...QUICK }, stdio: "pipe" });
      children.push(child);
      return {
        ...watchProgram(child),
        type: (line) => child.stdin?.write(`${line}\n`),
        stop: () => child.kill("SIGTERM"),
      };
    });
    for (const child of children) child.kill("SIGKILL");
  },

  startBot: async ({ run, server }, use) => {
    await use(({ url }) => run("examples/im-bot/bot.ts", url, server.api));
  },

  sitDown: async ({ connect }, use) => {
    await use(async (bot) => {
      await expect.poll(bot.out).toMatch(/Please clear it: \S+\n/);
      const link = links(bot).at(-1) ?? "";
      const operator = await openLink(link, connect);
      const sessionId = /control\/([^#]+)#/.exec(link)?.[1] ?? "";
      const { captcha_info: box } = await operator.next("session_info", ({ captcha_info }) => captcha_info !== null);
      if (!box) throw new Error("There is no challenge in the picture.");
      return {
        sessionId,
        drag: (travel) => drag(operator, inside(box, HANDLE), travel),
        giveUp: () => operator.send({ type: "finish", outcome: "cannot" }),
      };
    });
  },
});

function links(bot: Program): string[] {
  return [...bot.out().matchAll(/clear it: (\S+)\n/g)].map(([, link]) => link ?? "");
}

function drag(operator: LiveClient, { x, y }: { x: number; y: number }, travel: number): void {
  const STEPS = 10;
  const at = (step: number) => ({ x: x + (travel * step) / STEPS, y, button: "left" });
  operator.send({ type: "mouse_event", event_type: "down", ...at(0), buttons: 1 });
  for (let step = 1; step <= STEPS; step += 1) {
    operator.send({ type: "mouse_event", event_type: "move", ...at(step), buttons: 1 });
  }
  operator.send({ type: "mouse_event", event_type: "up", ...at(STEPS), buttons: 0 });
}

/** Each message once, in whatever order; how often the replies were sent is not looked at. */
async function expectReplies(chat: ChatServer, ...texts: string[]): Promise<void> {
  const replies = () => chat.mailbox.replies.map(({ text }) => text).toSorted();
  await expect.poll(replies).toEqual(texts.map((text) => `You said: ${text}`).toSorted());
  await expect.poll(() => chat.mailbox.unacknowledged).toEqual([]);
}

/** Ids of all sessions that the example has ever asked this worker's server for. */
function sessionsOf(server: TestServer): string[] {
  const all = server.controller.list(SESSION_STATES);
  return all.filter(({ label }) => label === "im-bot").map(({ session_id }) => session_id);
}

function timesConnected(bot: Program): number {
  return bot.out().split("Connected.").length - 1;
}

/** Drags until the handle was on the mark: after a miss the page comes anew, and takes no hands meanwhile. */
async function clear(chat: ChatServer, person: Person): Promise<void> {
  await expect(async () => {
    person.drag(chat.access.challenge?.travel ?? 0);
    await expect.poll(() => chat.access.challenge, { timeout: 1_000 }).toBeNull();
  }).toPass();
}

test("[R10] [R6] [R11] the bot is met by a challenge, hands it over, and goes on with the fresh cookie", async ({
  startChat,
  startBot,
  sitDown,
  server,
  bot: api,
}) => {
  const earlier = sessionsOf(server);
  const chat = await startChat({ staleAfterReplies: 2 });
  const bot = startBot(chat);
  chat.say("one");
  chat.say("two");
  await expectReplies(chat, "one", "two");
  chat.say("three");
  const person = await sitDown(bot);
  chat.say("four");
  // Another place than the mark: the challenge stays.
  const before = chat.access.challenge;
  person.drag((before?.travel ?? 0) - 40);
  await expect.poll(() => chat.access.challenge).not.toBe(before);
  expect((await api.info(person.sessionId)).state).toBe("active");
  await clear(chat, person);
  expect(await api.waitForEnd(person.sessionId)).toMatchObject({ state: "solved", verified: "checked" });
  await expectReplies(chat, "one", "two", "three", "four");
  expect(sessionsOf(server).filter((id) => !earlier.includes(id))).toEqual([person.sessionId]);
  bot.stop();
  expect(await bot.exitCode, bot.out()).toBe(0);
  await expect.poll(() => chat.clients.count).toBe(0);
});

test("[R10] [R11] a token that is stale as the bot comes back leads to one session, and nothing said meanwhile is lost", async ({
  startChat,
  startBot,
  sitDown,
  server,
}) => {
  const earlier = sessionsOf(server);
  const chat = await startChat({ staleAfterRegistrations: 1 });
  const bot = startBot(chat);
  await expect.poll(() => timesConnected(bot)).toBe(1);
  chat.clients.drop();
  const person = await sitDown(bot);
  for (const text of ["one", "two", "three"]) chat.say(text);
  await clear(chat, person);
  await expectReplies(chat, "one", "two", "three");
  expect(timesConnected(bot)).toBe(2);
  expect(sessionsOf(server).filter((id) => !earlier.includes(id))).toEqual([person.sessionId]);
});

const DROPS: Record<string, (chat: ChatServer) => void> = {
  "breaks without a word": ({ clients }) => clients.drop(),
  "is closed by the server": ({ clients }) => clients.drop(1012),
  "answers no heartbeat any more": ({ clients }) => clients.deafen(),
};

for (const [what, happen] of Object.entries(DROPS)) {
  const tag = longUnless(what !== "answers no heartbeat any more");
  test(`the bot comes back when the line ${what}${tag}`, async ({ startChat, startBot }) => {
    const chat = await startChat();
    const bot = startBot(chat);
    chat.say("before");
    await expectReplies(chat, "before");
    happen(chat);
    chat.say("meanwhile");
    await expectReplies(chat, "before", "meanwhile");
    expect(timesConnected(bot)).toBe(2);
    expect(chat.mailbox.replies.map(({ times }) => times)).toEqual([1, 1]);
  });
}

for (const [fault, times] of [
  ["losesReply", 1],
  ["losesConfirmation", 2],
] as const) {
  test(`a message is replied to once, though the line ${fault}`, async ({ startChat, startBot }) => {
    const chat = await startChat();
    const bot = startBot(chat);
    await expect.poll(() => timesConnected(bot)).toBe(1);
    chat.clients.faults[fault] = true;
    chat.say("one");
    await expect.poll(() => timesConnected(bot)).toBe(2);
    await expectReplies(chat, "one");
    expect(chat.mailbox.replies).toMatchObject([{ times }]);
  });
}

test("a message that comes again after its reply is acknowledged, and not replied to a second time", async ({
  startChat,
  startBot,
}) => {
  const chat = await startChat();
  const bot = startBot(chat);
  chat.clients.faults.losesAcknowledgement = true;
  chat.say("one");
  await expectReplies(chat, "one");
  expect(timesConnected(bot)).toBe(2);
  expect(chat.mailbox.replies).toMatchObject([{ times: 1 }]);
});

test("the simulator is a program too: what is typed is answered by the bot, and both end on SIGTERM", async ({
  run,
  startBot,
}) => {
  const chat = run("examples/im-bot/server.ts", "0", "3");
  await expect.poll(chat.out).toContain("Type a message");
  const [url = ""] = /http:\/\/[\d.:]+\d/.exec(chat.out()) ?? [];
  const bot = startBot({ url });
  chat.type("hello");
  await expect.poll(chat.out).toContain("bot: You said: hello\n");
  bot.stop();
  expect(await bot.exitCode, bot.out()).toBe(0);
  chat.stop();
  expect(await chat.exitCode, chat.out()).toBe(0);
});

test("[R7] a bot that is stopped while it waits for the person takes its session with it", async ({
  startChat,
  startBot,
  sitDown,
  bot: api,
}) => {
  const chat = await startChat();
  chat.access.expire();
  const bot = startBot(chat);
  const { sessionId } = await sitDown(bot);
  bot.stop();
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(await api.waitForEnd(sessionId)).toMatchObject({ state: "cancelled", reason: "cancelled_by_bot" });
});

test("[W17] a bot that nobody helps says so, and ends", async ({ startChat, startBot, sitDown }) => {
  const chat = await startChat();
  chat.access.expire();
  const bot = startBot(chat);
  (await sitDown(bot)).giveUp();
  expect(await bot.exitCode).toBe(1);
  expect(bot.out()).toContain("Nobody cleared it: operator_gave_up.");
});
