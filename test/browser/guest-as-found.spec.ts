/** [R10] A page of the bot's own is left as it was found: before, while and after an operator has it. */
import type { Page } from "@playwright/test";
import type { Page as PuppeteerPage } from "puppeteer-core";
import puppeteer from "puppeteer-core";
import { CdpConnection } from "../../src/browser/cdp/connection.ts";
import { type BotBrowser, expect, test } from "../support/guest.ts";
import { fetchAsBot } from "../support/key.ts";
import { eachSecond } from "../support/long-run.ts";

/** What a page's own script can see of the world around it, and what has happened to it since it was loaded. */
const PAGE = `<!doctype html><title>guest</title><style>body { margin: 0; height: 3000px }</style>
  <div id="captcha-box" style="position:absolute;left:60px;top:80px;width:300px;height:200px;background:#cde"></div>
  <script>
    const happened = {};
    const count = (name) => { happened[name] = (happened[name] ?? 0) + 1; };
    const before = new Set(Object.getOwnPropertyNames(globalThis));
    for (const type of ["resize", "focus", "blur", "scroll", "orientationchange", "pagehide", "pageshow", "beforeunload"]) {
      addEventListener(type, () => count("window " + type));
    }
    for (const type of ["visibilitychange", "fullscreenchange", "freeze", "resume", "selectionchange"]) {
      document.addEventListener(type, () => count("document " + type));
    }
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)", "print", "(hover: hover)"]) {
      matchMedia(query).addEventListener("change", () => count("media " + query));
    }
    new MutationObserver((changes) => count("mutation " + changes[0].type))
      .observe(document, { subtree: true, childList: true, attributes: true });
    const settled = new Promise((done) => addEventListener("load", () => setTimeout(done, 300)));
    // The browser's own first events are not what is asked for.
    settled.then(() => { for (const name of Object.keys(happened)) delete happened[name]; });
    const look = () => ({
      inner: [innerWidth, innerHeight], outer: [outerWidth, outerHeight], at: [screenX, screenY],
      screen: [screen.width, screen.height, screen.availWidth, screen.availHeight, screen.colorDepth],
      orientation: screen.orientation?.type, ratio: devicePixelRatio,
      visual: [visualViewport.width, visualViewport.height, visualViewport.scale],
      scroll: [scrollX, scrollY], client: [document.documentElement.clientWidth, document.documentElement.clientHeight],
      focus: document.hasFocus(), visibility: document.visibilityState, active: document.activeElement?.tagName,
      media: ["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)", "(forced-colors: active)", "print",
        "(pointer: coarse)", "(hover: hover)", "(color-gamut: p3)"].map((query) => matchMedia(query).matches),
      agent: navigator.userAgent, languages: navigator.languages, platform: navigator.platform,
      webdriver: navigator.webdriver, touch: [navigator.maxTouchPoints, "ontouchstart" in globalThis],
      cores: navigator.hardwareConcurrency, online: navigator.onLine, plugins: navigator.plugins.length,
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone, locale: Intl.NumberFormat().resolvedOptions().locale,
      cookies: document.cookie, storage: [...Object.entries(localStorage)], history: history.length,
      address: location.href, title: document.title, frames: frames.length, html: document.documentElement.outerHTML.length,
      globals: Object.getOwnPropertyNames(globalThis).filter((name) => !before.has(name)).sort(),
      sheets: [document.styleSheets.length, document.adoptedStyleSheets.length],
      natives: [Function.prototype.toString, navigator.permissions.query, HTMLElement.prototype.click, EventTarget.prototype.addEventListener]
        .map(String),
      workers: Boolean(navigator.serviceWorker?.controller), fonts: document.fonts.size, happened: { ...happened },
    });
    document.cookie = "own=1"; localStorage.setItem("own", "1");
  </script>`;

/** How many listeners of each kind the page has, by DevTools, which sees also what a page's script cannot. */
async function listenersOf({ endpoint, wsEndpoint }: BotBrowser, url: string): Promise<unknown> {
  const listed = (await (await fetch(`${endpoint}/json/list`)).json()) as { id: string; url: string }[];
  const devtools = await CdpConnection.connect(wsEndpoint);
  const session = await devtools.attach(listed.find((target) => target.url === url)?.id ?? "");
  const expression = `[globalThis, document, document.documentElement, document.body].map((target) =>
    Object.entries(getEventListeners(target)).map(([type, listeners]) => type + " " + listeners.length).sort())`;
  const { result } = await session.send("Runtime.evaluate", {
    expression,
    includeCommandLineAPI: true,
    returnByValue: true,
  });
  devtools.close();
  return result.value;
}

type Evaluate = (expression: string) => Promise<unknown>;

interface Bot {
  readonly name: string;
  /** The bot's page and how it asks its page. */
  open(botBrowser: BotBrowser, url: string): Promise<{ evaluate: Evaluate; close: () => Promise<void> }>;
}

