/** Why a document was loaded, and which requests carried a response field: in a real browser, through each way to reach a page. */
import { CdpConnection } from "../../src/browser/cdp/connection.ts";
import { ConnectionRegistry } from "../../src/browser/cdp/connection-registry.ts";
import { CdpTab } from "../../src/browser/tabs/cdp-tab.ts";
import { type FrameRef, PageFrames } from "../../src/browser/tabs/frames.ts";
import type { NavigationCause } from "../../src/browser/tabs/navigation-cause.ts";
import { PlaywrightTab } from "../../src/browser/tabs/playwright-tab.ts";
import type { Tab } from "../../src/browser/tabs/tab.ts";
import type { TestSite } from "../support/fixtures.ts";
import { type BotBrowser, expect, test } from "../support/guest.ts";
import { eachSecond, IS_LONG_RUN, longUnless } from "../support/long-run.ts";

const POLL = { intervals: [20] };

/** A page as a part of the server reaches it, and the person who has it. */
class Held {
  readonly tab: Tab;
  readonly #frames: PageFrames;
  readonly #close: () => Promise<void>;

  constructor(tab: Tab, close: () => Promise<void>) {
    this.tab = tab;
    this.#frames = new PageFrames(tab);
    this.#close = close;
    tab.listen({ changed: () => {}, gone: () => {} });
  }

  list(): Promise<FrameRef[]> {
    // A frame may go away while it is listed.
    return this.#frames.list().catch(() => []);
  }

  async main(): Promise<FrameRef | undefined> {
    return (await this.list()).find(({ parent }) => parent === null);
  }

  async arriveAt(path: string): Promise<FrameRef> {
    const pathNow = async () => new URL((await this.main())?.url ?? "a:").pathname;
    await expect.poll(pathNow, POLL).toBe(path);
    const main = await this.main();
    if (!main) throw new Error("The page has no main frame.");
    return main;
  }

  async goto(url: string): Promise<void> {
    await this.tab.pageSession.send("Page.navigate", { url });
    await this.arriveAt(new URL(url).pathname);
    const stateNow = () => this.evaluate("location.pathname + document.readyState").catch(() => "");
    await expect.poll(stateNow, POLL).toBe(`${new URL(url).pathname}complete`);
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.tab.pageSession.send("Runtime.evaluate", { expression, awaitPromise: true });
    return result.value;
  }

  async click(): Promise<void> {
    for (const type of ["mousePressed", "mouseReleased"] as const) {
      await this.tab.pageSession.send("Input.dispatchMouseEvent", {
        type,
        x: 50,
        y: 50,
        button: "left",
        clickCount: 1,
      });
    }
  }

  async enter(): Promise<void> {
    const key = { key: "Enter", code: "Enter", windowsVirtualKeyCode: 13 };
    await this.tab.pageSession.send("Input.dispatchKeyEvent", { type: "keyDown", ...key, text: "\r" });
    await this.tab.pageSession.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });
  }

  async history(steps: number): Promise<void> {
    const { entries, currentIndex } = await this.tab.pageSession.send("Page.getNavigationHistory");
    await this.tab.pageSession.send("Page.navigateToHistoryEntry", { entryId: entries[currentIndex + steps]?.id ?? 0 });
  }

  close(): Promise<void> {
    return this.#close();
  }
}

const HOLDS: Readonly<Record<string, (bot: BotBrowser) => Promise<Held>>> = {
  async owned(bot) {
    const page = await bot.open("about:blank");
    const connection = await CdpConnection.connect(bot.wsEndpoint);
    return new Held(await CdpTab.attach(connection, await bot.targetOf(page), { isOurs: true }), async () => {
      connection.close();
      await page.close();
    });
  },
  async "handed over"(bot) {
    const page = await bot.open("about:blank");
    const session = await page.context().newCDPSession(page);
    const connections = new ConnectionRegistry();
    const tab = new PlaywrightTab({ page, session, connections });
    return new Held(tab, () => page.close());
  },
  async guest(bot) {
    const page = await bot.open("about:blank");
    const connection = await CdpConnection.connect(bot.wsEndpoint);
    return new Held(await CdpTab.attach(connection, await bot.targetOf(page)), async () => {
      connection.close();
      await page.close();
    });
  },
};

