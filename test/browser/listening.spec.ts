/** [S16] A page says itself that it has changed: from every frame and root, unseen by its scripts, and not after our death. */
import type { Page } from "@playwright/test";
import { CdpConnection } from "../../src/browser/cdp/connection.ts";
import { ConnectionRegistry } from "../../src/browser/cdp/connection-registry.ts";
import { KNOWN_KINDS } from "../../src/browser/challenge/kinds.ts";
import { PageListener } from "../../src/browser/challenge/page-listener.ts";
import { type PageScan, PageScanner, planScan } from "../../src/browser/challenge/scan-page.ts";
import { ChallengeWatcher } from "../../src/browser/challenge/watcher.ts";
import { CdpTab } from "../../src/browser/tabs/cdp-tab.ts";
import { PageFrames } from "../../src/browser/tabs/frames.ts";
import { PlaywrightTab } from "../../src/browser/tabs/playwright-tab.ts";
import type { Tab } from "../../src/browser/tabs/tab.ts";
import type { Rule } from "../../src/protocol/rest.ts";
import type { Verdict } from "../../src/session/ports/page.ts";
import { type BotBrowser, expect, test } from "../support/guest.ts";
import { expectWithin } from "../support/pace.ts";

const BOX = `<div id="the-captcha" style="position:absolute;left:20px;top:20px;width:300px;height:200px;background:#ccd">drag me</div>`;
const LISTENS = { ms: 0, tickMs: 0, isRipening: false, listens: true };

/** A page as the server listens to it, without its looks. */
class Listened {
  readonly heard: string[] = [];
  readonly frames: PageFrames;
  readonly connection: CdpConnection;
  readonly listener: PageListener;
  readonly #scanner: PageScanner;

  constructor(connection: CdpConnection, tab: Tab, silentMs?: number) {
    this.connection = connection;
    this.frames = new PageFrames(tab);
    this.#scanner = new PageScanner(this.frames, planScan(KNOWN_KINDS, undefined));
    this.listener = new PageListener({
      tab,
      frames: this.frames,
      onHeard: (document, isMain) => this.heard.push(`${document} ${isMain}`),
      ...(silentMs === undefined ? {} : { silentMs }),
    });
  }

  static async to(bot: BotBrowser, page: Page, silentMs?: number): Promise<Listened> {
    const connection = await CdpConnection.connect(bot.wsEndpoint);
    const tab = await CdpTab.attach(connection, await bot.targetOf(page));
    return new Listened(connection, tab, silentMs);
  }

  scan(): Promise<PageScan> {
    return this.#scanner.scan(LISTENS);
  }

  /** All documents of the page are armed. */
  async arm(): Promise<PageScan> {
    for (;;) {
      const scan = await this.scan();
      const deaf = scan.frames.filter(({ answer }) => !answer.listens).map(({ frame }) => frame);
      if (deaf.length === 0) return scan;
      await this.listener.begin(
        deaf,
        scan.frames.map(({ frame }) => frame),
      );
    }
  }

  /** Arms it, makes it change, and waits until that was heard. */
  async expectHeard(change: () => Promise<unknown>): Promise<void> {
    // What the last change has brought along is heard too.
    await this.arm();
    this.heard.length = 0;
    await change();
    await expect.poll(() => this.heard.length, { intervals: [10] }).toBeGreaterThan(0);
  }
}

/** Runs first in the page's own world: what it takes away there must not matter, and what it counts must stay 0. */
const HOSTILE = `<script>
  const own = EventTarget.prototype.addEventListener;
  window.seen = [];
  new MutationObserver((records) => { for (const { type } of records) if (window.still) seen.push(type); })
    .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  MutationObserver = AbortSignal = AbortController = undefined;
  EventTarget.prototype.addEventListener = function (type, ...rest) { seen.push(type); own.call(this, type, ...rest); };
  window.names = () => Object.getOwnPropertyNames(window).length;
  window.timer = () => { const id = setTimeout(() => {}); clearTimeout(id); return id; };
</script>`;

