/** [R28] [R29] [W57] A page of the bot's own over a relay, with real browsers: what a person sees and does, and what stays as it was. */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect as connectTo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { mergeTests, type Page } from "@playwright/test";
import sharp from "sharp";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { type Lent, type Relay, type RelayOptions, startRelay } from "../../src/relay/index.ts";
import { CaptchaRemoteClient } from "../../src/sdk/index.ts";
import { runCommand } from "../support/commands.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { expect, test as withGuests } from "../support/guest.ts";
import { TEST_KEY } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";
import { watchProgram } from "../support/programs.ts";
import { type Relay as Line, startRelay as startLine } from "../support/relay.ts";
import { call, test as withServers } from "../support/requests.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

const CHALLENGE = `<!doctype html><title>shop</title><body style="margin:0;height:2000px">
  <div id="captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>
  <script>
    const happened = [];
    for (const type of ["resize", "focus", "blur", "scroll", "visibilitychange"]) addEventListener(type, () => happened.push(type));
    visualViewport.addEventListener("resize", () => happened.push("visual resize"));
    matchMedia("(min-width: 700px)").addEventListener("change", () => happened.push("media"));
    const look = () => JSON.stringify([innerWidth, innerHeight, outerWidth, outerHeight, screen.width, screen.height,
      devicePixelRatio, visualViewport.width, navigator.maxTouchPoints, happened]);
    document.querySelector("#captcha").addEventListener("pointerup", (event) => event.target.remove());
  </script>`;
const VIEWPORT = { width: 900, height: 640 };
const DONE = { any: [{ gone: "#captcha" }], stable_ms: 100 };
const NEVER = { any: [{ visible: "#never" }] };

const test = mergeTests(withGuests, withServers).extend<{
  lend: (lent: Lent, options?: RelayOptions, server?: string) => Promise<Relay>;
  line: Line;
}>({
  lend: async ({ server }, use) => {
    const relays: Relay[] = [];
    await use(async (lent, options, url = server.url) => {
      const relay = await startRelay(lent, { server: url, key: TEST_KEY }, options);
      relays.push(relay);
      return relay;
    });
    for (const relay of relays) await relay.close();
  },
  line: async ({ server }, use) => {
    const line = await startLine(server.url);
    await use(line);
    await line.close();
  },
});

async function operating(
  { ws_url }: SessionAnswer,
  connect: (url: string, options: { protocols: string[] }) => Promise<LiveClient>,
): Promise<LiveClient> {
  const client = await connect(ws_url, { protocols: ["captcha.binary.v1"] });
  client.acks = true;
  await client.next("session_info");
  return client;
}

function press(client: LiveClient, x: number, y: number): void {
  client.send({ type: "mouse_event", event_type: "down", x, y, button: "left", buttons: 1 });
  client.send({ type: "mouse_event", event_type: "up", x, y, button: "left", buttons: 0 });
}

/** Each way to lend a page: what the creation says of its pictures, and the part that they show. */
const WAYS = [
  {
    name: "a Playwright page, by the SDK",
    pictures: "part",
    viewport: VIEWPORT,
    lent: (page: Page, _endpoint: string): Lent => page,
  },
  {
    name: "a page by its debugging endpoint",
    pictures: "half",
    viewport: null,
    lent: (_page: Page, endpoint: string): Lent => endpoint,
  },
] as const;

for (const { name, pictures, viewport, lent } of WAYS) {
  test(`[R28] [R29] ${name}: a person clears it, and the page notices nothing but the hand`, async ({
    botBrowser,
    bot,
    site,
    connect,
    lend,
  }) => {
    const page = await botBrowser.open(site.serve("/guest", CHALLENGE), viewport);
    const before = await page.evaluate("look()");
    const relay = await lend(lent(page, botBrowser.endpoint), { urlContains: "/guest" });
    const session = await bot.create({ relay: relay.id, completion: DONE });
    expect(session).toMatchObject({ pictures, captcha_info: { kind: "generic", x: 40, y: 60 } });
    const client = await operating(session, connect);
    const picture = await client.nextPicture(undefined, 0);
    expect(picture.view).toEqual({ x: 30, y: 50, width: 320, height: 220 });
    const { width } = await sharp(picture.jpeg).metadata();
    expect(width).toBe(pictures === "part" ? 320 : 160);
    expect(await page.evaluate("look()")).toBe(before);
    press(client, 100, 120);
    expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "solved", reason: "rules_met" });
    expect(await page.locator("#captcha").count()).toBe(0);
    await expect.poll(async () => page.evaluate("look()")).toBe(before);
    const shot = await sharp(await page.screenshot()).metadata();
    if (viewport) expect({ width: shot.width, height: shot.height }).toEqual(viewport);
  });
}