const BIG = `style="position:absolute;display:block;left:0;top:0;width:200px;height:200px"`;
const GET_FORM = `<form id="form" action="/dest"><input id="field" name="f" value="v"><button ${BIG}>x</button></form>`;
const POST_FORM = GET_FORM.replace("<form", `<form method="post"`);
const LINK = `<a id="link" href="/dest" ${BIG}>x</a>`;
const BUTTON = `<div id="button" ${BIG}></div>`;
const onClick = (script: string) => `${BUTTON}<script>button.onclick = () => { ${script} }</script>`;
/** A timer of the page runs it, once the page was seen: nobody knows where one comes from that nobody saw. */
const soon = (script: string) =>
  `<script>const timer = setInterval(() => { if (window.isSeen) { clearInterval(timer); ${script} } }, 20)</script>`;
const letGo = async (held: Held) => void (await held.evaluate("window.isSeen = true"));
const click = (held: Held) => held.click();
const nothing = async () => {};

interface Way {
  readonly page: string;
  readonly act: (held: Held, site: TestSite) => Promise<void>;
  readonly cause: NavigationCause;
  /** Where it ends; by default /dest. */
  readonly at?: string;
}

const WAYS: Readonly<Record<string, Way>> = {
  "a link that a person clicks": { page: LINK, act: click, cause: "link" },
  "a link with a query": { page: LINK.replace("/dest", "/dest?f=v"), act: click, cause: "link" },
  "a link, by Enter": { page: `${LINK}<script>link.focus()</script>`, act: (held) => held.enter(), cause: "link" },
  "a link whose click a script listens to": {
    page: `${LINK}<script>link.onclick = () => { document.title = "followed" }</script>`,
    act: click,
    cause: "link",
  },
  "a link that redirects": { page: LINK.replace("/dest", "/redirect"), act: click, cause: "link" },
  "a link from a frame to the top": { page: `<iframe src="/link-to-top" ${BIG}></iframe>`, act: click, cause: "link" },
  "a GET form, by its button": { page: GET_FORM, act: click, cause: "form" },
  "a GET form, by Enter": {
    page: `${GET_FORM}<script>field.focus()</script>`,
    act: (held) => held.enter(),
    cause: "form",
  },
  "a POST form": { page: POST_FORM, act: click, cause: "form" },
  "a POST form that redirects": { page: POST_FORM.replace("/dest", "/redirect"), act: click, cause: "form" },
  "a GET form that redirects": { page: GET_FORM.replace("/dest", "/redirect"), act: click, cause: "form" },
  "form.submit(), later": { page: GET_FORM + soon("form.submit()"), act: letGo, cause: "form" },
  "form.submit() with POST, later": { page: POST_FORM + soon("form.submit()"), act: letGo, cause: "form" },
  "requestSubmit(), later": { page: GET_FORM + soon("form.requestSubmit()"), act: letGo, cause: "form" },
  "form.submit(), on a click": { page: GET_FORM + onClick("form.submit()"), act: click, cause: "form" },
  "location.href, later": { page: soon("location.href = '/dest'"), act: letGo, cause: "script" },
  "location.href, on a click": { page: onClick("location.href = '/dest'"), act: click, cause: "script" },
  "location.replace()": { page: soon("location.replace('/dest')"), act: letGo, cause: "script" },
  "location.href that redirects": { page: soon("location.href = '/redirect'"), act: letGo, cause: "script" },
  "top.location from a frame": { page: `<iframe src="/script-to-top" ${BIG}></iframe>`, act: click, cause: "script" },
  "a link that a script clicks": { page: `${LINK}${soon("link.click()")}`, act: letGo, cause: "script" },
  "a refresh by markup": {
    page: `<meta http-equiv="refresh" content="1;url=/dest">`,
    act: nothing,
    cause: "script",
  },
  "a refresh by markup after 2 s": {
    page: `<meta http-equiv="refresh" content="2; URL='/dest'">`,
    act: nothing,
    cause: "script",
  },
  "a refresh by header": { page: "header", act: nothing, cause: "script" },
  "an address that the bot opens": {
    page: "",
    act: async (held, { origin }) => void (await held.tab.pageSession.send("Page.navigate", { url: `${origin}/dest` })),
    cause: "address",
  },
  back: {
    page: "",
    act: async (held, { origin }) => {
      await held.evaluate("document.title = 'was here'");
      await held.goto(`${origin}/dest`);
      await held.history(-1);
    },
    cause: "history",
    at: "/start",
  },
  "history.back() by a script": {
    page: "",
    act: async (held, { origin }) => {
      await held.goto(`${origin}/other`);
      await held.evaluate("void setTimeout(() => history.back())");
    },
    cause: "history",
    at: "/start",
  },
  "forward to a form's result": {
    page: POST_FORM,
    act: async (held) => {
      await held.click();
      await held.arriveAt("/dest");
      await held.history(-1);
      await held.arriveAt("/start");
      await held.history(1);
    },
    cause: "history",
  },
};

