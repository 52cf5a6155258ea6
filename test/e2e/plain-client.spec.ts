/** Older clients: their messages and their sums, unchanged, clear the scratch card over the socket and over REST. */
import { SCRATCH_CARD } from "../../public/demo/layout.js";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { expect, type TestServer, test as withServer } from "../support/fixtures.ts";
import { readJpeg, readScreenshot } from "../support/jpeg.ts";
import { longUnless } from "../support/long-run.ts";
import { expectWithin } from "../support/pace.ts";
import { type PlainBox, PlainClient } from "../support/plain-client.ts";
import { newPuzzle, puzzleCount } from "../support/solve-demo.ts";

const MARGIN = 10;
/** [W20] How long older clients get no picture after an `up`. */
const HOLD_MS = 1_500;
/** Timers and a busy machine: the picture after the hold must be there by then. */
const PICTURE_BY_MS = 3_000;
/** With `?shift=1` the demo's banner moves the container down by so much. */
const SHIFT_PX = 60;

const test = withServer.extend<{ plainClient: (session: SessionAnswer) => Promise<PlainClient> }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  plainClient: async ({}, use) => {
    const clients: PlainClient[] = [];
    await use(async ({ ws_url }) => {
      const client = await PlainClient.connect(ws_url);
      clients.push(client);
      await client.next("session_info");
      return client;
    });
    for (const client of clients) client.terminate();
  },
});

// A server of its own kind, so a worker too: one.
test.describe.configure({ mode: "default" });
test.use({ auth: "off" });

for (const placement of ["page", "cross"] as const) {
  const tag = longUnless(placement === "page");
  test(`[W3] [W4] [W6] [W20] an older client clears the scratch card, ${placement}${tag}`, async ({
    server,
    bot,
    plainClient,
  }) => {
    const before = puzzleCount(server, "scratch-card");
    const session = await bot.create({ url: scratchCardUrl(server, placement === "page" ? "" : "?frame=cross") });
    const ended = bot.waitForEnd(session.session_id);
    const client = await plainClient(session);

    const [info] = client.received;
    expect(info?.type).toBe("session_info");
    expect(info?.viewport).toEqual({ width: 1280, height: 720 });
    expect(client.box).toMatchObject({ in_iframe: placement === "cross", selector: SCRATCH_CARD.anchor });
    expect(client.box).toMatchObject(SCRATCH_CARD.container);
    expect(client.canvas).toEqual(grown(client.box));
    expect(info?.view).toEqual({ x: client.box.x - MARGIN, y: client.box.y - MARGIN, ...grown(client.box) });

    const upHandled = await scratch(client, (await answer(server, before)).right);

    expect(await client.next("completed")).toMatchObject({ message: expect.stringMatching(/\w/) });
    expect(await client.closed).toBe(1000);
    expect(await ended).toMatchObject({ state: "solved", completed: true, verified: "checked" });
    expect(typesAfter(client, upHandled)).not.toContain("screenshot_update");
    expect(client.received.at(-1)?.type).toBe("completed");
    for (const { screenshot } of client.all("screenshot_update")) {
      expect(readScreenshot(screenshot)).toMatchObject(grown(client.box));
    }
    const now = Date.now();
    for (const { timestamp } of client.received) expect(Math.abs(now - timestamp)).toBeLessThan(60_000);
  });
}

test.use({ auth: "off" });

for (const placement of ["page", "cross"] as const) {
  test(`[W20] an older client is told first when the box moves, then clears it, ${placement} @long`, async ({
    server,
    bot,
    plainClient,
  }) => {
    // Where the box is in a page that stays as it is: on a slow machine this one may have moved before anybody is there.
    const first = puzzleCount(server, "scratch-card");
    const resting = await bot.create({ url: scratchCardUrl(server, placement === "page" ? "" : "?frame=cross") });
    await answer(server, first);
    const before = puzzleCount(server, "scratch-card");
    const query = placement === "page" ? "?shift=1" : "?frame=cross&shift=1";
    const session = await bot.create({ url: scratchCardUrl(server, query) });
    const client = await plainClient(session);
    const movedY = (resting.captcha_info as PlainBox).y + SHIFT_PX;
    await client.next("session_info", 0, ({ captcha_info: box }) => box?.y === movedY);
    expect(client.canvas).toEqual(grown(client.box));

    await scratch(client, (await answer(server, before)).right);

    await client.next("completed");
    // Every picture shows the view of the session_info before it.
    let view: unknown;
    for (const message of client.received) {
      if (message.type === "session_info") view = message.view;
      if (message.type === "screenshot_update") expect(message.view).toEqual(view);
    }
    expect((await bot.waitForEnd(session.session_id)).verified).toBe("checked");
  });
}

