// A Puppeteer bot that keeps its own page. Puppeteer's browsers listen for DevTools already: their address is enough.
import console from "node:console";
import puppeteer from "puppeteer-core";
import { CaptchaRemoteClient } from "../src/sdk/index.ts"; // from "captcha-remote/sdk" in a project of yours

const [url = "http://127.0.0.1:3001/jigsaw.html", baseUrl = "http://127.0.0.1:3000"] = process.argv.slice(2);
const apiKey = process.env["CAPTCHA_REMOTE_KEY"] ?? "";

const browser = await puppeteer.launch({
  executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
try {
  const page = await browser.newPage();
  await page.goto(url);
  const { outcome } = await new CaptchaRemoteClient({ baseUrl, apiKey }).solve(
    { cdp: { endpoint: browser.wsEndpoint(), url_contains: page.url() }, label: "puppeteer-bot" },
    { onLink: (link) => console.log(`Please clear it: ${link}`) },
  );
  console.log(`${outcome}, and back to work on "${await page.title()}"`);
} finally {
  await browser.close();
}