function serveWays(site: TestSite): void {
  site.serve("/dest", "arrived");
  site.serve("/other", "other");
  site.serve("/redirect", (_request, response) => response.writeHead(303, { location: "/dest" }).end());
  site.serve("/link-to-top", LINK.replace("<a", `<a target="_top"`));
  site.serve("/script-to-top", onClick("top.location.href = '/dest'"));
}

/** Each second way once, by turns for one of the pages; in the long run each for all of them. */
function waysFor(index: number): readonly (readonly [string, Way])[] {
  const ways = Object.entries(WAYS);
  return IS_LONG_RUN ? ways : eachSecond(ways).filter((_, at) => at % Object.keys(HOLDS).length === index);
}

for (const [index, [how, hold]] of Object.entries(HOLDS).entries()) {
  test(`[K4] a page that is ${how}: each document has the cause that loaded it`, async ({ botBrowser, site }) => {
    serveWays(site);
    for (const [name, { page, act, cause, at = "/dest" }] of waysFor(index)) {
      const url = site.serve("/start", (_request, response) => {
        if (page === "header") response.setHeader("refresh", "2;url=/dest");
        response.setHeader("content-type", "text/html").end(`<!doctype html>${page}`);
      });
      const held = await hold(botBrowser);
      // A page that goes on by itself may be gone before it is seen.
      if (act === nothing) await held.tab.pageSession.send("Page.navigate", { url });
      else await held.goto(url);
      await act(held, site);
      await held.arriveAt(at);
      const causeNow = async () => held.tab.causeOf((await held.main())?.loaderId ?? "");
      await expect.poll(causeNow, { ...POLL, message: name }).toBe(cause);
      await held.close();
    }
  });
}

const FIELDS = [
  { name: "f", noAnswer: null },
  { name: "g", noAnswer: /^\./ },
];

/** What the page does, and the field that it submits; null: nothing is submitted. */
const SUBMITS: Readonly<Record<string, readonly [script: string, name: string | null]>> = {
  "a query": ["fetch('/post?f=v')", "f"],
  "a form of a script": ["fetch('/post', { method: 'POST', body: new URLSearchParams({ a: 1, f: 'v' }) })", "f"],
  multipart: ["const d = new FormData(); d.set('f', 'v'); fetch('/post', { method: 'POST', body: d })", "f"],
  JSON: ["fetch('/post', { method: 'POST', body: JSON.stringify({ a: [{ f: 'v' }] }) })", "f"],
  XMLHttpRequest: ["const x = new XMLHttpRequest(); x.open('POST', '/post'); x.send('f=v')", "f"],
  "a beacon": ["navigator.sendBeacon('/post', 'f=v')", "f"],
  "a body of 200 kB": ["fetch('/post', { method: 'POST', body: 'a=' + 'x'.repeat(200_000) + '&f=v' })", "f"],
  "a body of 2 MB": ["fetch('/post', { method: 'POST', body: 'a=' + 'x'.repeat(2_000_000) + '&f=v' })", null],
  "another name": ["fetch('/post', { method: 'POST', body: 'h=v' })", null],
  "another site": ["fetch('OTHER/post', { method: 'POST', body: 'f=v', mode: 'no-cors' })", null],
  "an empty field": ["fetch('/post', { method: 'POST', body: 'f=' })", null],
  "no answer": ["fetch('/post?g=.UNSTARTED')", null],
};

