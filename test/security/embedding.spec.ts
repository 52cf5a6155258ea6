/** Attacks on an embedded console and on the page around it, by other windows. */
import type { Page } from "@playwright/test";
import { createPressable, type EmbeddedSession } from "../support/embedded.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { test as base, call, type OwnServer } from "../support/requests.ts";

const test = base.extend<{ shopServer: OwnServer; session: EmbeddedSession }>({
  shopServer: async ({ startServer, site }, use) => use(await startServer({ ALLOWED_ORIGINS: site.otherOrigin })),
  session: async ({ shopServer, bot, site }, use) => use(await createPressable(shopServer, bot, site)),
});

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

/** A page that posts this to a window, then tells its parent that it has, and keeps what it hears itself. */
function attacker(target: string, message: object): string {
  return `<!doctype html><script>
    globalThis.heard = [];
    addEventListener("message", ({ data }) => heard.push(data));
    for (const one of ${JSON.stringify([message])}) ${target}.postMessage(one, "*");
    parent.postMessage("posted", "*");
  </script>`;
}

async function untilPosted(page: Page, times: number): Promise<void> {
  await expect.poll(() => page.evaluate(() => Reflect.get(globalThis, "posted"))).toBe(times);
}

const COUNT_POSTED = `globalThis.posted = 0;
  addEventListener("message", ({ data }) => { if (data === "posted") posted += 1; });`;

test("[W58] an embedded console hears the window that frames it alone, and posts to that one alone", async ({
  session,
  site,
  page,
}) => {
  const console = session.control_url.replace("#", "?embed=1&theme=light#");
  site.serve("/attacker", attacker("parent.frames[0]", { captcha_remote: 1, type: "set_theme", theme: "dark" }));
  site.serve(
    "/shop",
    `<!doctype html><script>${COUNT_POSTED}</script><iframe src="${console}" width="640" height="440"></iframe>`,
  );
  await page.goto(`${site.otherOrigin}/shop`);
  const frame = page.frameLocator("iframe").first();
  await expect(frame.locator("body")).toHaveAttribute("data-phase", "live");
  // Windows beside it: of a foreign origin, and of the very origin that may frame it.
  for (const origin of [site.origin, site.otherOrigin]) {
    await page.evaluate((src) => {
      const beside = document.createElement("iframe");
      beside.src = src;
      document.body.append(beside);
    }, `${origin}/attacker`);
  }
  await untilPosted(page, 2);
  const origin = new URL(session.control_url).origin;
  const post = (message: object) =>
    page.evaluate(([data, target]) => frames[0]?.postMessage(data, target), [message, origin] as const);
  await post({ captcha_remote: 1, type: "set_language", language: "zh" });
  await expect(frame.locator("html")).toHaveAttribute("lang", "zh-CN");
  await expect(frame.locator("html")).toHaveAttribute("data-theme", "light");
  // The same message from the page around it works.
  await post({ captcha_remote: 1, type: "set_theme", theme: "dark" });
  await expect(frame.locator("html")).toHaveAttribute("data-theme", "dark");
  for (const attacking of page.frames().filter((each) => each.url().endsWith("/attacker"))) {
    expect(await attacking.evaluate(() => Reflect.get(globalThis, "heard"))).toEqual([]);
  }
});

test("[R30] the element hears its own frame alone, and only while that shows the server of its src", async ({
  shopServer,
  session,
  site,
  page,
}) => {
  const lie = { captcha_remote: 1, type: "ended", outcome: "solved", reason: "rules_met", verified: "checked" };
  site.serve("/attacker", attacker("parent", lie));
  site.serve(
    "/shop",
    `<!doctype html><script>${COUNT_POSTED}</script>
     <script type="module" src="${shopServer.url}/api/captcha/element.js"></script>
     <captcha-remote src="${session.control_url}"></captcha-remote>
     <script>
       globalThis.ends = [];
       document.querySelector("captcha-remote").addEventListener("ended", ({ detail }) => ends.push(detail.outcome));
     </script>`,
  );
  await page.goto(`${site.otherOrigin}/shop`);
  const frame = page.frameLocator("captcha-remote iframe");
  await expect(frame.locator("body")).toHaveAttribute("data-phase", "live");
  const ends = () => page.evaluate(() => Reflect.get(globalThis, "ends"));
  // From beside it, and from the page itself.
  await page.evaluate(
    ([src, message]) => {
      const beside = document.createElement("iframe");
      beside.src = src;
      document.body.append(beside);
      postMessage(message, "*");
      postMessage("posted", "*");
    },
    [`${site.origin}/attacker`, lie] as const,
  );
  await untilPosted(page, 2);
  // Its frame is led elsewhere.
  const [console] = page.frames().filter((each) => each.url().includes("/control/"));
  const address = console?.url() ?? "";
  await page.evaluate((src) => {
    const inside = document.querySelector("captcha-remote")?.shadowRoot?.querySelector("iframe");
    if (inside) inside.src = src;
  }, `${site.origin}/attacker`);
  await untilPosted(page, 3);
  expect(await ends()).toEqual([]);
  // Back at its server it is heard again, once.
  await page.evaluate((src) => {
    const inside = document.querySelector("captcha-remote")?.shadowRoot?.querySelector("iframe");
    if (inside) inside.src = src;
  }, address);
  await expect(frame.locator("body")).toHaveAttribute("data-phase", "live");
  await call("DELETE", `${shopServer.api}/session/${session.session_id}`);
  await expect.poll(ends).toEqual(["cancelled"]);
});
