/** A person whom an agent asks: opens an address that carries nothing, and says who they are in the console. */
import type { Page } from "@playwright/test";
import { servePage } from "../support/console-socket.ts";
import { expect } from "../support/fixtures.ts";
import { test as base, call, type OwnServer } from "../support/requests.ts";

const BOT_KEY = "bot-key-0123456789abcdef";
const ANNA_KEY = "anna-key-0123456789abcdef";
const SETTINGS = { API_KEYS: `bot:${BOT_KEY},anna:${ANNA_KEY}:operate` };
const as = (key: string) => ({ authorization: `Bearer ${key}` });

interface Invited {
  readonly id: string;
  readonly url: string;
  readonly code: string;
}

const test = base.extend<{ guarded: OwnServer; invited: Invited }>({
  guarded: async ({ startServer }, use) => use(await startServer(SETTINGS)),
  invited: async ({ guarded: { api }, site, bot }, use) => {
    const body = await bot.guest({ url: servePage(site).url });
    const { session_id: id } = (await call("POST", `${api}/sessions`, body, as(BOT_KEY))).body;
    const invitation = await call("POST", `${api}/session/${id}/invitation`, { way: "code" }, as(BOT_KEY));
    await use({ id, url: invitation.body.url, code: invitation.body.code });
  },
});

const isLive = (page: Page) => expect(page.locator("body")).toHaveAttribute("data-phase", "live");

test("[M4] [M6] the code opens the session in this browser, a reload too, and in no other", async ({
  invited,
  page,
  browser,
}) => {
  await page.goto(invited.url);
  await page.getByLabel("Six-digit code").fill(invited.code);
  await page.keyboard.press("Enter");
  await isLive(page);
  expect(page.url()).toBe(invited.url);
  await page.reload();
  await isLive(page);
  const other = await (await browser.newContext()).newPage();
  await other.goto(invited.url);
  await other.getByLabel("Six-digit code").fill(invited.code);
  await other.keyboard.press("Enter");
  await expect(other.getByRole("alert")).toHaveText(/^This code does not open the session/);
  await other.context().close();
});

test("[M4] a key of the tab opens it without a word, and one that is typed stays in the tab @long", async ({
  invited,
  guarded,
  page,
}) => {
  await page.goto(invited.url);
  await page.getByLabel("Or your key").fill("no-key-of-this-server");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toHaveText("The server does not know this key.");
  await page.getByRole("button", { name: "中文" }).click();
  await expect(page.getByRole("alert")).toHaveText("服务器不认识这个密钥。");
  await page.getByLabel("或您的密钥").fill(ANNA_KEY);
  await page.keyboard.press("Enter");
  await isLive(page);
  const { body } = await call("GET", `${guarded.api}/session/${invited.id}`, undefined, as(BOT_KEY));
  expect(body.operators).toBe(1);
  // The key stays in the tab: the next address that an agent gives opens by itself.
  await page.goto("about:blank");
  await page.goto(invited.url);
  await isLive(page);
});

test("[M6] after five wrong codes the page says that only a key opens it", async ({ invited, page }) => {
  await page.goto(invited.url);
  const wrong = invited.code === "000000" ? "111111" : "000000";
  const field = page.getByLabel("Six-digit code");
  const answers: Promise<unknown>[] = [];
  for (let guess = 0; guess < 6; guess += 1) {
    await field.fill(wrong);
    answers.push(page.waitForResponse(/\/code$/));
    await page.keyboard.press("Enter");
    await answers.at(-1);
  }
  await expect(page.getByRole("alert")).toHaveText("Too many wrong codes: this session opens with a key only.");
});