for (const [how, hold] of Object.entries(HOLDS)) {
  test(`[K5] a page that is ${how}: fields are found in requests of scripts${longUnless(how === "owned")}`, async ({
    botBrowser,
    site,
  }) => {
    site.serve("/post", "ok");
    const held = await hold(botBrowser);
    await held.goto(site.serve("/start", "start"));
    const main = await held.main();
    const send = async (script: string, name: string | null) => {
      await held.evaluate(script.replace("OTHER", site.otherOrigin));
      // Requests are reported in their order: what came before the last one has been looked at.
      await held.evaluate("fetch('/post?g=last')");
      const taken: string[] = [];
      const takeUntilLast = async () => {
        for (const submission of held.tab.takeSubmissions()) {
          expect(submission).toMatchObject({ frameId: main?.id, loaderId: main?.loaderId, navigates: null });
          expect(Object.keys(submission).sort()).toEqual(["at", "frameId", "loaderId", "name", "navigates"]);
          taken.push(submission.name);
        }
        return taken.at(-1);
      };
      await expect.poll(takeUntilLast, POLL).toBe("g");
      expect(taken, script).toEqual(name === null ? ["g"] : [name, "g"]);
    };
    await held.evaluate("fetch('/post', { method: 'POST', body: 'f=v' })");
    held.tab.watchFields(FIELDS);
    for (const [script, name] of Object.values(SUBMITS)) await send(script, name);
    held.tab.watchFields([]);
    await held.evaluate("fetch('/post', { method: 'POST', body: 'f=v' })");
    held.tab.watchFields(FIELDS);
    await send("0", null);
    await held.close();
  });

  test(`[K5] a page that is ${how}: fields are found in forms, with their document and the next${longUnless(how === "guest")}`, async ({
    botBrowser,
    site,
  }) => {
    serveWays(site);
    site.serve("/form-to-top", POST_FORM.replace("<form", `<form target="_top"`));
    const held = await hold(botBrowser);
    held.tab.watchFields(FIELDS);
    for (const [page, framePath] of [
      [POST_FORM, "/start"],
      [GET_FORM, "/start"],
      [POST_FORM.replace("<form", `<form enctype="multipart/form-data"`), "/start"],
      [POST_FORM.replace("/dest", "/redirect"), "/start"],
      [`<iframe src="/form-to-top" ${BIG}></iframe>`, "/form-to-top"],
    ] as const) {
      await held.goto(site.serve("/start", `<!doctype html>${page}`));
      const sender = async () => (await held.list()).find(({ url }) => new URL(url).pathname === framePath);
      await expect.poll(async () => (await sender())?.id, POLL).toBeDefined();
      const from = await sender();
      await held.click();
      const next = await held.arriveAt("/dest");
      const expected = { frameId: from?.id, loaderId: from?.loaderId, name: "f", navigates: next.loaderId };
      expect(held.tab.takeSubmissions(), page).toEqual([{ ...expected, at: expect.any(Number) }]);
    }
    await held.close();
  });

  test(`[K5] a page that is ${how}: the address under way is known until it has arrived${longUnless(how === "handed over")}`, async ({
    botBrowser,
    site,
  }) => {
    const waiting: (() => void)[] = [];
    site.serve("/slow", (_request, response) => {
      waiting.push(() => response.setHeader("content-type", "text/html").end("slow"));
    });
    site.serve("/hop", (_request, response) => response.writeHead(302, { location: "/slow" }).end());
    const held = await hold(botBrowser);
    await held.goto(site.serve("/start", LINK.replace("/dest", "/hop#part")));
    const main = await held.main();
    const pending = () => held.tab.pendingUrl(main?.id ?? "");
    expect(pending()).toBe(null);
    await held.click();
    await expect.poll(pending, POLL).toBe(`${site.origin}/slow#part`);
    await expect.poll(() => held.tab.isNavigating, POLL).toBe(true);
    await expect.poll(() => waiting.length, POLL).toBe(1);
    waiting[0]?.();
    await held.arriveAt("/slow");
    await expect.poll(pending, POLL).toBe(null);
    await held.close();
  });
}
