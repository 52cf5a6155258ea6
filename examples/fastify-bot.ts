// A bot that is a Fastify server itself: the console stands beside its own routes, the page is handed over in process.
import console from "node:console";
import Fastify from "fastify";
import { chromium } from "playwright";
import { captchaRemote } from "../src/plugin.ts"; // from "captcha-remote" in a project of yours

const [url = "http://127.0.0.1:3001/jigsaw.html", port = "3100"] = process.argv.slice(2);

const app = Fastify();
await app.register(captchaRemote);
await app.listen({ host: "127.0.0.1", port: Number(port) });

const browser = await chromium.launch({
  ...(process.env["CHROMIUM_PATH"] ? { executablePath: process.env["CHROMIUM_PATH"] } : {}),
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const page = await browser.newPage();
await page.goto(url);

const result = await app.captchaRemote.handOff(page, {
  instructions: "Please clear the challenge.",
  timeoutMs: 180_000,
  onReady: ({ control_url }) => console.log(`Please clear it: ${control_url}`),
});
console.log(`${result.outcome}, and back to work on "${await page.title()}"`);

await browser.close();
await app.close();
