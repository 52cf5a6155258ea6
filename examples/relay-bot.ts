// A bot behind NAT: the server cannot reach its browser, so it dials out and lends the page that a challenge has stopped.
import console from "node:console";
import { chromium } from "playwright";
import { CaptchaRemoteClient, guard } from "../src/sdk/index.ts"; // from "captcha-remote/sdk" in a project of yours

const [url = "http://127.0.0.1:3001/jigsaw.html", baseUrl = "http://127.0.0.1:3000"] = process.argv.slice(2);
const apiKey = process.env["CAPTCHA_REMOTE_KEY"] ?? "";

// No debugging port: nothing of this browser is open to anybody.
const browser = await chromium.launch({
  ...(process.env["CHROMIUM_PATH"] ? { executablePath: process.env["CHROMIUM_PATH"] } : {}),
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
try {
  const page = await browser.newPage();
  await page.goto(url);
  if (await page.locator('[id*="captcha" i], [class*="captcha" i]').first().isVisible()) {
    const client = new CaptchaRemoteClient({ baseUrl, apiKey });
    const relay = await client.relay(page);
    // Until the person is done, clicks of the bot's own fail instead of fighting theirs.
    const held = guard(page);
    const result = await client.solve(
      { relay: relay.id, label: "relay-bot" },
      { onLink: (link) => console.log(`Please clear it: ${link}`) },
    );
    held.release();
    await relay.close();
    if (result.outcome !== "solved") throw new Error(`Nobody cleared it: ${result.reason}`);
  }
  console.log(`Back to work on "${await page.title()}"`);
} finally {
  await browser.close();
}
