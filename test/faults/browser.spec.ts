/** The browser dies or hangs: noticed soon, told as what it is, and the page comes back where the bot allowed that. */
import { mergeTests } from "@playwright/test";
import type { SessionEventOf } from "../../src/protocol/events.ts";
import type { PictureFacts } from "../../src/protocol/frame.ts";
import { EventStream } from "../support/event-stream.ts";
import { BRIEF_SEARCH_MS, test as base, expect, type TestServer, type TestSite } from "../support/fixtures.ts";
import { test as withBots } from "../support/guest.ts";
import type { LiveClient } from "../support/live-client.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { BOX, COMPLETION, colourAt, FOLLOWING, INSIDE, isNear, markedPage, VIEWPORT } from "../support/marked-page.ts";
import { expectWithin } from "../support/pace.ts";
import { descendantsOf, pidsWith, signalAll } from "../support/processes.ts";
import { memoryOf } from "../support/resume-state.ts";
import { ROUNDS } from "../support/rounds.ts";
import { Watcher } from "../support/watcher.ts";

const test = mergeTests(base, withBots).extend<{ events: (id: string) => Promise<EventStream> }>({
  events: async ({ server }, use) => {
    const open: EventStream[] = [];
    await use(async (id) => {
      const stream = await EventStream.open(`${server.api}/session/${id}/events`);
      open.push(stream);
      return stream;
    });
    for (const stream of open) stream.close();
  },
});

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const JSON_FORM = { protocols: ["captcha.json.v1"] };
/** Told within so long of what happened. */
const SOON_MS = 2_000;
/** A hang, while nobody is connected and nobody has acted. */
const SOON_ALONE_MS = 7_000;
const LOOP = "/loop";

/** A page with a word of its own in a cookie and in its storage; a click makes it compute for a while. */
function servePage(site: TestSite, busyMs = 4_000): { url: string; visits: { path: string; cookie: string }[] } {
  const visits: { path: string; cookie: string }[] = [];
  const page = `<body style="height:100%">page<script>
    document.cookie = "word=kept; max-age=1000";
    document.title = localStorage.getItem("word") ?? "";
    localStorage.setItem("word", "kept");
    fetch("/title?" + document.title);
    addEventListener("mousedown", () => { const end = Date.now() + ${busyMs}; while (Date.now() < end); });
  </script></body>`;
  for (const path of ["/", "/second", "/title"]) {
    site.serve(path, (request, response) => {
      visits.push({ path: request.url ?? "", cookie: request.headers.cookie ?? "" });
      response.setHeader("content-type", "text/html").end(page);
    });
  }
  return { url: site.serve(LOOP, page).replace(LOOP, "/"), visits };
}

function browserPids(server: TestServer, id: string): Promise<number[]> {
  return pidsWith(`--user-data-dir=${server.dataDir}/profiles/${id}`);
}

/** The processes of its pages, of which the system kills one first when memory runs out. */
async function rendererPids(server: TestServer, id: string): Promise<number[]> {
  const [below, renderers] = await Promise.all([
    Promise.all((await browserPids(server, id)).map(descendantsOf)),
    pidsWith("--type=renderer"),
  ]);
  return below.flat().filter((pid) => renderers.includes(pid));
}

async function signal(server: TestServer, id: string, name: NodeJS.Signals): Promise<number> {
  signalAll(await browserPids(server, id), name);
  return Date.now();
}

type Condition = SessionEventOf<"session.page">["data"]["condition"];

/** When this was told first. */
async function toldAt(stream: EventStream, condition: Condition): Promise<number> {
  const find = () =>
    stream.events.find(({ event }) => event.type === "session.page" && event.data.condition === condition)?.at;
  await expect.poll(find, { intervals: [50] }).toBeDefined();
  return find() ?? Number.NaN;
}

