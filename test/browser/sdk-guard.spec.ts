/** The SDK's guard on real pages of Playwright and Puppeteer: hands are refused, reading goes on, nothing stays changed. */
import { connect, type Page as PuppeteerPage } from "puppeteer-core";
import { CaptchaRemoteClient } from "../../src/sdk/client.ts";
import { CaptchaRemoteError } from "../../src/sdk/errors.ts";
import { type GuardablePage, guard } from "../../src/sdk/guard.ts";
import { expect, type TestSite } from "../support/fixtures.ts";
import { test as base } from "../support/guest.ts";
import { TEST_KEY } from "../support/key.ts";
import { expectWithin } from "../support/pace.ts";

const test = base.extend<{ puppeteerPage: PuppeteerPage }>({
  puppeteerPage: async ({ botBrowser }, use) => {
    const browser = await connect({ browserWSEndpoint: botBrowser.wsEndpoint, defaultViewport: null });
    await use(await browser.newPage());
    await browser.disconnect();
  },
});

/**
 * A page with a frame that both tell how often they were pressed, and what was typed into them. Of moves only the bot's
 * count: Chromium itself tells a new page of a pointer in its corner.
 */
function serve(site: TestSite): string {
  const body = (name: string) => `<!doctype html><title>${name}</title><body style="margin:0">
    <button style="position:absolute;left:0;top:0;width:80px;height:40px" onclick="count += 1">press</button>
    <input style="position:absolute;left:0;top:50px"><select style="position:absolute;left:0;top:80px"><option>a<option>b</select>
    <script>var count = 0, moves = 0; addEventListener("mousemove", ({ clientX }) => { moves += clientX === 5; });</script>`;
  site.serve("/frame", body("frame"));
  return site.serve(
    "/page",
    `${body("page")}<iframe src="/frame" style="position:absolute;left:0;top:120px"></iframe>`,
  );
}

/** Which own properties an object has: a guard that is over leaves none behind. */
function shapeOf(page: GuardablePage): unknown[] {
  return [page, page.mouse, page.keyboard, page.touchscreen, ...page.frames()].map((object) => Reflect.ownKeys(object));
}

/** Each action is refused at once, by name. */
async function expectRefused(actions: Record<string, () => Promise<unknown>>): Promise<void> {
  for (const [action, act] of Object.entries(actions)) {
    const startedAt = Date.now();
    const error = await act().catch((reason: unknown) => reason);
    expect(error, action).toBeInstanceOf(CaptchaRemoteError);
    expect(error).toMatchObject({ code: "page_in_use", message: expect.stringContaining("A person holds this page") });
    expect((error as CaptchaRemoteError).details, action).toEqual({ action });
    expectWithin(Date.now() - startedAt, 1_000);
  }
}

/** Runs in the page. */
const touched = () => {
  const { count, moves } = globalThis as unknown as { count: number; moves: number };
  return {
    count,
    moves,
    typed: document.querySelector("input")?.value,
    chosen: document.querySelector("select")?.value,
  };
};
const UNTOUCHED = { count: 0, moves: 0, typed: "", chosen: "a" };

