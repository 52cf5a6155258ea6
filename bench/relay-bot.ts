/** A bot in a process of its own, which lends the one page of a browser over a relay. Prints the relay's id. */
import { chromium } from "playwright";
import { startRelay } from "../src/relay/index.ts";
import { VIEWPORT } from "./page.ts";

const [server = "", endpoint = "", url = "", pictures = "half"] = process.argv.slice(2);
const key = process.env["CAPTCHA_REMOTE_KEY"];

async function cropped() {
  const browser = await chromium.connectOverCDP(endpoint);
  const page = await (await browser.newContext({ viewport: VIEWPORT })).newPage();
  await page.goto(url);
  return startRelay(page, { server, key });
}

const relay = await (pictures === "part" ? cropped() : startRelay(endpoint, { server, key }, { urlContains: url }));
process.stdout.write(`${relay.id}\n`);
