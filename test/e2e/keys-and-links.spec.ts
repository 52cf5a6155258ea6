/** The console where keys and links are asked for: what opens a session, who may act in it, and where a secret never is. */
import type { Page, Request } from "@playwright/test";
import { CHALLENGE_VIEW, listen, loseSocketOnDemand, servePage } from "../support/console-socket.ts";
import { expect } from "../support/fixtures.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call, type OwnServer } from "../support/requests.ts";

const BOT_KEY = "bot-key-0123456789abcdef";
const OPS_KEY = "ops-key-0123456789abcdef";
const MAKER_KEY = "maker-key-0123456789abcd";
const SETTINGS = {
  API_KEYS: `bot:${BOT_KEY},ops:${OPS_KEY}:ops,maker:${MAKER_KEY}:sessions:create`,
  URL_ALLOW_PRIVATE: "on",
};
/** All that a watcher's console has to say. */
const WATCHING = ["ack", "features", "ping", "view"];

interface Session {
  readonly session_id: string;
  readonly control_url: string;
}

const test = base.extend<{
  guarded: OwnServer;
  /** A session on the page of console-socket.ts. */
  session: Session & { readonly presses: readonly { type: string; x: number; y: number }[] };
}>({
  guarded: async ({ startServer }, use) => use(await startServer(SETTINGS)),
  session: async ({ guarded, site, bot }, use) => {
    const { url, presses } = servePage(site);
    await use({ ...(await create(guarded, await bot.guest({ url }))), presses });
  },
});

const as = (key: string) => ({ authorization: `Bearer ${key}` });

async function create({ api }: OwnServer, body: object): Promise<Session> {
  const answer = await call("POST", `${api}/sessions`, body, as(BOT_KEY));
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body;
}

async function linkTo({ api }: OwnServer, id: string, body: object): Promise<{ link_id: string; url: string }> {
  return (await call("POST", `${api}/session/${id}/links`, body, as(BOT_KEY))).body;
}

function tokenOf(link: string): string {
  return new URL(link).hash.slice(1);
}

async function expectPhase(page: Page, phase: string): Promise<void> {
  await expect(page.locator("body")).toHaveAttribute("data-phase", phase);
}

async function expectRefused(page: Page, words: RegExp): Promise<void> {
  await expect(page.locator("body")).toHaveAttribute("data-outcome", "refused");
  await expect(page.locator("#ending-text")).toHaveText(words);
}

/** Everything that the page asks the server for. */
function requestsOf(page: Page): Request[] {
  const requests: Request[] = [];
  page.on("request", (request) => requests.push(request));
  return requests;
}

/** A secret goes out in the Authorization header, and is in nothing else that leaves the page or that it keeps. */
async function expectHidden(page: Page, requests: readonly Request[], secret: string, storedAs: string): Promise<void> {
  for (const request of requests) {
    const { authorization, ...headers } = await request.allHeaders();
    expect(`${request.url()} ${JSON.stringify(headers)} ${request.postData()}`).not.toContain(secret);
    expect([undefined, `Bearer ${secret}`]).toContain(authorization);
    expect(headers["referer"] ?? "").toBe("");
  }
  const where = await page.evaluate(() => ({
    address: location.href,
    title: document.title,
    dom: document.documentElement.outerHTML,
    typed: [...document.querySelectorAll("input")].map(({ value }) => value).join(),
    local: JSON.stringify(localStorage),
    cookies: document.cookie,
  }));
  for (const [place, text] of Object.entries(where)) expect(text, place).not.toContain(secret);
  expect(await page.evaluate((name) => sessionStorage.getItem(name), storedAs)).toBe(secret);
}

