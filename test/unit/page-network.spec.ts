/** What is kept of a page's network: causes across documents that nobody saw, the back/forward cache, and bounds. */
import { expect, test } from "@playwright/test";
import { type NetworkSession, PageNetwork } from "../../src/browser/tabs/page-network.ts";
import type { ListedFrame } from "../../src/browser/tabs/tab.ts";

const MAIN = "main-frame";
const ORIGIN = "https://shop.example";

interface FakeDocument {
  readonly loaderId: string;
  readonly path: string;
  /** CDP's transition type of its history entry. */
  readonly transition: string;
}

/** A browser with one page, which says what the test sets. */
class Browser {
  readonly session: NetworkSession;
  readonly network: PageNetwork;
  readonly sent: string[] = [];
  changes = 0;
  shown: FakeDocument = { loaderId: "first", path: "/", transition: "typed" };
  readonly #listeners = new Map<string, (event: never) => void>();
  #entryId = 1;

  constructor() {
    this.session = {
      send: (async (method: string) => this.#answer(method)) as NetworkSession["send"],
      on: (event: string, listener: (event: never) => void) => this.#listeners.set(event, listener),
    };
    this.network = new PageNetwork(() => {
      this.changes += 1;
    });
  }

  static async begin(): Promise<Browser> {
    const browser = new Browser();
    await browser.network.begin(browser.session);
    browser.list();
    return browser;
  }

  emit(event: string, params: object): void {
    this.#listeners.get(`Network.${event}`)?.(params as never);
  }

  request(loaderId: string, path: string, more: object = {}, request: object = {}): void {
    const frameId = MAIN;
    const sent = { url: ORIGIN + path, method: "GET", headers: {}, ...request };
    const initiator = { type: "other" };
    const event = { requestId: loaderId, loaderId, frameId, documentURL: sent.url, request: sent, initiator };
    this.emit("requestWillBeSent", { ...event, hasUserGesture: true, ...more });
  }

  respond(loaderId: string, path: string): void {
    const response = { url: ORIGIN + path, headers: {} };
    this.emit("responseReceived", { requestId: loaderId, loaderId, frameId: MAIN, response });
  }

  /** The page has this document from now on. */
  show(loaderId: string, path: string, transition: string): void {
    this.#entryId += 1;
    this.shown = { loaderId, path, transition };
  }

  list(inner: readonly string[] = []): void {
    const { session } = this;
    const main: ListedFrame = {
      id: MAIN,
      parent: null,
      url: ORIGIN + this.shown.path,
      loaderId: this.shown.loaderId,
      session,
    };
    const frames = inner.map((id) => ({ ...main, id, parent: main, loaderId: `of ${id}` }));
    this.network.framesListed([main, ...frames]);
  }

  cause(): string {
    return this.network.causeOf(this.shown.loaderId);
  }

  #answer(method: string): unknown {
    this.sent.push(method);
    const { loaderId, path, transition } = this.shown;
    const url = ORIGIN + path;
    if (method === "Page.getFrameTree") return { frameTree: { frame: { id: MAIN, loaderId, url } } };
    if (method === "Page.getNavigationHistory") {
      return { currentIndex: 0, entries: [{ id: this.#entryId, url, transitionType: transition }] };
    }
    if (method === "Page.createIsolatedWorld") return { executionContextId: 1 };
    const facts = { type: "navigate", activation: "push", from: null, entry: url, contents: [], base: url };
    return method === "Runtime.evaluate" ? { result: { value: facts } } : {};
  }
}

test("[K1] a document from before the attach is unknown, one that comes back without a request is from the history", async () => {
  const browser = await Browser.begin();
  expect(browser.cause()).toBe("unknown");
  browser.request("second", "/next");
  browser.show("second", "/next", "form_submit");
  browser.list();
  await expect.poll(() => browser.cause()).toBe("form");
  // The back/forward cache has kept the first document: nothing is requested.
  browser.show("first", "/", "typed");
  browser.list();
  expect(browser.cause()).toBe("history");
  browser.show("second", "/next", "form_submit");
  browser.list();
  expect(browser.cause()).toBe("history");
});

test("[K1] a request that is reported after its document was listed gives it a cause", async () => {
  const browser = await Browser.begin();
  browser.show("second", "/next", "link");
  browser.list();
  browser.request("second", "/next");
  browser.list();
  await expect.poll(() => browser.cause()).toBe("link");
});

test("[K1] as long as the history has the document before, its cause is not taken for this one's", async () => {
  const browser = await Browser.begin();
  browser.request("second", "/next");
  browser.show("second", "/next", "form_submit");
  browser.list();
  await expect.poll(() => browser.cause()).toBe("form");
  browser.request("third", "/next");
  // The page has the next document, its history not yet.
  browser.shown = { loaderId: "third", path: "/next", transition: "form_submit" };
  browser.list();
  const asked = () => browser.sent.filter((method) => method === "Page.getNavigationHistory").length;
  const before = asked();
  await expect.poll(asked).toBeGreaterThan(before);
  expect(browser.cause()).toBe("unknown");
  browser.show("third", "/next", "link");
  await expect.poll(() => browser.cause()).toBe("link");
});

test("[K1] a script behind a document that nobody saw proves nothing", async () => {
  const browser = await Browser.begin();
  const script = { initiator: { type: "script" } };
  browser.request("hop", "/hop");
  browser.respond("hop", "/hop");
  browser.request("next", "/next", script);
  browser.show("next", "/next", "link");
  browser.list();
  const asked = browser.sent.length;
  await expect.poll(() => browser.sent.length).toBeGreaterThan(asked + 2);
  expect(browser.cause()).toBe("unknown");
  // Behind a posted form it is the form that has led here; and a document that never came counts for nothing.
  browser.request("posted", "/posted", {}, { method: "POST" });
  browser.respond("posted", "/posted");
  browser.request("last", "/last", script);
  browser.show("last", "/last", "link");
  browser.list();
  expect(browser.cause()).toBe("script");
  browser.request("given up", "/slow");
  browser.request("instead", "/instead", script);
  browser.show("instead", "/instead", "link");
  browser.list();
  expect(browser.cause()).toBe("script");
});

test("[K1] bodies come along only while fields are watched, and 100 submissions are remembered", async () => {
  const browser = await Browser.begin();
  const names = ["a", "b"];
  browser.network.watchFields(names.map((name) => ({ name, noAnswer: null })));
  for (let index = 0; index < 300; index += 1) {
    const bytes = Buffer.from("a=SECRET&b=SECRET").toString("base64");
    const request = { method: "POST", headers: { "Content-Type": "text/plain" }, postDataEntries: [{ bytes }] };
    browser.request("first", "/post", { requestId: `fetch ${index}` }, request);
  }
  const taken = browser.network.takeSubmissions();
  expect(taken).toHaveLength(100);
  expect(taken.at(-1)).toMatchObject({ frameId: MAIN, loaderId: "first", name: "b", navigates: null });
  expect(JSON.stringify(taken)).not.toContain("SECRET");
  expect(browser.network.takeSubmissions()).toEqual([]);
  expect(browser.sent.filter((method) => method === "Network.enable")).toHaveLength(2);
  browser.network.watchFields([]);
  browser.request("first", "/post?a=SECRET", { requestId: "unwatched" });
  expect(browser.network.takeSubmissions()).toEqual([]);
});

test("[K1] frames without end leave the main document its cause", async () => {
  const browser = await Browser.begin();
  browser.request("second", "/next");
  browser.show("second", "/next", "form_submit");
  browser.list();
  await expect.poll(() => browser.cause()).toBe("form");
  for (let index = 0; index < 5_000; index += 1) {
    browser.request(`of frame ${index}`, "/frame", { frameId: `frame ${index}` });
    if (index % 500 === 0) browser.list(Array.from({ length: 1_500 }, (_, at) => `frame ${index + at}`));
  }
  expect(browser.cause()).toBe("form");
  expect(browser.network.pendingUrl("frame 4999")).toBe(`${ORIGIN}/frame`);
  // What was forgotten is not under way any more.
  expect(browser.network.pendingUrl("frame 1")).toBe(null);
});

test("[R33] the network is quiet once every request has ended, of frames that are gone too; streams do not count", async () => {
  const browser = await Browser.begin();
  const { network, session } = browser;
  const isQuiet = () => network.quietMs > 0;
  await expect.poll(isQuiet).toBe(true);
  browser.request("stream", "/stream", { requestId: "stream", type: "EventSource" });
  expect(isQuiet()).toBe(true);
  browser.request("page", "/");
  browser.request("data", "/data", { requestId: "data", type: "Fetch" });
  // Redirected: the same request.
  browser.request("data", "/there", { requestId: "data", type: "Fetch", redirectResponse: {} });
  browser.emit("loadingFinished", { requestId: "page" });
  expect(network.quietMs).toBe(0);
  browser.emit("loadingFailed", { requestId: "data" });
  await expect.poll(isQuiet).toBe(true);
  browser.request("frame", "/frame");
  expect(network.quietMs).toBe(0);
  network.forget(session);
  await expect.poll(isQuiet).toBe(true);
});