test("[R29] a phone's page is cropped as sharp as it is, stays as it is, and is cropped again after a new size", async ({
  botBrowser,
  bot,
  site,
  connect,
  lend,
}) => {
  const context = await botBrowser.browser.newContext({
    viewport: { width: 390, height: 664 },
    deviceScaleFactor: 3,
    isMobile: true,
    hasTouch: true,
  });
  const page = await context.newPage();
  await page.goto(
    site.serve("/phone", CHALLENGE.replace("<title>", '<meta name="viewport" content="width=device-width"><title>')),
  );
  const before = await page.evaluate("look()");
  const relay = await lend(page);
  const session = await bot.create({ relay: relay.id, completion: NEVER });
  const client = await operating(session, connect);
  const part = await client.nextPicture(({ view }) => view.width === 320, 0);
  expect((await sharp(part.jpeg).metadata()).width).toBe(Math.round(320 * part.scale));
  expect(await page.evaluate("look()")).toBe(before);
  await page.setViewportSize({ width: 360, height: 600 });
  await page.evaluate(`document.querySelector("#captcha").style.background = "#edc"`);
  // Cropped still: a whole page would be 360 px wide.
  await expect
    .poll(async () => {
      const last = client.pictures.at(-1);
      const { dominant } = await sharp(last?.jpeg).stats();
      return [last?.view.width, dominant.r > dominant.b];
    })
    .toEqual([320, true]);
});

test("[W57] a broken line comes back with the session alive and the page as it was left", async ({
  botBrowser,
  bot,
  site,
  connect,
  lend,
  line,
}) => {
  const page = await botBrowser.open(site.serve("/guest", CHALLENGE), VIEWPORT);
  const relay = await lend(page, {}, line.url);
  const { id } = relay;
  const session = await bot.create({ relay: id, completion: DONE });
  const client = await operating(session, connect);
  client.send({ type: "mouse_event", event_type: "down", x: 100, y: 120, button: "left", buttons: 1 });
  await client.nextPicture(undefined, 0);
  await line.cut();
  await client.next("page_notice", ({ notice }) => notice === "page_unresponsive");
  await page.evaluate(`document.title = "still here"`);
  await line.mend();
  const mended = performance.now();
  await client.next("page_notice", ({ notice }) => notice === "page_responsive");
  expect(performance.now() - mended).toBeLessThan(2_000);
  expect(relay.id).toBe(id);
  const from = client.pictures.length;
  await page.evaluate(`document.querySelector("#captcha").style.background = "#fc0"`);
  await client.nextPicture(undefined, from);
  client.send({ type: "mouse_event", event_type: "up", x: 100, y: 120, button: "left", buttons: 0 });
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "solved" });
  expect(await page.title()).toBe("still here");
});

test("[W57] a line that is dead without a word is given up and dialled again by the bot", async ({
  botBrowser,
  bot,
  site,
  connect,
  lend,
  line,
}) => {
  const page = await botBrowser.open(site.serve("/guest", CHALLENGE), VIEWPORT);
  const relay = await lend(page, {}, line.url);
  const session = await bot.create({ relay: relay.id, completion: NEVER });
  const client = await operating(session, connect);
  line.lose("answers");
  line.lose("requests");
  await client.next("page_notice", ({ notice }) => notice === "page_unresponsive");
  await expect.poll(() => relay.isUp, { timeout: 15_000 }).toBe(false);
  await line.cut();
  await line.mend();
  await client.next("page_notice", ({ notice }) => notice === "page_responsive");
});

test("[S2] [R28] the bot takes its page back, closes it, or goes: the session ends, and says why", async ({
  botBrowser,
  bot,
  site,
  lend,
}) => {
  const lentPage = async () => {
    const page = await botBrowser.open(site.serve("/guest", CHALLENGE), VIEWPORT);
    const relay = await lend(page);
    const { session_id } = await bot.create({ relay: relay.id, completion: NEVER });
    return { page, relay, session_id };
  };
  const closed = await lentPage();
  await closed.page.close();
  expect(await bot.waitForEnd(closed.session_id)).toMatchObject({ state: "failed", reason: "page_closed" });
  expect(await closed.relay.closed).toBe("page_closed");
});

