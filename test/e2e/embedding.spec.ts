/** A console in the pages of another site: the custom element, the messages without it, and the recipes of the documents. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { build } from "esbuild";
import { embedMessageSchema } from "../../src/protocol/embedding.ts";
import {
  CHALLENGE_SIZE,
  createPressable,
  type EmbeddedSession,
  IN_CHALLENGE,
  pressInFrame,
} from "../support/embedded.ts";
import { BRIEF_SEARCH_MS, expect, type TestSite } from "../support/fixtures.ts";
import { test as base, call, type OwnServer } from "../support/requests.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/embed/", import.meta.url));
const EVENTS = ["ready", "statechange", "resize", "ended", "unreachable"];

interface Heard {
  readonly name: string;
  readonly detail: Record<string, unknown>;
}

const test = base.extend<{
  /** Lets pages of the site's other origin embed its console. */
  shopServer: OwnServer;
  session: EmbeddedSession;
}>({
  shopServer: async ({ startServer, site }, use) => use(await startServer({ ALLOWED_ORIGINS: site.otherOrigin })),
  session: async ({ shopServer, bot, site }, use) => use(await createPressable(shopServer, bot, site)),
});

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

/** A page of the site with this element in it, which keeps the element's events. */
function serveElement(site: TestSite, { url }: OwnServer, attributes: string): string {
  site.serve(
    "/shop",
    `<!doctype html><style>captcha-remote { max-width: 640px }</style>
     <captcha-remote ${attributes}><a href="/elsewhere">another way in</a></captcha-remote>
     <script>
       globalThis.heard = [];
       for (const name of ${JSON.stringify(EVENTS)}) {
         document.querySelector("captcha-remote").addEventListener(name, ({ detail }) => heard.push({ name, detail }));
       }
     </script>
     <script type="module" src="${url}/api/captcha/element.js"></script>`,
  );
  return `${site.otherOrigin}/shop`;
}

function heardBy(page: Page): Promise<Heard[]> {
  return page.evaluate(() => Reflect.get(globalThis, "heard"));
}

/** The route of the site's own server that the recipes ask. */
function serveShop(site: TestSite, { api }: OwnServer, { session_id, control_url }: EmbeddedSession): void {
  site.serve("/challenge", (_request, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify({ control_url }));
  });
  site.serve("/challenge/result", async (_request, response) => {
    const { body } = await call("GET", `${api}/session/${session_id}/result`);
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  });
}