test("[S16] each kind of change is heard, in frames and in closed shadow roots; the page's scripts see nothing of it", async ({
  botBrowser,
  site,
}) => {
  site.serve("/inner", `<p id="inner">inner</p><input id="field">`);
  const url = site.serve(
    "/",
    `<!doctype html>${HOSTILE}<style>#fades { transition: opacity 1s } body { height: 3000px }</style>
     <p id="text">text</p><p id="fades">fades</p><div id="host"></div><iframe src="/inner"></iframe><script>
       window.root = document.querySelector("#host").attachShadow({ mode: "closed" });
       root.innerHTML = "<b>closed</b>";
     </script>`,
  );
  const page = await botBrowser.open(url, { width: 900, height: 640 });
  const listened = await Listened.to(botBrowser, page);
  const [names, timer] = (await page.evaluate("still = true; [names(), timer()]")) as [number, number];
  await listened.arm();
  await listened.arm();
  expect(await page.evaluate("[seen, names(), timer()]")).toEqual([[], names, timer + 1]);
  await page.evaluate("still = false");

  const inPage = (expression: string) => () => page.evaluate(expression);
  for (const change of [
    `document.querySelector("#text").firstChild.data = "other"`,
    `document.querySelector("#text").className = "other"`,
    `document.body.append(document.createElement("i"))`,
    `scrollTo(0, 500)`,
    `history.pushState(null, "", "/elsewhere")`,
    `location.hash = "#there"`,
    `root.querySelector("b").textContent = "other"`,
    `frames[0].document.querySelector("#inner").textContent = "other"`,
  ]) {
    await test.step(change, () => listened.expectHeard(inPage(change)));
  }
  // What begins by a change of its own ends by another one.
  await page.evaluate(`window.fades = document.querySelector("#fades"); getComputedStyle(fades).opacity;
    fades.style.opacity = "0.5"; fades.getAnimations()[0].pause()`);
  await listened.expectHeard(inPage("fades.getAnimations()[0].finish()"));
  await listened.expectHeard(() => page.setViewportSize({ width: 800, height: 600 }));
  await listened.expectHeard(() => page.frames()[1]?.locator("#field").fill("typed") ?? Promise.reject());
  // A root that comes later is found by the look that its host's change brings.
  await listened.expectHeard(
    inPage(`window.late = document.body.appendChild(document.createElement("x-late")).attachShadow({ mode: "closed" });
      late.innerHTML = "<b>late</b>"`),
  );
  await expect
    .poll(async () => {
      await listened.arm();
      listened.heard.length = 0;
      await page.evaluate(`late.querySelector("b").textContent += "r"`);
      await listened.scan();
      return listened.heard.length;
    })
    .toBeGreaterThan(0);
  await listened.listener.stop();
  listened.connection.close();
});

test("[S16] a page that changes without end says so once for each look, and its document that comes next is deaf until it is told", async ({
  botBrowser,
  site,
}) => {
  const url = site.serve(
    "/",
    `<main></main><script>let made = 0;
      setInterval(() => { for (let at = 0; at < 200; at += 1) {
        const node = document.createElement("i"); node.className = String(made += 1);
        document.querySelector("main").replaceChildren(node); } }, 20);
    </script>`,
  );
  const page = await botBrowser.open(url);
  const listened = await Listened.to(botBrowser, page);
  await listened.arm();
  await expect.poll(() => listened.heard).toHaveLength(1);
  for (let look = 1; look <= 5; look += 1) {
    listened.heard.length = 0;
    await listened.arm();
    const made = (await page.evaluate("made")) as number;
    await expect.poll(() => page.evaluate("made"), { intervals: [20] }).toBeGreaterThan(made + 2_000);
    expect(listened.heard).toHaveLength(1);
  }
  await page.reload();
  expect((await listened.scan()).frames.map(({ answer }) => answer.listens)).toEqual([false]);
  await listened.expectHeard(() => Promise.resolve());
  listened.connection.close();
});

test("[S16] a page of the server's own, and one that is handed over, are heard too: from each of their frames", async ({
  botBrowser,
  site,
}) => {
  site.serve("/inner", `<p>inner</p>`);
  const url = site.serve("/", `<p>page</p><iframe src="/inner"></iframe>`);
  for (const isOwned of [true, false]) {
    const page = await botBrowser.open(url);
    const connection = await CdpConnection.connect(botBrowser.wsEndpoint);
    const session = await page.context().newCDPSession(page);
    const attach = (id: string) => connection.attach(id);
    const pageSession = isOwned ? await attach(await botBrowser.targetOf(page)) : session;
    const parts = { page, session, pageSession, connections: new ConnectionRegistry() };
    const listened = new Listened(connection, new PlaywrightTab({ ...parts, ...(isOwned ? { attach } : {}) }));
    for (const frame of page.frames()) {
      await listened.expectHeard(() => frame.evaluate(`document.querySelector("p").textContent = "other"`));
      expect(listened.heard[0]).toMatch(/ true$/);
    }
    await listened.listener.stop();
    connection.close();
  }
});

const isThere = "globalThis.captchaRemoteListener !== undefined";

