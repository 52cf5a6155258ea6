/** Labels, contrast and roles of every surface of the console, as axe-core sees them: both languages, light and dark. */
import { createRequire } from "node:module";
import type { Browser, BrowserContextOptions, Page } from "@playwright/test";
import type { AxeResults, RunOptions } from "axe-core";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { fetchAsBot, TEST_KEY } from "../support/key.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { serveTouchPage } from "../support/touch-page.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const DESK = { width: 1280, height: 760 };
const PHONE = { width: 390, height: 844 };

/** What is wrong on this page, one line each. */
async function faultsOf(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.addScriptTag({ path: AXE });
  const results = await page.evaluate(async () => {
    // What comes up is looked at once it is there; what turns for ever is not waited for.
    const ending = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
    await Promise.all(ending.map(({ finished }) => finished));
    const { axe } = window as unknown as { axe: { run: (options: RunOptions) => Promise<AxeResults> } };
    return axe.run({ resultTypes: ["violations"] });
  });
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 120)} ${failureSummary ?? ""}`),
  );
}

/** The console's own buttons switch through all looks: both languages, light and dark. */
const SWITCHES = ["", "#theme", "#language", "#theme"];

/** The faults in all looks; in `npm test` in one of them, each surface in another. */
async function faultsInAllLooks(page: Page, surface: string, look: number): Promise<void> {
  for (const [index, switched] of SWITCHES.entries()) {
    // A dialog is open above the buttons: what is meant is what they do.
    if (switched !== "") await page.locator(switched).evaluate((button) => (button as HTMLButtonElement).click());
    if (!IS_LONG_RUN && index !== look) continue;
    const [language, theme] = await page.evaluate(() => {
      const { lang, dataset } = document.documentElement;
      return [lang, dataset["theme"]];
    });
    expect.soft(await faultsOf(page), `${surface}, ${language}, ${theme}`).toEqual([]);
  }
}

async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Page> {
  // The console's content policy lets no script in that is not its own; colours that fade would be seen half way.
  const usual = { viewport: DESK, locale: "en-US", bypassCSP: true, reducedMotion: "reduce" as const };
  const context = await browser.newContext({ ...usual, ...options });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

test("[W52] nothing is wrong with labels, roles and contrast: session, dialog, inbox and end, in both languages, light and dark", async ({
  site,
  bot,
  browser,
  server,
}) => {
  const served = serveTouchPage(site);
  const session = await bot.create({ url: served.url, label: "orders", instructions: "Clear it, please." });
  const desk = await open(browser, session.control_url);
  await desk.locator("#screen[data-seq]").waitFor();
  await desk.locator("#pointer-mode").click();
  await desk.locator("#zoom-in").click();
  await desk.locator("#activity summary").click();
  await faultsInAllLooks(desk, "session", 1);
  await desk.locator("#cannot").click();
  expect.soft(await faultsOf(desk), "giving up").toEqual([]);
  await desk.locator("#cannot-back").click();

  const inbox = await open(browser, `${server.api}/control`);
  expect.soft(await faultsOf(inbox), "asking for a key").toEqual([]);
  await inbox.locator("#key-input").fill(TEST_KEY);
  await inbox.locator("#key-use").click();
  await expect(inbox.locator("#session-list li").first()).toBeVisible();
  await faultsInAllLooks(inbox, "inbox", 2);
  await inbox.context().close();

  const phone = await open(browser, session.control_url, { viewport: PHONE, hasTouch: true, isMobile: true });
  await phone.locator("#screen[data-seq]").waitFor();
  await expect(phone.locator("#watching")).toBeVisible();
  expect.soft(await faultsOf(phone), "watching on a phone").toEqual([]);
  await phone.locator("#take-control").tap();
  await expect(phone.locator("#fingers")).toBeVisible();
  expect.soft(await faultsOf(phone), "session on a phone").toEqual([]);
  await phone.context().close();

  await fetchAsBot(`${server.api}/session/${session.session_id}`, { method: "DELETE" });
  await expect(desk.locator("#ending")).toBeVisible();
  await faultsInAllLooks(desk, "end card", 3);
  await desk.context().close();
});