test("Playwright: hands are refused in page and frames, reading goes on, and afterwards all is as it was", async ({
  page,
  site,
}) => {
  await page.goto(serve(site));
  const [, frame] = page.frames();
  if (!frame) throw new Error("The frame is missing.");
  const button = page.locator("button");
  const [box, list] = [page.getByRole("textbox"), page.getByRole("combobox")];
  const inner = page.frameLocator("iframe").getByRole("textbox");
  const before = shapeOf(page);
  const held = guard(page);

  await expectRefused({
    "page.click": () => page.click("button"),
    "page.fill": () => page.fill("input", "x"),
    "page.goto": () => page.goto(page.url()),
    "page.reload": () => page.reload(),
    "page.setContent": () => page.setContent("gone"),
    "page.dragAndDrop": () => page.dragAndDrop("button", "input"),
    "mouse.move": () => page.mouse.move(5, 5),
    "mouse.click": () => page.mouse.click(5, 5),
    "keyboard.type": () => page.keyboard.type("x"),
    "touchscreen.tap": () => page.touchscreen.tap(5, 5),
    "frame.click": () => button.click(),
    "frame.type": () => box.pressSequentially("x"),
    "frame.selectOption": () => list.selectOption("b"),
    "frame.check": () => button.check(),
    "frame.fill": () => inner.fill("x"),
    "frame.press": () => frame.press("input", "Enter"),
    "locator.click": () => frame.locator("button").click(),
    "element.click": async () => (await page.$("button"))?.click(),
    "element.type": async () => (await frame.waitForSelector("input")).type("x"),
    "element.hover": async () => (await (await page.$("body"))?.$("button"))?.hover(),
  });

  expect(await page.title()).toBe("page");
  expect(await button.textContent()).toBe("press");
  expect(await page.evaluate(touched)).toEqual(UNTOUCHED);
  expect(await frame.evaluate(touched)).toEqual(UNTOUCHED);
  await page.waitForFunction(() => document.readyState === "complete");
  expect((await page.screenshot()).length).toBeGreaterThan(100);

  held.release();
  expect(shapeOf(page)).toEqual(before);
  await button.click();
  await frame.fill("input", "y");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(touched)).toMatchObject({ count: 1 });
  expect(await frame.evaluate(touched)).toMatchObject({ typed: "y" });
});

test("Playwright: frames that come later are guarded too, elements by every later guard, and nothing after it", async ({
  page,
  site,
}) => {
  await page.goto(serve(site));
  const attach = async (name: string, top: number) => {
    await page.evaluate(
      ([src, style]) => document.body.append(Object.assign(document.createElement("iframe"), { src, style })),
      [`/frame?${name}`, `position:absolute;top:${top}px`],
    );
    const found = () => page.frames().find((frame) => frame.url().endsWith(name));
    await expect.poll(() => found() !== undefined).toBe(true);
    return found();
  };
  const first = guard(page);
  const element = await page.waitForSelector("button");
  const late = await attach("late", 300);
  await expectRefused({ "frame.click": async () => late?.click("button") });
  first.release();
  await element.click();
  await late?.click("button");
  await (await attach("later", 500))?.click("button");
  expect([await page.evaluate(touched), await late?.evaluate(touched)]).toMatchObject([{ count: 1 }, { count: 1 }]);
  const second = guard(page);
  await expectRefused({ "element.click": () => element.click() });
  second.release();
});

test("guards add up, release does nothing twice, and `using` ends one with its block", async ({ page, site }) => {
  await page.goto(serve(site));
  const before = shapeOf(page);
  const [one, two] = [guard(page), guard(page)];
  one.release();
  one.release();
  await expectRefused({ "page.click": () => page.click("button") });
  two.release();
  expect(shapeOf(page)).toEqual(before);
  {
    using _held = guard(page);
    await expectRefused({ "page.click": () => page.click("button") });
  }
  await page.click("button");
  expect(await page.evaluate(touched)).toMatchObject({ count: 1 });
});

test("a guard that cannot be put on leaves nothing behind", async ({ page, site }) => {
  await page.goto(serve(site));
  const before = shapeOf(page);
  const { on } = page;
  Object.assign(page, {
    on: () => {
      throw new Error("no listeners here");
    },
  });
  expect(() => guard(page)).toThrow("no listeners here");
  Object.assign(page, { on });
  expect(shapeOf(page)).toEqual(before);
  await page.click("button");
  expect(await page.evaluate(touched)).toMatchObject({ count: 1 });
});