const playwrightBot = (name: string, viewport: { width: number; height: number } | null): Bot => ({
  name,
  async open(botBrowser, url) {
    const page: Page = await botBrowser.open(url, viewport);
    return { evaluate: (expression) => page.evaluate(expression), close: () => page.context().close() };
  },
});

const BOTS: readonly Bot[] = [
  playwrightBot("Playwright with an emulated viewport", { width: 900, height: 640 }),
  playwrightBot("Playwright with viewport null", null),
  {
    name: "Puppeteer",
    async open({ wsEndpoint }, url) {
      const browser = await puppeteer.connect({
        browserWSEndpoint: wsEndpoint,
        defaultViewport: { width: 820, height: 610 },
      });
      const page: PuppeteerPage = await browser.newPage();
      await page.goto(url);
      return { evaluate: (expression) => page.evaluate(expression), close: () => browser.disconnect() };
    },
  },
];

for (const { name, open } of eachSecond(BOTS)) {
  test(`[R10] [S5] the page of a bot on ${name} sees nothing of an operator but the input`, async ({
    botBrowser,
    bot,
    site,
    connect,
  }) => {
    const url = site.serve("/guest", PAGE);
    const { evaluate, close } = await open(botBrowser, url);
    await evaluate("settled");
    const before = await evaluate("look()");
    const tabs = await botBrowser.tabs();
    const listeners = await listenersOf(botBrowser, url);
    expect(JSON.stringify(listeners)).toContain("resize 1");

    const session = await bot.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: "/guest" } });
    expect(session.captcha_info).toMatchObject({ kind: "generic", x: 60, y: 80 });
    const client = await connect(session.ws_url, { protocols: ["captcha.binary.v1"] });
    client.acks = true;
    const { view } = await client.nextPicture();
    expect(view).toEqual({ x: 50, y: 70, width: 320, height: 220 });
    client.send({ type: "view", mode: "page", scale: 2 });
    await client.nextPicture(({ view }) => view.width > 320);
    await fetchAsBot(session.status_url.replace("/status/", "/screenshot/"));
    expect(await evaluate("look()")).toEqual(before);
    expect(await listenersOf(botBrowser, url)).toEqual(listeners);

    for (const event_type of ["down", "move", "up"]) {
      client.send({
        type: "mouse_event",
        event_type,
        x: 100,
        y: 120,
        button: "left",
        buttons: event_type === "up" ? 0 : 1,
      });
    }
    client.send({ type: "finish", outcome: "cannot" });
    expect((await bot.waitForEnd(session.session_id)).state).toBe("failed");
    await client.closed;
    const after = (await evaluate("look()")) as { happened: Record<string, number> };
    // A press in the page takes the focus and the selection there, as any person's would.
    for (const hand of ["document selectionchange", "window focus"]) delete after.happened[hand];
    expect({ ...after, focus: null }).toEqual({ ...(before as object), focus: null });
    expect(await botBrowser.tabs()).toEqual(tabs);
    expect(await listenersOf(botBrowser, url)).toEqual(listeners);
    await close();
  });
}

test("[R10] the bot answers its own confirm() and takes its own download while an operator has the page", async ({
  botBrowser,
  bot,
  site,
  connect,
}) => {
  site.serve("/file", (_request, response) => {
    response.setHeader("content-disposition", 'attachment; filename="report.txt"').end("the report");
  });
  const page = await botBrowser.open(
    site.serve("/guest", `<a href="/file" download>file</a><div id="captcha" style="width:300px;height:200px"></div>`),
  );
  const session = await bot.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: "/guest" } });
  const client = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  await client.next("session_info");
  page.on("dialog", (dialog) => setTimeout(() => void dialog.accept("from the bot"), 100));
  expect(await page.evaluate("[confirm('sure?'), prompt('name?')]")).toEqual([true, "from the bot"]);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("a")]);
  expect(download.suggestedFilename()).toBe("report.txt");
  expect(await download.failure()).toBe(null);
  const chooser = page.waitForEvent("filechooser");
  await page.evaluate("document.body.append(Object.assign(document.createElement('input'), { type: 'file' }))");
  await page.click("input");
  expect((await chooser).isMultiple()).toBe(false);
});

test("[R10] [S5] a session that ends while the bot thinks about its confirm() does not answer it", async ({
  botBrowser,
  bot,
  site,
  server,
}) => {
  const page = await botBrowser.open(site.serve("/guest", `<div id="captcha" style="width:300px;height:200px"></div>`));
  const session = await bot.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: "/guest" } });
  const asked = page.evaluate("confirm('pay?')");
  const dialog = await page.waitForEvent("dialog");
  await fetchAsBot(`${server.api}/session/${session.session_id}`, { method: "DELETE" });
  // The answer comes once the server has detached from the page.
  expect(await bot.result(session.session_id)).toMatchObject({ outcome: "cancelled" });
  await dialog.accept();
  expect(await asked).toBe(true);
});