test("[W47] [R28] windows that the page opens come along, and other tabs of the browser do not", async ({
  botBrowser,
  bot,
  site,
  connect,
  lend,
}) => {
  await botBrowser.open(site.serve("/bank", "<title>bank</title>"), VIEWPORT);
  const popup = site.serve("/popup", "<title>popup</title><h1>popup</h1>");
  for (const [way, viewport] of [
    ["playwright", VIEWPORT],
    ["endpoint", null],
  ] as const) {
    const page = await botBrowser.open(site.serve(`/guest-${way}`, CHALLENGE), viewport);
    const relay = await lend(way === "playwright" ? page : botBrowser.endpoint, { urlContains: `/guest-${way}` });
    const session = await bot.create({ relay: relay.id, completion: NEVER });
    const client = await operating(session, connect);
    client.send({ type: "features", features: ["windows"] });
    await page.evaluate((url) => void open(url), popup);
    const { windows } = await client.next("windows", ({ windows }) => windows.some(({ title }) => title === "popup"));
    expect(windows.map(({ title }) => title).toSorted(), way).toEqual(["popup", "shop"]);
    await relay.close();
    expect(await bot.waitForEnd(session.session_id), way).toMatchObject({ reason: "browser_lost" });
  }
});

test("[R21] [W57] a rule about a cookie sees those of the page's own addresses", async ({
  botBrowser,
  bot,
  site,
  lend,
}) => {
  const page = await botBrowser.open(site.serve("/guest", CHALLENGE), VIEWPORT);
  const relay = await lend(page);
  const completion = { any: [{ cookie: "passed", changed: true }], stable_ms: 0 };
  const { session_id } = await bot.create({ relay: relay.id, completion });
  await page.evaluate(`document.cookie = "passed=1"`);
  expect(await bot.waitForEnd(session_id)).toMatchObject({ state: "solved", reason: "rules_met" });
});

test.describe("frames in processes of their own", () => {
  test.use({ botSiteIsolation: true });

  for (const way of ["playwright", "endpoint"] as const) {
    test(`[R28] a challenge in a frame of another site, lent by ${way}, is found and pressed`, async ({
      botBrowser,
      bot,
      site,
      connect,
      lend,
    }) => {
      site.serve(
        "/widget",
        `<body style="margin:0"><div id="captcha" style="width:300px;height:200px;background:#cde"></div>
         <script>onpointerup = () => document.querySelector("#captcha").remove()</script>`,
      );
      const html = `<title>shop</title><body style="margin:0">
        <iframe src="${site.otherOrigin}/widget" style="position:absolute;left:80px;top:90px;width:320px;height:220px;border:0"></iframe>`;
      const page = await botBrowser.open(site.serve("/guest", html), way === "playwright" ? VIEWPORT : null);
      const relay = await lend(way === "playwright" ? page : botBrowser.endpoint, { urlContains: "/guest" });
      const session = await bot.create({ relay: relay.id, completion: DONE });
      expect(session.captcha_info).toMatchObject({ kind: "generic", x: 80, y: 90 });
      const client = await operating(session, connect);
      press(client, 150, 150);
      expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "solved" });
    });
  }
});

test("[R28] the SDK's client lends a page and solves on it; after the end the page may be lent again", async ({
  botBrowser,
  bot,
  server,
  site,
  connect,
}) => {
  const page = await botBrowser.open(site.serve("/guest", CHALLENGE), VIEWPORT);
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const relay = await client.relay(page);
  for (const outcome of ["cancelled", "solved"]) {
    const session = await client.create({ relay: relay.id, completion: DONE });
    if (outcome === "cancelled") await client.cancel(session.session_id);
    else press(await operating(session, connect), 100, 120);
    expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: outcome });
  }
  await relay.close();
  expect(await relay.closed).toBeNull();
});

test("[W55] a relay goes through the proxy that the environment names, and not to this machine", async ({ site }) => {
  const { proxyFor, relayAddress } = await import("../../src/relay/dial.ts");
  const proxy = {
    HTTPS_PROXY: "http://proxy.test:3128",
    HTTP_PROXY: "http://plain.test:3128",
    NO_PROXY: "internal, .corp:8443",
  };
  const through = (server: string) => proxyFor(relayAddress(server), proxy);
  expect(through("https://captcha.example")).toBe("http://proxy.test:3128");
  expect(through("https://captcha.internal")).toBeNull();
  expect(through("https://captcha.corp:8443")).toBeNull();
  expect(through("https://captcha.corp")).toBe("http://proxy.test:3128");
  expect(through("http://127.0.0.1:3000")).toBeNull();
  for (const server of [
    "http://captcha.example",
    "ftp://captcha.example",
    "captcha",
    site.origin.replace("127.0.0.1", "10.0.0.1"),
  ]) {
    expect(() => relayAddress(server), server).toThrow(/invalid_message/);
  }
});

