/** The server dies at any moment and is started again: the same sessions, pages, links, people and ends. */
import { setTimeout as delay } from "node:timers/promises";
import { mergeTests } from "@playwright/test";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { startRelay } from "../../src/relay/index.ts";
import { EventStream } from "../support/event-stream.ts";
import { expect, type TestSite } from "../support/fixtures.ts";
import { test as withBots } from "../support/guest.ts";
import { fetchAsBot, TEST_KEY } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";
import { longUnless } from "../support/long-run.ts";
import { pidsWith, signalAll } from "../support/processes.ts";
import { ROUNDS, test as withFaults } from "../support/rounds.ts";
import { seeded } from "../support/seeded.ts";

const test = mergeTests(withFaults, withBots);

const JSON_FORM = ["captcha.json.v1"];
/** A challenge that goes when its button is pressed; the page tells of all that happens to it. */
const PAGE = `<body><div id="challenge" style="position:absolute;left:40px;top:60px;width:300px;height:120px;background:#def">
  <button id="solve" style="position:absolute;left:200px;top:40px;width:80px;height:40px">ok</button><input id="field"></div>
  <script>
    const tell = (what) => fetch("/told?" + encodeURIComponent(what), { method: "POST", keepalive: true }).catch(() => {});
    // The field keeps the focus.
    addEventListener("mousedown", (event) => event.target.id === "field" || event.preventDefault());
    for (const type of ["mousedown", "mouseup"]) addEventListener(type, () => tell(type));
    document.getElementById("field").addEventListener("input", (event) => tell("text " + event.target.value));
    document.getElementById("solve").addEventListener("click", () => document.getElementById("challenge").remove());
    window.born = Math.random();
    tell("born");
  </script></body>`;
const COMPLETION = { all: [{ gone: "#challenge" }] };
const SOLVE = { x: 280, y: 120 };
const FIELD = { x: 60, y: 70 };

function servePage(site: TestSite): { url: string; told: string[] } {
  const told: string[] = [];
  site.serve("/told", (request, response) => {
    told.push(decodeURIComponent(request.url?.split("?")[1] ?? ""));
    response.end();
  });
  return { url: site.serve("/", PAGE), told };
}