test("two copies of the SDK share their guards: the page is free when both have let go", async ({ page, site }) => {
  await page.goto(serve(site));
  const before = shapeOf(page);
  const copy = `../../src/sdk/guard.ts?copy`;
  const { guard: guardOfCopy } = (await import(copy)) as { guard: typeof guard };
  expect(guardOfCopy).not.toBe(guard);
  const [one, two] = [guard(page), guardOfCopy(page)];
  one.release();
  await expect(page.click("button")).rejects.toMatchObject({ code: "page_in_use" });
  two.release();
  expect(shapeOf(page)).toEqual(before);
});

test("what somebody has put over a method stays over it", async ({ page }) => {
  const own = async () => {};
  page.click = own;
  const held = guard(page);
  await expectRefused({ "page.click": () => page.click("button") });
  held.release();
  expect(page.click).toBe(own);
});

test("Puppeteer: hands are refused in page, frames, elements and locators, and afterwards all is as it was", async ({
  puppeteerPage: page,
  site,
}) => {
  await page.goto(serve(site));
  const frame = page.frames()[1];
  if (!frame) throw new Error("The frame is missing.");
  const early = await page.$("button");
  const before = shapeOf(page);
  const held = guard(page);

  await expectRefused({
    "page.click": () => page.click("button"),
    "page.type": () => page.type("input", "x"),
    "page.select": () => page.select("select", "b"),
    "page.goto": () => page.goto(page.url()),
    "page.setViewport": () => page.setViewport({ width: 500, height: 500 }),
    "mouse.move": () => page.mouse.move(5, 5),
    "mouse.click": async () => early?.click(),
    "keyboard.press": () => page.keyboard.press("a"),
    "touchscreen.tap": () => page.touchscreen.tap(5, 5),
    "frame.click": () => frame.click("button"),
    "element.click": async () => (await page.$("button"))?.click(),
    "element.select": async () => (await frame.waitForSelector("select"))?.select("b"),
    "element.press": async () => (await frame.$$("input"))[0]?.press("a"),
    "locator.click": () => page.locator("button").click(),
    "locator.fill": () => frame.locator("input").setTimeout(5_000).setWaitForEnabled(false).fill("x"),
  });
  expect(await page.title()).toBe("page");
  expect(await page.evaluate(touched)).toEqual(UNTOUCHED);
  expect(await frame.evaluate(touched)).toEqual(UNTOUCHED);
  expect(await page.content()).toContain("<button");
  expect((await page.screenshot()).length).toBeGreaterThan(100);

  held.release();
  expect(shapeOf(page)).toEqual(before);
  await page.locator("button").click();
  await frame.type("input", "y");
  expect(await page.evaluate(touched)).toMatchObject({ count: 1 });
  expect(await frame.evaluate(touched)).toMatchObject({ typed: "y" });
});

test("[R10] [W4] the person's hands reach the guarded page, the bot's do not, and then it is the bot's turn", async ({
  server,
  site,
  connect: join,
  botBrowser,
}) => {
  const page = await botBrowser.open(
    site.serve(
      "/shop",
      `<body style="margin:0"><button style="position:absolute;top:300px" onclick="document.title = 'bought'">buy</button>
       <div id="captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>
       <script>document.querySelector("#captcha").addEventListener("pointerup", (event) => event.target.remove())</script>`,
    ),
  );
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const held = guard(page);
  const result = await client.solve(
    {
      cdp: { endpoint: botBrowser.endpoint, url_contains: "/shop" },
      completion: { any: [{ gone: "#captcha" }], stable_ms: 100 },
    },
    {
      onLink: async (_link, { ws_url: url }) => {
        await expectRefused({
          "mouse.click": () => page.mouse.click(100, 100),
          "page.click": () => page.click("button"),
        });
        const operator = await join(url, { protocols: ["captcha.json.v1"] });
        await operator.next("session_info");
        for (const event_type of ["down", "up"])
          operator.send({ type: "mouse_event", event_type, x: 100, y: 100, button: "left" });
      },
    },
  );
  expect(result).toMatchObject({ outcome: "solved", verified: "checked" });
  held.release();
  await page.click("button");
  expect(await page.title()).toBe("bought");
});
