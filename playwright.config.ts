/** How the tests run: one runner for all of them; those that do not ask for a page start no browser. */

import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { defineConfig } from "@playwright/test";
import { findChromium } from "./src/browser/process/find-chromium.ts";

const LEFTOVERS = "leftovers.spec.ts";
/** Needs a full Chromium. */
const HEADFUL = "guest-headful.spec.ts";

const env = { ...(existsSync(".env") ? parseEnv(readFileSync(".env", "utf8")) : {}), ...process.env };
const executablePath = await findChromium({ chromiumPath: env["CHROMIUM_PATH"], path: env["PATH"] });
// The servers under test run the same browser as the tests do.
if (executablePath) process.env["CHROMIUM_PATH"] = executablePath;
// A browser that waits for a test to come is one that no other test needs: warm-browsers.spec.ts has some.
process.env["WARM_BROWSERS"] ??= "0";
// Names this run's folders and processes, so that two runs at a time do not take each other's for leftovers.
process.env["TEST_RUN"] ??= String(process.pid);
// Workers, and what they start, compile once: half of each start is that.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL(".cache/tests", import.meta.url));
// As root Chromium refuses to start with its sandbox.
const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];

/** `npm run test:long`: full counts, and the browser's side once more in a full Chromium where there is one. */
const isLong = Boolean(env["TEST_LONG"]);
const fullChromium = isLong ? findFullChromium() : undefined;

export default defineConfig<object, { sessionBrowser: string | undefined }>({
  testDir: "./test",
  testMatch: "**/*.spec.ts",
  fullyParallel: true,
  // Of the many that vary one promise, some: test/support/long-run.ts.
  ...(isLong ? {} : { grepInvert: /@long\b/ }),
  forbidOnly: Boolean(env["CI"]),
  // A test that passes the second time only is a defect, so nothing is tried twice.
  retries: 0,
  // More than cores, as each often waits. In the long run each has five browsers.
  workers: isLong ? 2 : Math.max(3, Math.min(4, 2 * availableParallelism())),
  // Tests wait for conditions: a cap is only there for what never comes, and no slow machine reaches it.
  timeout: 600_000,
  expect: { timeout: 120_000 },
  // Ten minutes on one core. A slow or busy machine is no reason to fail.
  globalTimeout: isLong ? 7_200_000 : 3_600_000,
  reporter: [["list"], ["./test/support/summary-reporter.ts"]],
  use: {
    headless: true,
    launchOptions: { args, ...(executablePath ? { executablePath } : {}) },
  },
  projects: [
    // The look for leftover processes and folders comes after all other tests, whether they passed or not.
    { name: "all", testIgnore: [`**/${LEFTOVERS}`, `**/${HEADFUL}`], teardown: "leftovers" },
    ...(fullChromium
      ? [
          {
            name: "full-chromium",
            testMatch: [
              "e2e/demos.spec.ts",
              "e2e/isolated-frames.spec.ts",
              "e2e/plain-client.spec.ts",
              "browser/*.spec.ts",
            ],
            use: { sessionBrowser: fullChromium },
            teardown: "leftovers",
          },
        ]
      : []),
    { name: "leftovers", testMatch: `**/${LEFTOVERS}` },
  ],
});

function findFullChromium(): string | undefined {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    if (existsSync(join(folder, "chromium"))) return join(folder, "chromium");
  }
  return undefined;
}