test("[W20] after a wrong answer a picture follows the pause, and the session goes on", async ({
  server,
  bot,
  plainClient,
}) => {
  const before = puzzleCount(server, "scratch-card");
  const session = await bot.create({ url: scratchCardUrl(server) });
  const client = await plainClient(session);

  const upHandled = await scratch(client, (await answer(server, before)).wrong);
  const upAt = client.received[upHandled - 1]?.timestamp ?? 0;
  const picture = await client.next("screenshot_update", upHandled);
  expect(picture.timestamp - upAt).toBeGreaterThan(HOLD_MS - 20);
  expectWithin(picture.timestamp - upAt, PICTURE_BY_MS);
  expect(client.all("completed")).toEqual([]);

  client.send({ type: "check_completion" });
  expect(await client.next("completion_status", upHandled)).toMatchObject({ completed: false });

  const second = await answer(server, before + 1);
  await scratch(client, second.right);
  await client.next("completed");
  expect((await bot.waitForEnd(session.session_id)).verified).toBe("checked");
});

test("[W7] [W8] ping and check_completion are answered, and what is not known is refused", async ({
  server,
  bot,
  plainClient,
}) => {
  const session = await bot.create({ url: scratchCardUrl(server) });
  const client = await plainClient(session);
  client.send({ type: "ping" });
  client.send({ type: "heartbeat", extra: "ignored" });
  await expect.poll(() => client.all("pong").length).toBe(2);
  client.send({ type: "check_completion" });
  expect(await client.next("completion_status")).toMatchObject({ completed: false });
  client.send({ type: "dance" });
  expect(await client.next("error")).toMatchObject({ code: "unknown_type", message: expect.any(String) });
  client.send({ type: "ping" });
  await expect.poll(() => client.all("pong").length).toBe(3);
});

test("[R4] [R5] REST alone clears the scratch card", async ({ server, bot }) => {
  const before = puzzleCount(server, "scratch-card");
  const { session_id, captcha_info: box } = await bot.create({ url: scratchCardUrl(server) });
  if (!box) throw new Error("The challenge was not found.");
  const { right } = await answer(server, before);
  const from = { x: box.x + SCRATCH_CARD.handle.x, y: box.y + SCRATCH_CARD.handle.y };
  const mouse = async (event_type: string, x: number, y: number) => {
    const reply = await post(server, "/mouse_event", { session_id, event_type, x, y });
    expect(reply).toEqual({ status: 200, body: { success: true, completed: false } });
  };
  const check = async () => (await post(server, "/check_completion", { session_id })).body;
  // The page may not have drawn its puzzle yet, and whoever drags by REST sees nothing of that: then nothing moves.
  await expect(async () => {
    await mouse("down", from.x, from.y);
    for (let part = 1; part <= 10; part += 1) await mouse("move", from.x + (right * part) / 10, from.y);
    expect(await check()).toEqual({ session_id, completed: false });
    await mouse("up", from.x + right, from.y);
    await expect.poll(check, { timeout: 10_000 }).toEqual({ session_id, completed: true });
  }).toPass();
  expect(puzzleCount(server, "scratch-card")).toBe(before + 1);
  expect(await bot.waitForEnd(session_id)).toMatchObject({ state: "solved", verified: "checked" });
});