/** One that computes is the machine's load: once in `npm test`. */
for (let round = 1; round <= (IS_LONG_RUN ? ROUNDS : 1); round += 1) {
  test(`[S10] a page that computes without end is unresponsive, and then answers again; others feel nothing, ${round}`, async ({
    site,
    bot,
    connect,
    events,
  }) => {
    const { url } = servePage(site);
    const [session, other] = await Promise.all([bot.create({ url }), bot.createGuest({ url })]);
    const stream = await events(session.session_id);
    const client = await connect(session.ws_url, JSON_FORM);
    await client.next("session_info");
    client.send({ type: "mouse_event", event_type: "down", x: 20, y: 20, button: "left", buttons: 1 });
    const at = Date.now();
    expectWithin((await toldAt(stream, "page_unresponsive")) - at, SOON_MS);
    await client.next("page_notice", ({ notice }) => notice === "page_unresponsive");
    const late = await connect(session.ws_url, JSON_FORM);
    await late.next("page_notice", ({ notice }) => notice === "page_unresponsive");
    const asked = Date.now();
    expect((await bot.info(other.session_id)).state).toBe("waiting");
    expectWithin(Date.now() - asked, 1_000);
    await toldAt(stream, "page_responsive");
    expect((await bot.info(session.session_id)).state).toBe("active");
  });
}

for (let round = 1; round <= ROUNDS; round += 1) {
  test(`[S10] a browser that is stopped is unresponsive, and goes on when it is let go on, ${round}`, async ({
    server,
    site,
    bot,
    events,
  }) => {
    const { url } = servePage(site);
    const session = await bot.create({ url });
    const stream = await events(session.session_id);
    const at = await signal(server, session.session_id, "SIGSTOP");
    expectWithin((await toldAt(stream, "page_unresponsive")) - at, SOON_ALONE_MS);
    await signal(server, session.session_id, "SIGCONT");
    await toldAt(stream, "page_responsive");
    expect((await bot.info(session.session_id)).state).toBe("waiting");
  });
}

for (let round = 1; round <= ROUNDS; round += 1) {
  const victims = ["browser", "renderer"] as const;
  for (const victim of IS_LONG_RUN ? victims : [victims[round % 2]]) {
    test(`[S10] [R10] on_crash reopen: a page whose ${victim} is killed is there again with its cookies and its storage, ${round}`, async ({
      server,
      site,
      bot,
      connect,
      events,
    }) => {
      const { url, visits } = servePage(site);
      let starts = 0;
      const start = site.serve("/start", (_request, response) => {
        starts += 1;
        response
          .setHeader("content-type", "text/html")
          .end(`<script>location.replace(${JSON.stringify(url)})</script>`);
      });
      const session = await bot.create({ url: start, on_crash: "reopen" });
      const stream = await events(session.session_id);
      const client = await connect(session.ws_url, JSON_FORM);
      await client.next("session_info");
      await expect
        .poll(() => memoryOf(server.dataDir, session.session_id).checkpoint?.storage_state?.cookies)
        .toHaveLength(1);
      const before = client.received.length;
      const pids = await (victim === "browser" ? browserPids : rendererPids)(server, session.session_id);
      expect(pids).not.toEqual([]);
      signalAll(pids, "SIGKILL");
      const at = Date.now();
      expectWithin((await toldAt(stream, "page_reopening")) - at, SOON_MS);
      await toldAt(stream, "page_reopened");
      const pages = () => visits.filter(({ path }) => path === "/");
      expect(pages()).toHaveLength(2);
      expect(starts, "it is opened where it was, not where it began").toBe(1);
      expect(pages()[1]?.cookie).toContain("word=kept");
      await expect.poll(() => visits.some(({ path }) => path === "/title?kept")).toBe(true);
      // The person is still in control, and sees the new page.
      const info = await client.next("session_info", ({ screenshot }) => Boolean(screenshot), before);
      expect(info.state).toBe("active");
      expect(await browserPids(server, session.session_id)).not.toEqual([]);
    });
  }
}

/** Where a password is typed, in CSS px of the page. */
const SECRET = { x: BOX.x + 100, y: BOX.y + 155, width: 100, height: 30 };
const SECRET_COLOUR = [120, 200, 120] as const;
const DOT_COLOUR = [204, 51, 0] as const;
const BLACK = [0, 0, 0] as const;
const DRAG_STEPS = 10;
const STEP_PX = 8;

