/** The CDP connection for pictures and input, against a real browser with frames in processes of their own. */
import { join } from "node:path";
import { type Browser, chromium, type Page } from "@playwright/test";
import { CdpConnection, type CdpSession } from "../../src/browser/cdp/connection.ts";
import { startBrowser } from "../../src/browser/process/chromium-process.ts";
import { test as base, expect, isolating } from "../support/fixtures.ts";

interface Attached {
  readonly page: Page;
  readonly connection: CdpConnection;
  readonly session: CdpSession;
  readonly frameTarget: string;
}

const test = base.extend<{ attached: Attached }>({
  attached: async ({ site, server }, use) => {
    site.serve("/inner", "<p>inner</p>");
    const url = site.serve("/", `<iframe src="${site.otherOrigin}/inner"></iframe>`);
    const started = await startBrowser(
      {
        chromiumPath: await isolating(process.env["CHROMIUM_PATH"] ?? "", server.dataDir),
        profileDir: join(server.dataDir, "profiles", "devtools"),
        environment: { PATH: process.env["PATH"] ?? "" },
        viewport: { width: 640, height: 400 },
      },
      AbortSignal.timeout(20_000),
    );
    const browser = await chromium.connectOverCDP(started.endpoint);
    const page = await browser.contexts()[0]?.newPage();
    if (!page) throw new Error("The browser has no context.");
    await page.goto(url);
    const [pageTarget, frameTarget] = await targetsOf(browser, page, `${site.otherOrigin}/inner`);
    const connection = await CdpConnection.connect(started.endpoint);
    await use({ page, connection, session: await connection.attach(pageTarget), frameTarget });
    connection.close();
    await started.stop();
  },
});

async function targetsOf(browser: Browser, page: Page, frameUrl: string): Promise<[string, string]> {
  const session = await page.context().newCDPSession(page);
  const { targetInfo } = await session.send("Target.getTargetInfo");
  const { targetInfos } = await (await browser.newBrowserCDPSession()).send("Target.getTargets");
  const frame = targetInfos.find(({ type, url }) => type === "iframe" && url === frameUrl);
  if (!frame) throw new Error("The frame has no process of its own.");
  return [targetInfo.targetId, frame.targetId];
}

test("[W24] the page and a frame of another process are asked over one connection, each for itself", async ({
  attached: { connection, session, frameTarget },
  site,
}) => {
  const origin = { expression: "origin", returnByValue: true };
  const frame = await connection.attach(frameTarget);
  expect((await session.send("Runtime.evaluate", origin)).result.value).toBe(site.origin);
  expect((await frame.send("Runtime.evaluate", origin)).result.value).toBe(site.otherOrigin);
});

test("[W24] what a frame was asked is refused once the frame is gone, and the page is still answered", async ({
  attached: { page, connection, session, frameTarget },
}) => {
  const frame = await connection.attach(frameTarget);
  const asked = frame.send("Runtime.evaluate", { expression: "new Promise(() => {})", awaitPromise: true });
  const refused = expect(asked).rejects.toThrow();
  await page.evaluate(() => document.querySelector("iframe")?.remove());
  await refused;
  await frame.gone;
  await expect(frame.send("Runtime.evaluate", { expression: "1" })).rejects.toThrow();
  await expect(connection.attach(frameTarget)).rejects.toThrow();
  const { result } = await session.send("Runtime.evaluate", { expression: "document.querySelector('iframe')" });
  expect(result.subtype).toBe("null");
});

test("a connection that is closed refuses what it was asked, with a code", async ({
  attached: { connection, session },
}) => {
  const asked = session.send("Runtime.evaluate", { expression: "new Promise(() => {})", awaitPromise: true });
  const refused = expect(asked).rejects.toMatchObject({ code: "browser_lost" });
  connection.close();
  await refused;
  await connection.closed;
  await expect(session.send("Runtime.evaluate", { expression: "1" })).rejects.toMatchObject({ code: "browser_lost" });
});
