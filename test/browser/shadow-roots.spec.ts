/** Shadow roots, closed ones too, as the isolated world of a document has them. */
import { type CDPSession, chromium, type Page } from "playwright";
import { PageFrames } from "../../src/browser/tabs/frames.ts";
import type { RootsWorld } from "../../src/browser/tabs/in-page-roots.ts";
import { expect, test } from "../support/fixtures.ts";

/** The frames of a page, as a session has them, without its server. */
async function framesOf(page: Page): Promise<{ frames: PageFrames; session: CDPSession }> {
  const session = await page.context().newCDPSession(page);
  const frames = new PageFrames({
    pageSession: session,
    sessions: { follow() {} },
    framesVersion: 0,
    isNavigating: false,
    networkQuietMs: 0,
    causeOf: () => "unknown",
    refreshDelayOf: () => null,
    pendingUrl: () => null,
    watchFields() {},
    takeSubmissions: () => [],
    cookies: async () => [],
    opener: async () => null,
    listen() {},
    processes: async () => [{ session, inputSession: session }],
    framesListed() {},
    close: async () => {},
  });
  return { frames, session };
}

/** The texts of all roots, in the order of the page. */
function rootTexts(): string[] {
  return [...((globalThis as RootsWorld).captchaRemoteRoots ?? [])].map(
    (root) => root.querySelector("b")?.textContent ?? "",
  );
}

const ROOT = `const root = (host, text, mode = "closed") => {
    const inside = host.attachShadow({ mode });
    inside.innerHTML = "<b>" + text + "</b><div></div>";
    return inside;
  };`;

test.describe("shadow roots", () => {
  let page: Page;
  test.beforeEach(async ({ sessionBrowser }) => {
    const browser = await chromium.launch({ executablePath: sessionBrowser ?? process.env["CHROMIUM_PATH"] ?? "" });
    page = await browser.newPage();
  });
  test.afterEach(async () => {
    await page.context().browser()?.close();
  });

  const look = async (frames: PageFrames, thorough = false): Promise<string[]> => {
    const [main] = await frames.list();
    if (!main) throw new Error("No main frame.");
    await frames.findRoots(main, { thorough });
    return frames.run(main, rootTexts, undefined);
  };

  test("open and closed, nested, 50 deep, with slots, and in custom elements", async () => {
    await page.setContent(`<div id="a"></div><p id="b">text <span>slotted</span></p><x-late></x-late><div id="deep"></div>
      <script>${ROOT}
      root(root(document.querySelector("#a"), "a").querySelector("div"), "a in", "open");
      root(document.querySelector("#b"), "b").innerHTML += "<slot></slot>";
      let host = document.querySelector("#deep");
      for (let depth = 1; depth <= 50; depth += 1) host = root(host, "deep " + depth).querySelector("div");
      </script>`);
    const { frames } = await framesOf(page);
    const deep = Array.from({ length: 50 }, (_, index) => `deep ${index + 1}`);
    expect(await look(frames)).toEqual(["a", "a in", "b", ...deep]);
    // An element that is upgraded late.
    await page.evaluate(`${ROOT} customElements.define("x-late", class extends HTMLElement {
      constructor() { super(); root(this, "late"); }
    })`);
    await expect.poll(() => look(frames)).toEqual(["a", "a in", "b", "late", ...deep]);
  });

  test("a root that comes later is found, at once by a thorough look, and one that is gone is not kept", async () => {
    await page.setContent(`<div id="a"></div><div id="b" style="width:90px;height:40px"></div>`);
    const { frames } = await framesOf(page);
    expect(await look(frames)).toEqual([]);
    await page.evaluate(`${ROOT} root(document.querySelector("#a"), "a")`);
    expect(await look(frames, true)).toEqual(["a"]);
    await page.evaluate(`${ROOT} root(document.querySelector("#b"), "b")`);
    await expect.poll(() => look(frames)).toEqual(["a", "b"]);
    await page.evaluate(`document.querySelector("#a").remove()`);
    expect(await look(frames)).toEqual(["b"]);
  });

  test("more than 500 are left alone, and huge attributes do no harm", async () => {
    await page.setContent(`<main></main><script>${ROOT}
      for (let at = 0; at < 600; at += 1) root(document.body.appendChild(document.createElement("div")), String(at));
      for (let at = 0; at < 4; at += 1) {
        document.body.appendChild(document.createElement("div")).title = "x".repeat(2_000_000);
      }</script>`);
    const { frames } = await framesOf(page);
    expect(await look(frames, true)).toHaveLength(500);
    expect(await look(frames)).toHaveLength(500);
  });

  test("a page that makes hosts without end keeps none of them alive @long", async () => {
    await page.setContent(`<main></main>`);
    const { frames, session } = await framesOf(page);
    const nodes = async () => {
      await session.send("HeapProfiler.collectGarbage");
      return (await session.send("Memory.getDOMCounters")).nodes;
    };
    const renew = (count: number) =>
      page.evaluate(`{ ${ROOT}
        const hosts = Array.from({ length: ${count} }, (_, at) => document.createElement("div"));
        for (const host of hosts) root(host, "host");
        document.querySelector("main").replaceChildren(...hosts); }`);
    await renew(20);
    expect(await look(frames)).toHaveLength(20);
    const before = await nodes();
    for (let round = 0; round < 20; round += 1) {
      await renew(20);
      expect(await look(frames)).toHaveLength(20);
    }
    await expect.poll(nodes).toBeLessThan(before + 200);
  });
});
