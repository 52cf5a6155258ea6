/** What cases of the corpus need in the tests: the worker's server, a site of their pages, a bot's browser. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PageSite } from "../pages/site.ts";
import { CorpusBrowser } from "./bot-browser.ts";
import { test as base, expect, TEST_FOLDER_PREFIX } from "./fixtures.ts";
import { BEARER } from "./key.ts";
import type { VerdictWorld } from "./verdict-case.ts";

export const test = base.extend<object, { world: VerdictWorld }>({
  world: [
    async ({ server }, use) => {
      const site = await PageSite.start();
      const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
      let browser: Promise<CorpusBrowser> | undefined;
      await use({
        api: server.api,
        headers: BEARER,
        site,
        async openGuest(url) {
          browser ??= CorpusBrowser.start(process.env["CHROMIUM_PATH"] ?? "", join(folder, "bot"));
          return (await browser).open(url);
        },
      });
      await (await browser)?.stop();
      await site.stop();
      await rm(folder, { recursive: true, force: true });
    },
    { scope: "worker" },
  ],
});

export { expect };