/** A dot that follows the pointer, and beside it a field for a password. */
function dragPage(): string {
  const { x, y, width, height } = SECRET;
  const place = `left:${x - BOX.x}px;top:${y - BOX.y}px;width:${width}px;height:${height}px`;
  const field = `<input type="password" style="position:absolute;box-sizing:border-box;border:0;${place}">`;
  return markedPage(`${FOLLOWING}
    box.insertAdjacentHTML("beforeend", ${JSON.stringify(field)});
    box.querySelector("input").style.background = "rgb(${SECRET_COLOUR})";`);
}

type Shown = PictureFacts & { readonly jpeg: Buffer };

/** Drags the dot step by step; how many of the steps each of `viewers` saw, and what colour the password's field had. */
async function drag(client: LiveClient, viewers: readonly { readonly pictures: readonly Shown[] }[]) {
  const seen = viewers.map(() => ({ steps: 0, secret: [] as (readonly [number, number, number])[] }));
  const { y } = INSIDE;
  client.send({ type: "mouse_event", event_type: "down", x: BOX.x, y, button: "left", buttons: 1 });
  for (let step = 1; step <= DRAG_STEPS; step += 1) {
    const moved = step * STEP_PX;
    client.send({ type: "mouse_event", event_type: "move", x: BOX.x + moved, y, buttons: 1 });
    const dot = { x: BOX.x + 50 + moved + 15, y: BOX.y + 95 };
    // One that starts between this dot and the last shows this step and no other.
    const edge = { x: dot.x + 15 - STEP_PX / 2, y: dot.y };
    const beyond = { x: dot.x + 15 + STEP_PX / 2, y: dot.y };
    for (const [index, { pictures }] of viewers.entries()) {
      const showsStep = async () => {
        const last = pictures.at(-1);
        if (!last) return false;
        const [at, after] = await Promise.all([colourAt(last, edge), colourAt(last, beyond)]);
        return isNear(at, DOT_COLOUR) && !isNear(after, DOT_COLOUR);
      };
      await expect.poll(showsStep, { message: `viewer ${index} sees step ${step}`, intervals: [20] }).toBe(true);
      const last = pictures.at(-1);
      const counted = seen[index];
      if (!last || !counted) continue;
      counted.steps += 1;
      counted.secret.push(await colourAt(last, { x: SECRET.x + SECRET.width / 2, y: SECRET.y + SECRET.height / 2 }));
    }
  }
  client.send({
    type: "mouse_event",
    event_type: "up",
    x: BOX.x + DRAG_STEPS * STEP_PX,
    y,
    button: "left",
    buttons: 0,
  });
  return seen;
}

test("[S10] [W5] [W21] [W28] on_crash reopen: a drag on the page that is there again is seen as before, and a watcher sees no secrets", async ({
  server,
  site,
  bot,
  connect,
  events,
}) => {
  const session = await bot.create({
    url: site.serve("/", dragPage()),
    viewport: VIEWPORT,
    completion: COMPLETION,
    on_crash: "reopen",
  });
  const stream = await events(session.session_id);
  const client = await connect(session.ws_url, JSON_FORM);
  await client.next("session_info", ({ captcha_info }) => captcha_info !== null);
  const watcher = await Watcher.join(server.controller, session.session_id);
  const expectSeen = async () => {
    const [operator, watching] = await drag(client, [client, watcher]);
    expect([operator?.steps, watching?.steps]).toEqual([DRAG_STEPS, DRAG_STEPS]);
    for (const colour of operator?.secret ?? []) expect(isNear(colour, SECRET_COLOUR), `${colour}`).toBe(true);
    for (const colour of watching?.secret ?? []) expect(isNear(colour, BLACK), `${colour}`).toBe(true);
  };
  await expectSeen();
  signalAll(await rendererPids(server, session.session_id), "SIGKILL");
  await toldAt(stream, "page_reopened");
  await expectSeen();
  const numbers = client.pictures.map(({ seq }) => seq);
  expect(numbers, "they grow from picture to picture, whatever page it is of").toEqual(
    [...new Set(numbers)].sort((a, b) => a - b),
  );
  watcher.leave();
});

