/** The inbox, open in a browser with the key of the tests. */
import type { Page } from "@playwright/test";
import { test as base } from "./fixtures.ts";
import { TEST_KEY } from "./key.ts";

export const test = base.extend<{ inbox: Page }>({
  inbox: async ({ page, server }, use) => {
    await page.addInitScript((key) => sessionStorage.setItem("captcha-remote.key", key), TEST_KEY);
    await page.goto(`${server.api}/control`);
    await use(page);
  },
});