test("[R1] [R2] [R3] [R6] [R7] the older bot's round of REST calls", async ({ server, bot }) => {
  const { session_id } = await bot.create({ url: scratchCardUrl(server), label: "older bot" });

  const { body: session } = await get(server, `/session/${session_id}`);
  expect(session).toMatchObject({
    session_id,
    captcha_info: { selector: SCRATCH_CARD.anchor, in_iframe: false, ...SCRATCH_CARD.container },
    viewport: { width: 1280, height: 720 },
    completed: false,
    state: "waiting",
  });
  const box = session["captcha_info"] as PlainBox;
  expect(readScreenshot(session["screenshot"] as string)).toMatchObject(grown(box));

  const { body: shot } = await get(server, `/screenshot/${session_id}`);
  expect(Object.keys(shot)).toEqual(["screenshot"]);
  expect(readScreenshot(shot["screenshot"] as string)).toMatchObject(grown(box));
  const jpeg = await fetch(`${server.api}/screenshot/${session_id}`, { headers: { accept: "image/jpeg" } });
  expect(jpeg.headers.get("content-type")).toBe("image/jpeg");
  expect(readJpeg(Buffer.from(await jpeg.arrayBuffer()))).toMatchObject(grown(box));

  expect(await get(server, `/status/${session_id}`)).toMatchObject({
    status: 200,
    body: { success: true, completed: false, session_exists: true, session_id, state: "waiting" },
  });
  const { body: list } = await get(server, "/sessions");
  expect(list["count"]).toBe((list["sessions"] as unknown[]).length);
  expect(list["sessions"]).toContainEqual(
    expect.objectContaining({
      session_id,
      completed: false,
      has_websocket: false,
      state: "waiting",
      label: "older bot",
      created_at: expect.any(String),
      expires_at: expect.any(String),
      operators: 0,
    }),
  );

  const gone = await fetch(`${server.api}/session/${session_id}`, { method: "DELETE" });
  expect({ status: gone.status, body: await gone.json() }).toEqual({ status: 200, body: { success: true } });
  expect((await get(server, `/status/${session_id}`)).body).toMatchObject({
    completed: false,
    session_exists: false,
    state: "cancelled",
  });
});

test("[R2] [R5] [R6] [R7] an unknown session is answered as older clients expect", async ({ server }) => {
  expect(await get(server, "/session/nobody")).toMatchObject({
    status: 404,
    body: { error: { code: "session_not_found", message: expect.any(String), timestamp: expect.any(String) } },
  });
  expect((await get(server, "/screenshot/nobody")).status).toBe(404);
  expect((await post(server, "/mouse_event", { session_id: "nobody", event_type: "up", x: 1, y: 1 })).status).toBe(404);
  expect(await post(server, "/check_completion", { session_id: "nobody" })).toEqual({
    status: 200,
    body: { session_id: "nobody", completed: false },
  });
  expect(await get(server, "/status/nobody")).toMatchObject({
    status: 200,
    body: { success: true, completed: false, session_exists: false, session_id: "nobody", state: null },
  });
  const gone = await fetch(`${server.api}/session/nobody`, { method: "DELETE" });
  expect({ status: gone.status, body: await gone.json() }).toEqual({ status: 200, body: { success: true } });
});

test("[W2] an unknown session is answered with an error and then closed", async ({ server }) => {
  const client = await PlainClient.connect(`${server.api.replace(/^http/, "ws")}/ws/nobody`);
  expect(await client.closed).toBe(4404);
  expect(client.received.map(({ type }) => type)).toEqual(["error"]);
});

function scratchCardUrl(server: TestServer, query = ""): string {
  return `${server.demoOrigin}/scratch-card.html${query}`;
}

/** How far to drag, from the test's own server: a right way and a wrong one. */
async function answer(server: TestServer, before: number): Promise<{ right: number; wrong: number }> {
  const { answer } = await newPuzzle(server, "scratch-card", before);
  return { right: (answer.min + answer.max) / 2, wrong: answer.min - 40 };
}

function scratch(client: PlainClient, travel: number): Promise<number> {
  const from = client.onCanvas(SCRATCH_CARD.handle);
  return client.drag(from, { x: from.x + travel, y: from.y });
}

function grown({ width, height }: { width: number; height: number }) {
  return { width: width + 2 * MARGIN, height: height + 2 * MARGIN };
}

function typesAfter(client: PlainClient, count: number): string[] {
  return client.received.slice(count).map(({ type }) => type);
}

type Answer = { status: number; body: Record<string, unknown> };

async function get(server: TestServer, path: string): Promise<Answer> {
  const response = await fetch(`${server.api}${path}`);
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

async function post(server: TestServer, path: string, body: object): Promise<Answer> {
  const response = await fetch(`${server.api}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}