test("[S10] [R10] on_crash reopen: a page that crashes for the fourth time ends", async ({
  server,
  site,
  bot,
  events,
}) => {
  test.skip(!IS_LONG_RUN, "four browsers one after the other");
  const { url } = servePage(site);
  const session = await bot.create({ url, on_crash: "reopen", label: "crashes" });
  const stream = await events(session.session_id);
  for (let times = 1; times <= 4; times += 1) {
    await signal(server, session.session_id, "SIGKILL");
    const count = () =>
      stream.events.filter(({ event }) => event.type === "session.page" && event.data.condition === "page_reopened")
        .length;
    if (times <= 3) await expect.poll(count).toBe(times);
  }
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "failed", reason: "browser_lost" });
});

for (let round = 1; round <= ROUNDS; round += 1) {
  test(`[S10] a page that takes all its memory is told of, and opened again where the bot allows it, ${round}`, async ({
    site,
    bot,
    connect,
    events,
  }) => {
    test.skip(!IS_LONG_RUN, "it takes 4 GB, and the time to fill them");
    const url = site.serve(
      "/",
      `<body style="height:100%"><script>addEventListener("mousedown", () => {
        for (const all = []; ; ) all.push(new Array(1 << 24).fill(0.5));
      })</script></body>`,
    );
    const [kept, lost] = await Promise.all([bot.create({ url, on_crash: "reopen" }), bot.create({ url })]);
    for (const { session_id, ws_url } of [kept, lost]) {
      const stream = await events(session_id);
      const client = await connect(ws_url, JSON_FORM);
      await client.next("session_info");
      client.send({ type: "mouse_event", event_type: "down", x: 20, y: 20, button: "left", buttons: 1 });
      const at = Date.now();
      const told = () => stream.events.find(({ event }) => ["session.page", "session.ended"].includes(event.type))?.at;
      await expect.poll(told, { intervals: [50] }).toBeDefined();
      expectWithin((told() ?? Number.NaN) - at, SOON_MS);
      if (session_id === kept.session_id) await toldAt(stream, "page_reopened");
    }
    expect(await bot.waitForEnd(lost.session_id)).toMatchObject({ state: "failed", reason: "page_crashed" });
    expect((await bot.info(kept.session_id)).state).toBe("active");
  });
}

test("[S10] a browser that is stopped for good is lost after 30 s, and not before", async ({
  server,
  site,
  bot,
  events,
}) => {
  test.skip(!IS_LONG_RUN, "it takes half a minute");
  const session = await bot.create({ url: servePage(site).url });
  const stream = await events(session.session_id);
  const at = await signal(server, session.session_id, "SIGSTOP");
  await toldAt(stream, "page_unresponsive");
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "failed", reason: "browser_lost" });
  expect(Date.now() - at).toBeGreaterThan(29_000);
  await expect.poll(() => browserPids(server, session.session_id)).toEqual([]);
});

test("[S10] a guest whose own dialog is open does not hang: told as a dialog, and it goes on when the bot answers", async ({
  site,
  bot,
  botBrowser,
  events,
}) => {
  const { url } = servePage(site);
  const page = await botBrowser.open(url);
  const session = await bot.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: url } });
  const stream = await events(session.session_id);
  const dialog = new Promise<{ accept(): Promise<void> }>((resolve) => page.once("dialog", resolve));
  const answered = page.evaluate(() => confirm("Go on?"));
  const opened = await dialog;
  await toldAt(stream, "dialog_open");
  await opened.accept();
  expect(await answered).toBe(true);
  await toldAt(stream, "page_responsive");
  expect(stream.types()).not.toContain("session.ended");
  expect((await bot.info(session.session_id)).state).toBe("waiting");
});