test("[W55] [R28] over TLS, through a proxy that takes CONNECT alone, a page is lent, and the proxy reads no key", async ({
  botBrowser,
  site,
  startServer,
}) => {
  const server = await startServer({ ALLOWED_HOSTS: "captcha.test" });
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const names = ["-subj", "/CN=captcha.test", "-addext", "subjectAltName=DNS:captcha.test"];
  const files = ["-nodes", "-days", "2", ...names, "-keyout", key, "-out", cert];
  await promisify(execFile)("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...files]);
  const behind = new URL(server.url);
  const tls = createTlsServer({ key: await readFile(key), cert: await readFile(cert) }, (socket) => {
    const inner = connectTo(Number(behind.port), behind.hostname);
    socket.pipe(inner).pipe(socket);
    for (const end of [socket, inner]) end.on("error", () => void [socket, inner].map((one) => one.destroy()));
  });
  const tlsPort = await listening(tls);
  const asked: string[] = [];
  const seen: Buffer[] = [];
  const proxy = createServer((_request, response) => void response.writeHead(405).end());
  proxy.on("connect", ({ url = "" }, socket) => {
    asked.push(url);
    const inner = connectTo(tlsPort, "127.0.0.1");
    socket.on("data", (data: Buffer) => seen.push(data));
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    socket.pipe(inner).pipe(socket);
    for (const end of [socket, inner]) end.on("error", () => void [socket, inner].map((one) => one.destroy()));
  });
  const proxyPort = await listening(proxy);
  await botBrowser.open(site.serve("/guest", CHALLENGE));
  const env = {
    PATH: process.env["PATH"] ?? "",
    CAPTCHA_REMOTE_KEY: TEST_KEY,
    HTTPS_PROXY: `http://127.0.0.1:${proxyPort}`,
    NODE_EXTRA_CA_CERTS: cert,
  };
  const args = [
    "relay",
    "--server",
    "https://captcha.test",
    "--cdp",
    new URL(botBrowser.endpoint).port,
    "--url-contains",
    "/guest",
  ];
  const child = spawn(process.execPath, [CLI, ...args], { env });
  const { out, exitCode } = watchProgram(child);
  await expect.poll(out, { timeout: 30_000 }).toMatch(/^[\w-]{22}\n/);
  const body = { relay: out().trim(), completion: NEVER };
  const { body: session } = await call("POST", `${server.api}/sessions`, body);
  expect(session).toMatchObject({ pictures: "half", captcha_info: { x: 40, y: 60 } });
  expect(asked).toEqual(["captcha.test:443"]);
  expect(Buffer.concat(seen).includes(TEST_KEY)).toBe(false);
  child.kill("SIGINT");
  expect(await exitCode, out()).toBe(0);
  await expect
    .poll(async () => (await call("GET", `${server.api}/status/${session.session_id}`)).body.reason)
    .toBe("browser_lost");
  tls.close();
  proxy.close();
  await rm(folder, { recursive: true, force: true });
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

test("[W55] the command says in a sentence what it lacks, and takes no key as a flag", async ({
  botBrowser,
  server,
  site,
}) => {
  await botBrowser.open(site.serve("/one", CHALLENGE));
  await botBrowser.open(site.serve("/two", CHALLENGE));
  const cdp = ["--cdp", botBrowser.endpoint];
  const to = ["--server", server.url];
  const keyed = { CAPTCHA_REMOTE_KEY: TEST_KEY };
  for (const [argv, env, why] of [
    [[...cdp], keyed, "--server: the address of the server is missing"],
    [[...to], keyed, "--cdp: the port or address of the browser is missing"],
    [[...to, ...cdp, "--key", TEST_KEY], {}, "--key: put the key into CAPTCHA_REMOTE_KEY"],
    [[...to, ...cdp, "--dialogs", "nobody"], keyed, "--dialogs: bot or operator"],
    [[...to, ...cdp], keyed, "target_ambiguous: More than one page"],
    [[...to, ...cdp, "--url-contains", "/three"], keyed, "target_not_found: "],
    [[...to, "--cdp", "1"], keyed, "cdp_unreachable: "],
    [[...to, ...cdp, "--url-contains", "/one"], {}, "unauthorized: "],
    [["--server", "http://captcha.example", ...cdp, "--url-contains", "/one"], keyed, "invalid_message: plain http"],
  ] as const) {
    const { code, out } = await runCommand(["relay", ...argv], env);
    expect([code, out], argv.join(" ")).toEqual([1, expect.stringContaining(why)]);
    expect(out).not.toContain(TEST_KEY);
  }
});