async function create(api: string, body: object): Promise<SessionAnswer> {
  const response = await fetchAsBot(`${api}/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.status, await response.clone().text()).toBe(201);
  return (await response.json()) as SessionAnswer;
}

async function statusOf(api: string, id: string, wait = 0): Promise<{ state: string; reason: string | null }> {
  return (await (await fetchAsBot(`${api}/status/${id}?wait=${wait}`)).json()) as never;
}

async function click(client: LiveClient, at: { x: number; y: number }): Promise<void> {
  for (const event_type of ["move", "down", "up"]) {
    client.send({ type: "mouse_event", event_type, ...at, button: "left", buttons: event_type === "down" ? 1 : 0 });
  }
}

for (let seed = 1; seed <= ROUNDS; seed += 1) {
  test(`[S9] [S4] [W2] [W16] kill -9 in the middle of a drag, and all goes on, seed ${seed}`, async ({
    mortal,
    site,
    connect,
  }) => {
    const random = seeded(seed);
    const { url, told } = servePage(site);
    const { api } = mortal.now();
    const session = await create(api, { url, completion: COMPLETION, timeout_seconds: 120, label: "kept" });
    const first = await connect(session.ws_url, { protocols: JSON_FORM });
    const before = await first.next("session_info");
    expect((await first.next("control")).you).toBe(true);
    await click(first, FIELD);
    first.send({ type: "text", text: "half a wor" });
    await expect.poll(() => told).toContain("text half a wor");
    first.send({ type: "mouse_event", event_type: "down", x: 60, y: 160, button: "left", buttons: 1 });
    await expect.poll(() => told.filter((what) => what === "mousedown")).toHaveLength(2);
    const dragging = (async () => {
      for (let x = 60; first.socket.readyState === first.socket.OPEN; x = (x + 3) % 300) {
        first.send({ type: "mouse_event", event_type: "move", x, y: 160, buttons: 1 });
        await delay(8);
      }
    })();
    await delay(random() * 400);
    await mortal.kill();
    await dragging;

    await mortal.startAgain();
    const second = await connect(session.ws_url, { protocols: JSON_FORM });
    const after = await second.next("session_info");
    expect(after).toMatchObject({ expires_at: before.expires_at, label: "kept", captcha_info: before.captcha_info });
    // Still in control, and nothing is held down any more.
    expect((await second.next("control")).you).toBe(true);
    await expect.poll(() => told.filter((what) => what === "mouseup")).toHaveLength(2);
    await second.nextPicture(() => true, 0);
    // The page is the very same, and its network is there: what is typed goes behind what was, and is told.
    second.send({ type: "text", text: "d" });
    await expect.poll(() => told).toContain("text half a word");
    expect(told.filter((what) => what === "born")).toHaveLength(1);
    await click(second, SOLVE);
    expect(await statusOf(mortal.now().api, session.session_id, 20)).toMatchObject({ state: "solved" });
    expect((await second.closed).code).toBe(1000);
    await expect.poll(() => pidsWith(`${mortal.now().dataDir}/profiles/`)).toEqual([]);
  });
}

test("[S9] [W57] [R28] kill -9 while a relay is used: the bot dials again, and page, link, control and relay go on", async ({
  mortal,
  botBrowser,
  site,
  connect,
}) => {
  const { url, told } = servePage(site);
  const page = await botBrowser.open(url, { width: 900, height: 640 });
  const relay = await startRelay(page, { server: mortal.now().url, key: TEST_KEY });
  const { id } = relay;
  try {
    const session = await create(mortal.now().api, { relay: id, completion: COMPLETION, timeout_seconds: 120 });
    const first = await connect(session.ws_url, { protocols: JSON_FORM });
    expect((await first.next("control")).you).toBe(true);
    await click(first, FIELD);
    first.send({ type: "text", text: "half a wor" });
    await expect.poll(() => told).toContain("text half a wor");
    first.send({ type: "mouse_event", event_type: "down", x: 60, y: 160, button: "left", buttons: 1 });
    await expect.poll(() => told.filter((what) => what === "mousedown")).toHaveLength(2);
    await mortal.kill();

    await mortal.startAgain();
    const second = await connect(session.ws_url, { protocols: JSON_FORM });
    await second.nextPicture(() => true, 0);
    expect((await second.next("control")).you).toBe(true);
    expect(relay.id).toBe(id);
    // Nothing is held down any more, and the page is the very same.
    await expect.poll(() => told.filter((what) => what === "mouseup")).toHaveLength(2);
    second.send({ type: "text", text: "d" });
    await expect.poll(() => told).toContain("text half a word");
    expect(told.filter((what) => what === "born")).toHaveLength(1);
    await click(second, SOLVE);
    expect(await statusOf(mortal.now().api, session.session_id, 20)).toMatchObject({ state: "solved" });
    // The page is lent again, under the same id.
    await create(mortal.now().api, { relay: id, timeout_seconds: 120 });
  } finally {
    await relay.close();
  }
});

test("[S9] [W57] a deploy with KEEP_BROWSERS=on keeps a relay's session, whose page is let go of meanwhile @long", async ({
  mortal,
  botBrowser,
  site,
  connect,
}) => {
  const { url, told } = servePage(site);
  const page = await botBrowser.open(url, { width: 900, height: 640 });
  await mortal.stop();
  const { url: server, api } = await mortal.startAgain({ KEEP_BROWSERS: "on" });
  const relay = await startRelay(page, { server, key: TEST_KEY });
  try {
    const session = await create(api, { relay: relay.id, completion: COMPLETION, timeout_seconds: 120 });
    const first = await connect(session.ws_url, { protocols: JSON_FORM });
    await first.next("control");
    first.send({ type: "mouse_event", event_type: "down", x: 60, y: 160, button: "left", buttons: 1 });
    await expect.poll(() => told).toContain("mousedown");
    await mortal.stop();
    await expect.poll(() => told).toContain("mouseup");
    await mortal.startAgain();
    const second = await connect(session.ws_url, { protocols: JSON_FORM });
    await second.nextPicture(() => true, 0);
    await click(second, SOLVE);
    expect(await statusOf(mortal.now().api, session.session_id, 20)).toMatchObject({ state: "solved" });
  } finally {
    await relay.close();
  }
});

test("[S9] [W47] the windows that the page had opened are followed again, and the first one is shown @long", async ({
  mortal,
  site,
  connect,
}) => {
  site.serve("/window", `<title>window</title>${PAGE}`);
  site.serve("/told", (_request, response) => void response.end());
  const url = site.serve("/", `<title>first</title><script>onmousedown = () => open("/window");</script>`);
  const session = await create(mortal.now().api, { url, timeout_seconds: 120 });
  const joined = async (form = JSON_FORM) => {
    const client = await connect(session.ws_url, { protocols: form });
    await client.next("session_info");
    client.send({ type: "features", features: ["windows"] });
    return client;
  };
  const titles = (client: LiveClient) =>
    client.received
      .flatMap((message) => (message.type === "windows" ? [message.windows] : []))
      .at(-1)
      ?.map(({ title, active }) => [title, active]);
  const first = await joined();
  await click(first, { x: 30, y: 30 });
  await expect
    .poll(() => titles(first))
    .toEqual([
      ["first", false],
      ["window", true],
    ]);
  await mortal.kill();
  await mortal.startAgain();
  const second = await joined();
  await expect
    .poll(() => titles(second))
    .toEqual([
      ["first", true],
      ["window", false],
    ]);
  const { windows } = await second.next("windows", (list) => list.windows.length === 2);
  second.send({ type: "window", window_id: windows[1]?.id, action: "close" });
  await expect.poll(() => titles(second)).toEqual([["first", true]]);
});

/** A page that tells of its keys, and opens another one when it is pressed. */
const KEYS_PAGE = (title: string) => `<title>${title}</title><script>
    for (const type of ["keydown", "keyup"]) addEventListener(type, (event) =>
      event.repeat || fetch("/told?" + [document.title, type, event.code], { method: "POST", keepalive: true }));
    onmousedown = () => open("/window");
  </script>`;
/** Longer than a key that types must be down to be kept for the next server. */
const HELD_MS = 1_000;

for (const where of ["first", "window"] as const) {
  test(`[S9] [W24] keys that a killed server has left down are let go of: ${where}${longUnless(where === "window")}`, async ({
    mortal,
    site,
    connect,
  }) => {
    const told: string[] = [];
    site.serve("/told", (request, response) => {
      told.push(decodeURIComponent(request.url?.split("?")[1] ?? ""));
      response.end();
    });
    site.serve("/window", KEYS_PAGE("window"));
    const session = await create(mortal.now().api, { url: site.serve("/", KEYS_PAGE("first")), timeout_seconds: 120 });
    const client = await connect(session.ws_url, { protocols: JSON_FORM });
    await client.next("session_info");
    client.send({ type: "features", features: ["windows"] });
    if (where === "window") {
      await click(client, { x: 30, y: 30 });
      await client.next("windows", ({ windows }) => windows.some(({ title, active }) => title === where && active));
    }
    client.send({ type: "key", event_type: "down", key: "w", code: "KeyW" });
    client.send({ type: "key", event_type: "down", key: "Shift", code: "ShiftLeft" });
    await expect.poll(() => told).toEqual([`${where},keydown,KeyW`, `${where},keydown,ShiftLeft`]);
    await delay(HELD_MS);
    await mortal.kill();
    expect(told).toHaveLength(2);
    await mortal.startAgain();
    await expect.poll(() => told.slice(2).sort()).toEqual([`${where},keyup,KeyW`, `${where},keyup,ShiftLeft`]);
  });
}

test("[S9] [R10] size, language, time zone, user agent and headers are as they were asked for @long", async ({
  mortal,
  site,
  connect,
}) => {
  const told: string[] = [];
  site.serve("/told", (request, response) => {
    told.push(`${decodeURIComponent(request.url?.split("?")[1] ?? "")} ${request.headers["x-shop"]}`);
    response.end();
  });
  const url = site.serve(
    "/",
    `<script>addEventListener("mousedown", () => fetch("/told?" + encodeURIComponent([innerWidth, innerHeight,
      navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.userAgent].join(" "))))</script>`,
  );
  const session = await create(mortal.now().api, {
    url,
    viewport: { width: 700, height: 500 },
    locale: "fr-FR",
    timezone: "Asia/Tokyo",
    user_agent: "a bot of ours",
    extra_headers: { "x-shop": "7" },
  });
  const before = await connect(session.ws_url, { protocols: JSON_FORM });
  await before.next("session_info");
  await click(before, SOLVE);
  await expect.poll(() => told).toEqual(["700 500 fr-FR Asia/Tokyo a bot of ours 7"]);
  await mortal.kill();
  await mortal.startAgain();
  const after = await connect(session.ws_url, { protocols: JSON_FORM });
  const info = await after.next("session_info", ({ screenshot }) => Boolean(screenshot));
  expect(info.viewport).toEqual({ width: 700, height: 500 });
  await click(after, SOLVE);
  await expect.poll(() => told).toHaveLength(2);
  expect(told[1]).toBe(told[0]);
});

test("[S9] [R10] [K1] [S10] guests: as they were found, cleared meanwhile, and behind a dialog of their own", async ({
  mortal,
  site,
  botBrowser,
  connect,
}) => {
  const { url, told } = servePage(site);
  const { api } = mortal.now();
  const open = async (name: string) => {
    const page = await botBrowser.open(`${url}?${name}`);
    const cdp = { endpoint: botBrowser.endpoint, url_contains: `?${name}` };
    return { page, session: await create(api, { cdp, completion: COMPLETION }) };
  };
  const [found, cleared, asking] = [await open("found"), await open("cleared"), await open("asking")];
  await mortal.kill();
  // The rules go on from what they had seen: gone is not unknown.
  await cleared.page.evaluate(() => document.getElementById("challenge")?.remove());
  const dialog = new Promise<{ accept(): Promise<void> }>((resolve) => asking.page.once("dialog", resolve));
  const answer = asking.page.evaluate(() => confirm("Go on?"));
  const opened = await dialog;
  await mortal.startAgain();

  expect(await statusOf(api, cleared.session.session_id, 20)).toMatchObject({ state: "solved", reason: "rules_met" });
  const client = await connect(found.session.ws_url, { protocols: JSON_FORM });
  await client.nextPicture(() => true, 0);
  await click(client, SOLVE);
  expect(await statusOf(api, found.session.session_id, 20)).toMatchObject({ state: "solved" });
  expect(await found.page.locator("#challenge").count()).toBe(0);
  expect(told.filter((what) => what === "born")).toHaveLength(3);
  // It is waited for, and the bot's answer is the bot's. The first session_info comes at once, without a picture.
  const waiting = await connect(asking.session.ws_url, { protocols: JSON_FORM });
  expect((await waiting.next("session_info")).screenshot).toBeNull();
  await opened.accept();
  expect(await answer).toBe(true);
  await waiting.next("session_info", ({ screenshot }) => screenshot !== null);
});

test("[S9] [S4] [R14] what cannot be come back to ends as what it is, told once: killed browser, closed guest, time that is up", async ({
  mortal,
  site,
  botBrowser,
}) => {
  const { url } = servePage(site);
  const page = await botBrowser.open(`${url}?guest`);
  const { api, dataDir } = mortal.now();
  const [owned, guest] = await Promise.all([
    create(api, { url }),
    create(api, { cdp: { endpoint: botBrowser.endpoint, url_contains: "?guest" } }),
  ]);
  await botBrowser.open(`${url}?late`);
  const cdp = { endpoint: botBrowser.endpoint, url_contains: "?late" };
  const late = await create(api, { cdp, timeout_seconds: 5 });
  await mortal.kill();
  signalAll(await pidsWith(`${dataDir}/profiles/${owned.session_id}`), "SIGKILL");
  await page.close();
  await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(late.expires_at));
  await mortal.startAgain();
  const expected = [
    [owned, { state: "failed", reason: "browser_lost" }],
    [guest, { state: "failed", reason: "page_closed" }],
    [late, { state: "expired", reason: "timeout" }],
  ] as const;
  for (const [{ session_id }, end] of expected) {
    expect(await statusOf(api, session_id, 10)).toMatchObject(end);
    const stream = await EventStream.open(`${api}/session/${session_id}/events`, { "last-event-id": "0" });
    await stream.ended;
    expect(stream.types().filter((type) => type === "session.ended")).toHaveLength(1);
  }
  await expect.poll(() => pidsWith(`${dataDir}/profiles/`)).toEqual([]);
});

test.describe("without keys", () => {
  test.use({ settings: { AUTH: "off" } });

  test("[S9] [W16] nobody who cannot be recognised keeps control over a restart @long", async ({
    mortal,
    site,
    connect,
  }) => {
    const { url } = servePage(site);
    const { api } = mortal.now();
    const session = await create(api, { url });
    const first = await connect(session.ws_url, { protocols: JSON_FORM });
    expect((await first.next("control")).you).toBe(true);
    await mortal.kill();
    await mortal.startAgain();
    await expect.poll(async () => (await statusOf(api, session.session_id)).state).toBe("waiting");
    const second = await connect(session.ws_url, { protocols: JSON_FORM });
    expect((await second.next("control")).you).toBe(true);
  });
});