test("[R16] a link opens its session: a drag works, a reload too, and its token goes out as Bearer only", async ({
  session,
  operator,
}) => {
  const { page } = operator;
  const token = tokenOf(session.control_url);
  const requests = requestsOf(page);
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  const sockets: string[] = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  const line = listen(page);
  for (const open of [() => operator.open(session.control_url), () => page.reload()]) {
    await open();
    await expectPhase(page, "live");
    await operator.untilStill();
    await operator.drag({ x: 300, y: 250 }, { x: 500, y: 250 });
    await expect.poll(() => session.presses.at(-1)).toMatchObject({ type: expect.stringMatching(/mouseup|click/) });
    expect(Math.round(session.presses.at(-1)?.x ?? 0)).toBe(500);
  }
  expect(page.url()).toBe(session.control_url.replace(/#.*/, ""));
  await expectHidden(page, requests, token, `captcha-remote.link.${session.session_id}`);
  expect(requests.filter((request) => request.url().endsWith("/ticket"))).toHaveLength(2);
  expect(sockets).toHaveLength(2);
  expect(JSON.stringify([sockets, line.sent, said])).not.toContain(token);
});

test("[W26] the same link opens in a second tab, also after a robot has fetched it for a preview @long", async ({
  session,
  operator,
  context,
}) => {
  const preview = await call("GET", session.control_url);
  expect(preview.status).toBe(200);
  await operator.open(session.control_url);
  const second = await context.newPage();
  await second.goto(session.control_url);
  await expectPhase(second, "live");
  await expect(operator.page.locator("#people")).toHaveText("2 people here");
  await expect(second.locator("#take-control")).toBeVisible();
});

test("[R13] who has a revoked link is told at once and stays out; another link in the same tab opens", async ({
  guarded,
  session,
  operator,
}) => {
  const { page } = operator;
  const link = await linkTo(guarded, session.session_id, {});
  await operator.open(link.url);
  let sockets = 0;
  page.on("websocket", () => {
    sockets += 1;
  });
  await call("DELETE", `${guarded.api}/session/${session.session_id}/links/${link.link_id}`, undefined, as(BOT_KEY));
  await expectRefused(page, /^This link is not valid, or not any more/);
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.reload();
  await expectRefused(page, /^This link is not valid, or not any more/);
  expect(sockets).toBe(0);
  await expect(page.locator("#all-sessions")).toBeHidden();
  // A paste into the address bar: only the fragment differs, so the browser does not load the page anew.
  await page.evaluate((hash) => {
    location.hash = hash;
  }, tokenOf(session.control_url));
  await expectPhase(page, "live");
  expect(new URL(page.url()).hash).toBe("");
});

test("[R13] a link that expires lets go of who came by it, and opens nothing any more @long", async ({
  guarded,
  session,
  operator,
}) => {
  const { page } = operator;
  const { url } = await linkTo(guarded, session.session_id, { ttl_seconds: 3 });
  await page.goto(url);
  await expectPhase(page, "live");
  await expectRefused(page, /^This link is not valid, or not any more/);
  await page.goto("about:blank");
  await page.goto(url);
  await expectRefused(page, /^This link is not valid, or not any more/);
});

test("a link for watching shows the picture, and has no hands", async ({ guarded, session, operator, context }) => {
  const { page } = operator;
  const line = listen(page);
  const { url } = await linkTo(guarded, session.session_id, { role: "watch" });
  await operator.open(url);
  await expect(page.locator("#screen")).toHaveAttribute("data-view", CHALLENGE_VIEW);
  await expect(page.locator("#watching-text")).toHaveText("This link is for watching only.");
  for (const hands of ["#take-control", "#typing", "#keys", "#done", "#cannot", "#extend", "#screen-hint"]) {
    await expect(page.locator(hands), hands).toBeHidden();
  }
  await expect(page.locator("#screen")).toHaveAttribute("tabindex", "-1");
  await operator.drag({ x: 300, y: 250 }, { x: 500, y: 250 });
  await page.mouse.wheel(0, 200);
  await page.keyboard.type("abc");
  await page.locator("#view-switch").click();
  await expect(page.locator("#screen")).not.toHaveAttribute("data-view", CHALLENGE_VIEW);
  await operator.untilStill();
  expect([...new Set(line.sent.map(({ type }) => type))].filter((type) => !WATCHING.includes(type))).toEqual([]);
  expect(line.received.filter(({ type }) => type === "error")).toEqual([]);
  expect(session.presses).toEqual([]);
  // Control is still free for who comes to act.
  const hands = await context.newPage();
  await hands.goto(session.control_url);
  await expect(hands.locator("#log")).toContainText("You are in control.");
});

test("[R1] the list asks for a key, says what is wrong with one, keeps it in this tab only, and forgets it", async ({
  guarded,
  session,
  page,
}) => {
  const requests = requestsOf(page);
  const input = page.locator("#key-input");
  await page.goto(`${guarded.api}/control`);
  await expect(input).toBeFocused();
  await expect(page.locator("#living")).toBeHidden();
  await expect(page.locator("#open-to-all")).toBeHidden();
  for (const [key, words] of [
    ["wrong-key-0123456789abcdef", "The server does not know this key."],
    [MAKER_KEY, /^This key may not list sessions/],
  ] as const) {
    await input.fill(key);
    await page.keyboard.press("Enter");
    await expect(page.locator("#key-trouble")).toHaveText(words);
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  }
  requests.length = 0;
  await input.fill(OPS_KEY);
  await page.locator("#key-use").click();
  const row = page.locator("#session-list .row");
  await expect(row).toHaveCount(1);
  await expect(page.locator("#key-form")).toBeHidden();
  await expectHidden(page, requests, OPS_KEY, "captcha-remote.key");

  await page.reload();
  await row.click();
  await expectPhase(page, "live");
  expect(new URL(page.url()).pathname).toBe(new URL(session.control_url).pathname);
  await expectHidden(page, requests, OPS_KEY, "captcha-remote.key");

  await page.goBack();
  await page.locator("#forget-key").click();
  await expect(input).toBeFocused();
  await expect(row).toHaveCount(0);
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
});

test("[R1] the request that the empty list shows names no key @long", async ({ guarded, page }) => {
  await page.goto(`${guarded.api}/control`);
  await page.locator("#key-input").fill(OPS_KEY);
  await page.locator("#key-use").click();
  await expect(page.locator("#curl")).toContainText(`-H "authorization: Bearer $CAPTCHA_REMOTE_KEY"`);
  await expect(page.locator("#curl")).not.toContainText(OPS_KEY);
});

test("[R16] each socket has a ticket of its own; a network that fails twice is waited for @long", async ({
  session,
  operator,
}) => {
  const { page } = operator;
  await page.addInitScript(loseSocketOnDemand);
  let failures = 2;
  const tickets: string[] = [];
  await page.route("**/ticket", async (route) => {
    if (failures > 0) {
      failures -= 1;
      return route.abort("connectionreset");
    }
    const response = await route.fetch();
    tickets.push((await response.json()).ticket);
    return route.fulfill({ response });
  });
  await operator.open(session.control_url);
  expect(failures).toBe(0);
  failures = 2;
  await page.evaluate(() => dispatchEvent(new Event("lose-socket")));
  await expectPhase(page, "reconnecting");
  await expectPhase(page, "live");
  expect(failures).toBe(0);
  expect(new Set(tickets).size).toBe(2);
});

test("[R16] where too many were asked for, the console says so and waits as long as it is told to", async ({
  session,
  page,
}) => {
  const askedAt: number[] = [];
  await page.route("**/ticket", (route) => {
    askedAt.push(Date.now());
    const error = { code: "rate_limited", message: "Too many.", details: null };
    return route.fulfill({ status: 429, headers: { "retry-after": "40" }, json: { error } });
  });
  await page.goto(session.control_url);
  await expect(page.locator("#notice")).toHaveText("Too many requests; please wait a moment.");
  await expect(page.locator("#connection-text")).toHaveText(/in (39|40) s/);
  expect(askedAt).toHaveLength(1);
});

test("[W27] the bare address of a session says at once that it needs the whole link", async ({ session, page }) => {
  const sockets: string[] = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  const openedAt = Date.now();
  await page.goto(session.control_url.replace(/#.*/, ""));
  await expectRefused(page, /^This address needs its whole link/);
  // Less than a server waits for a first message.
  expectWithin(Date.now() - openedAt, 4_000);
  expect(sockets).toHaveLength(1);
});

test("the bare address is enough for a session that is legacy_open @long", async ({ guarded, site, operator }) => {
  const { session_id: id } = await create(guarded, { url: servePage(site).url, legacy_open: true });
  await operator.open(`${guarded.api}/control/${id}`);
  await expect(operator.page.locator("#done")).toBeEnabled();
});

test("a link to a session that has ended tells how it ended @long", async ({ guarded, session, page }) => {
  await call("DELETE", `${guarded.api}/session/${session.session_id}`, undefined, as(BOT_KEY));
  await page.goto(session.control_url);
  await expect(page.locator("body")).toHaveAttribute("data-outcome", "cancelled");
});

test("a demo that has ended is started again by its own link's holder @long", async ({ startServer, site, page }) => {
  site.serve("/jigsaw.html", `<div id="captcha" style="width:300px;height:200px">demo</div>`);
  const { api } = await startServer({ ...SETTINGS, DEMO: "on" }, { demoOrigin: () => site.origin });
  const first = await call("POST", `${api}/demo`, undefined, as(OPS_KEY));
  await page.goto(first.body.control_url);
  await expectPhase(page, "live");
  await call("DELETE", `${api}/session/demo`, undefined, as(OPS_KEY));
  await expectPhase(page, "ended");
  const token = await page.evaluate(() => sessionStorage.getItem("captcha-remote.link.demo"));
  await page.locator("#new-demo").click();
  await expectPhase(page, "live");
  expect(await page.evaluate(() => sessionStorage.getItem("captcha-remote.link.demo"))).not.toBe(token);
  expect(new URL(page.url()).hash).toBe("");
});

test("AUTH=off is said on every page of the console, and nobody is asked for a key", async ({
  startServer,
  site,
  operator,
}) => {
  const { page } = operator;
  const { api } = await startServer({ AUTH: "off", URL_ALLOW_PRIVATE: "on" });
  await page.goto(`${api}/control`);
  await expect(page.locator("#open-to-all")).toHaveText("AUTH=off: anyone on this machine can use this server.");
  await expect(page.locator("#key-form")).toBeHidden();
  await expect(page.locator("#curl")).not.toContainText("authorization");
  const requests = requestsOf(page);
  const session = (await call("POST", `${api}/sessions`, { url: servePage(site).url })).body;
  await operator.open(session.control_url);
  await expect(page.locator("#open-to-all")).toBeVisible();
  expect(requests.filter((request) => request.url().endsWith("/ticket"))).toEqual([]);
});