test("[S16] what listens ends with the session, and by itself where the server was killed", async ({
  botBrowser,
  site,
}) => {
  site.serve("/inner", "<p>inner</p>");
  const page = await botBrowser.open(site.serve("/", `<p>page</p><iframe src="/inner"></iframe>`));
  // The bot's own DevTools sees the worlds of others, which its page does not.
  const worlds: number[] = [];
  const devTools = await page.context().newCDPSession(page);
  devTools.on("Runtime.executionContextCreated", ({ context }) => {
    if (context.name === "captcha-remote") worlds.push(context.id);
  });
  await devTools.send("Runtime.enable");
  const listening = async () => {
    const answers = await Promise.all(
      worlds.map((contextId) =>
        devTools.send("Runtime.evaluate", { expression: isThere, contextId, returnByValue: true }),
      ),
    );
    return answers.filter(({ result }) => result.value === true).length;
  };
  const ended = await Listened.to(botBrowser, page);
  await ended.arm();
  await expect.poll(listening).toBe(2);
  await ended.listener.stop();
  expect(await listening()).toBe(0);
  ended.connection.close();

  const killed = await Listened.to(botBrowser, page, 3_000);
  await killed.arm();
  killed.connection.close();
  await expect.poll(listening, { intervals: [50] }).toBe(2);
  await expect.poll(listening).toBe(0);
  await devTools.detach();
});

test.describe("a page at rest", () => {
  interface Watched {
    readonly watcher: ChallengeWatcher;
    readonly solved: Promise<Verdict>;
    /** When the page was looked at. */
    readonly looks: number[];
    close(): void;
  }

  /** A session's watcher of this page, to which nobody has done anything. */
  async function watch(bot: BotBrowser, page: Page, rule: Rule): Promise<Watched> {
    const connection = await CdpConnection.connect(bot.wsEndpoint);
    const tab = await CdpTab.attach(connection, await bot.targetOf(page));
    const looks: number[] = [];
    let watcher: ChallengeWatcher | undefined;
    const solved = new Promise<Verdict>((resolve) => {
      watcher = new ChallengeWatcher({
        tab,
        frames: new PageFrames(tab),
        kinds: KNOWN_KINDS,
        completion: { any: [rule], stable_ms: 500, poll_ms: 100, operator_may_override: false },
        openedUrl: null,
        activeForMs: 300,
        onScan: () => looks.push(performance.now()),
        onSolved: resolve,
        onMovedOn: () => {},
        onAlive: () => {},
        onSeen: () => {},
      });
    });
    if (!watcher) throw new Error("No watcher.");
    const own = watcher;
    tab.listen({ changed: () => own.changed(), gone: () => {} });
    await own.scan();
    await own.begin();
    // Longer than the beat that a page is asked on where it cannot be listened to.
    await expect.poll(() => performance.now() - (looks.at(-1) ?? Infinity), { intervals: [50] }).toBeGreaterThan(2_500);
    const close = () => {
      void own.stop();
      connection.close();
    };
    return { watcher: own, solved, looks, close };
  }

  test("[S16] [R21] is not asked, and judged at once when it says that the challenge is gone; a value that a script sets makes no sound, and is seen all the same", async ({
    botBrowser,
    site,
  }) => {
    const url = site.serve("/", `${BOX}<textarea id="token" hidden></textarea>`);
    const judged = async (rule: Rule, change: string, boundMs: number) => {
      const page = await botBrowser.open(url);
      const { watcher, solved, close } = await watch(botBrowser, page, rule);
      watcher.attend(true);
      const at = performance.now();
      await page.evaluate(change);
      expect(await solved).toMatchObject({ value: true, stable: true });
      expectWithin(performance.now() - at, boundMs, change);
      close();
    };
    await Promise.all([
      judged({ gone: "#the-captcha" }, `document.querySelector("#the-captcha").remove()`, 1_000),
      judged({ value: "#token" }, `document.querySelector("#token").value = "answer"`, 2_000),
    ]);
  });

  test("[S16] [R21] a cookie, which makes no sound either, is seen within about a second of who is there @long", async ({
    botBrowser,
    site,
  }) => {
    const page = await botBrowser.open(site.serve("/", BOX));
    const { watcher, solved, close } = await watch(botBrowser, page, { cookie: "pass", changed: true });
    watcher.attend(true);
    const at = performance.now();
    await page.evaluate(`document.cookie = "pass=1"`);
    expect(await solved).toMatchObject({ value: true, stable: true });
    expectWithin(performance.now() - at, 2_000, "the verdict");
    close();
  });
});

test.describe("frames of other processes", () => {
  test.use({ botSiteIsolation: true });

  test("[S16] are heard as any other @long", async ({ botBrowser, site }) => {
    site.serve("/inner", `<p id="inner">inner</p>`);
    const page = await botBrowser.open(site.serve("/", `<iframe src="${site.otherOrigin}/inner"></iframe>`));
    const listened = await Listened.to(botBrowser, page);
    await listened.expectHeard(
      () => page.frames()[1]?.evaluate(`document.querySelector("#inner").textContent = "other"`) ?? Promise.reject(),
    );
    expect(listened.heard).toHaveLength(1);
    // It says nothing of the page's own process.
    expect(listened.heard[0]).toMatch(/ false$/);
    listened.connection.close();
  });
});