test("[R30] [W58] the element shows a session to a person, who clears it, and says how it goes", async ({
  shopServer,
  session,
  site,
  page,
}) => {
  await page.goto(serveElement(site, shopServer, `src="${session.control_url}" lang="zh" theme="dark"`));
  const frame = page.frameLocator("captcha-remote iframe");
  // As wide as it may be, and in the shape of the picture.
  await expect
    .poll(async () => {
      const box = await page.locator("captcha-remote").boundingBox();
      return [box?.width, box?.height];
    })
    .toEqual([640, (640 * CHALLENGE_SIZE.height) / CHALLENGE_SIZE.width]);
  await expect(frame.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(frame.locator("html")).toHaveAttribute("lang", "zh-CN");
  await expect(page.getByText("another way in")).toBeHidden();

  const element = page.locator("captcha-remote");
  await element.evaluate((it) => it.setAttribute("lang", "en"));
  await expect(frame.locator("html")).toHaveAttribute("lang", "en");
  await element.evaluate((it) => it.setAttribute("theme", "light"));
  await expect(frame.locator("html")).toHaveAttribute("data-theme", "light");

  await pressInFrame(page, frame, IN_CHALLENGE);
  await expect.poll(async () => (await heardBy(page)).at(-1)?.name).toBe("ended");
  const heard = await heardBy(page);
  expect(heard[0]).toEqual({ name: "ready", detail: { session_id: session.session_id } });
  expect(heard.filter(({ name }) => name === "resize")).toContainEqual({ name: "resize", detail: CHALLENGE_SIZE });
  const phases = heard.filter(({ name }) => name === "statechange").map(({ detail }) => detail["phase"]);
  expect(phases[0]).toBe("connecting");
  expect(phases).toContain("live");
  expect(heard).toContainEqual({ name: "statechange", detail: { phase: "live", state: "active", may_act: true } });
  expect(heard.filter(({ name }) => name === "ended")).toEqual([
    { name: "ended", detail: { outcome: "solved", reason: null, verified: "checked" } },
  ]);
});

test("[R30] another src is another session, and an element that is taken away ends its frame @long", async ({
  shopServer,
  session,
  bot,
  site,
  page,
}) => {
  const other = await createPressable(shopServer, bot, site);
  await page.goto(serveElement(site, shopServer, `src="${session.control_url}"`));
  const ready = async () =>
    (await heardBy(page)).filter(({ name }) => name === "ready").map(({ detail }) => detail["session_id"]);
  await expect.poll(ready).toEqual([session.session_id]);
  const element = page.locator("captcha-remote");
  await element.evaluate((it, src) => it.setAttribute("src", src), other.control_url);
  await expect.poll(ready).toEqual([session.session_id, other.session_id]);
  await expect(page.frameLocator("captcha-remote iframe").locator("body")).toHaveAttribute("data-phase", "live");
  expect(page.frames()).toHaveLength(2);
  // No address of a web page: the children are what is there.
  for (const src of ["javascript:document.title = 'taken'", "", "http://"]) {
    await element.evaluate((it, value) => it.setAttribute("src", value), src);
    await expect.poll(() => page.frames().length).toBe(1);
    await expect(page.getByText("another way in")).toBeVisible();
  }
  expect(await page.title()).not.toBe("taken");
  await element.evaluate((it, src) => it.setAttribute("src", src), other.control_url);
  await expect.poll(() => page.frames().length).toBe(2);
  await element.evaluate((it) => it.remove());
  await expect.poll(() => page.frames().length).toBe(1);
  // Nobody is in the session any more.
  const operators = async () => (await call("GET", `${shopServer.api}/session/${other.session_id}`)).body.operators;
  await expect.poll(operators).toBe(0);
});

for (const [what, permission, reason] of [
  ["that the browser keeps from private networks", "denied", "local_network"],
  ["that may not embed it", "prompt", "silent"],
] as const) {
  test(`[R30] on a site ${what} the element gives way to its children, and says why`, async ({
    startServer,
    bot,
    site,
    page,
  }) => {
    const server = await startServer();
    const { control_url } = await createPressable(server, bot, site);
    // The browser of the tests asks nobody: what it would say is set here.
    await page.addInitScript((state) => {
      Object.defineProperty(navigator, "permissions", {
        value: {
          query: async ({ name }: { name: string }) => {
            if (name !== "local-network-access") throw new TypeError(`unknown: ${name}`);
            return { state };
          },
        },
      });
    }, permission);
    await page.clock.install();
    const refused = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
    await page.goto(serveElement(site, server, `src="${control_url}"`));
    await refused;
    await page.clock.runFor(14_000);
    expect(await heardBy(page)).toEqual([]);
    await expect(page.getByText("another way in")).toBeHidden();
    await page.clock.runFor(1_000);
    await expect.poll(() => heardBy(page)).toEqual([{ name: "unreachable", detail: { reason } }]);
    await expect(page.getByText("another way in")).toBeVisible();
    await expect(page.locator("captcha-remote iframe")).toBeHidden();
  });
}

test("[W58] without the element a page hears the same messages, each of its documented shape, and may set the colours", async ({
  session,
  site,
  page,
}) => {
  site.serve(
    "/plain",
    `<!doctype html><iframe src="${session.control_url.replace("#", "?embed=1&theme=light#")}" width="640" height="440"></iframe>
     <script>
       globalThis.heard = [];
       addEventListener("message", ({ origin, source, data }) => {
         heard.push({ origin, isFrame: source === frames[0], data });
       });
     </script>`,
  );
  await page.goto(`${site.otherOrigin}/plain`);
  const frame = page.frameLocator("iframe");
  await expect(frame.locator("html")).toHaveAttribute("data-theme", "light");
  const origin = new URL(session.control_url).origin;
  const post = (message: unknown) =>
    page.evaluate(([data, target]) => frames[0]?.postMessage(data, String(target)), [message, origin] as const);
  await expect(frame.locator("body")).toHaveAttribute("data-phase", "live");
  // What is not well formed changes nothing, and breaks nothing.
  for (const message of [
    null,
    "set_theme",
    7,
    [],
    { type: "set_theme", theme: "dark" },
    { captcha_remote: 2, type: "set_theme", theme: "dark" },
    { captcha_remote: 1, type: "set_theme", theme: "url(x)" },
    { captcha_remote: 1, type: "set_theme" },
    { captcha_remote: 1, type: "set_language", language: { toString: "zh" } },
    { captcha_remote: 1, type: "set_language", language: "tlh" },
    { captcha_remote: 1, type: "finish", outcome: "done" },
    { captcha_remote: 1, type: "constructor" },
  ]) {
    await post(message);
  }
  await post({ captcha_remote: 1, type: "set_language", language: "zh-Hant" });
  await expect(frame.locator("html")).toHaveAttribute("lang", "zh-CN");
  await expect(frame.locator("html")).toHaveAttribute("data-theme", "light");
  await post({ captcha_remote: 1, type: "set_theme", theme: "dark" });
  await expect(frame.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.emulateMedia({ colorScheme: "light" });
  await post({ captcha_remote: 1, type: "set_theme", theme: "auto" });
  await expect(frame.locator("html")).toHaveAttribute("data-theme", "light");

  await pressInFrame(page, frame, IN_CHALLENGE);
  const heard = () => page.evaluate(() => Reflect.get(globalThis, "heard"));
  await expect.poll(async () => (await heard()).at(-1).data.type).toBe("ended");
  for (const { data, ...from } of await heard()) {
    expect(from).toEqual({ origin, isFrame: true });
    expect(embedMessageSchema.options.map(({ shape }) => shape.type.value)).toContain(data.type);
    const parsed = embedMessageSchema.safeParse(data);
    expect(parsed.data, JSON.stringify(data)).toEqual(data);
  }
});

test("the recipe in plain HTML works from another site", async ({ shopServer, session, site, page }) => {
  serveShop(site, shopServer, session);
  const recipe = readFileSync(`${EXAMPLES}page.html`, "utf8");
  site.serve("/recipe", recipe.replaceAll("https://captcha.example", shopServer.url));
  await page.goto(`${site.otherOrigin}/recipe`);
  await expect(page.getByText("Please clear this.")).toBeVisible();
  await pressInFrame(page, page.frameLocator("captcha-remote iframe"), IN_CHALLENGE);
  await expect(page.getByText("Thank you.")).toBeVisible();
});

test("the recipe in React works from another site @long", async ({ shopServer, session, site, page }) => {
  serveShop(site, shopServer, session);
  const { outputFiles } = await build({
    stdin: {
      contents: `import { createRoot } from "react-dom/client";
        import { Checkout } from "./react.jsx";
        createRoot(document.querySelector("#root")).render(<Checkout />);`,
      loader: "jsx",
      resolveDir: EXAMPLES,
    },
    jsx: "automatic",
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  site.serve("/app.js", (_request, response) => {
    response.setHeader("content-type", "text/javascript").end(outputFiles[0]?.text);
  });
  site.serve(
    "/recipe",
    `<!doctype html><script type="module" src="${shopServer.url}/api/captcha/element.js"></script>
     <div id="root"></div><script src="/app.js"></script>`,
  );
  await page.goto(`${site.otherOrigin}/recipe`);
  const frame = page.frameLocator("captcha-remote iframe");
  await pressInFrame(page, frame, IN_CHALLENGE);
  await expect(page.getByText("Thank you.")).toBeVisible();
  await expect(page.locator("captcha-remote")).toHaveCount(0);
});
