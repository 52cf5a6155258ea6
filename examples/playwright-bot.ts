// A Playwright bot that keeps its own page: it hands it to a person when a challenge stops it, and goes on in it.
import console from "node:console";
import { chromium } from "playwright";

const [url = "http://127.0.0.1:3001/jigsaw.html", api = "http://127.0.0.1:3000/api/captcha"] = process.argv.slice(2);
const DEBUGGING_PORT = Number(process.env["DEBUGGING_PORT"] ?? 9222);

const browser = await chromium.launch({
  ...(process.env["CHROMIUM_PATH"] ? { executablePath: process.env["CHROMIUM_PATH"] } : {}),
  args: [`--remote-debugging-port=${DEBUGGING_PORT}`, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
});
const page = await browser.newPage();
await page.goto(url);

if (await page.locator('[id*="captcha" i], [class*="captcha" i]').first().isVisible()) {
  const result = await askPerson({ endpoint: `http://127.0.0.1:${DEBUGGING_PORT}`, url_contains: page.url() });
  if (result.outcome !== "solved") throw new Error(`Nobody cleared it: ${result.reason}`);
}
console.log(`Back to work on "${await page.title()}"`);
await browser.close();

/** Hands a page over and waits for the end of its session. */
async function askPerson(cdp: { endpoint: string; url_contains: string }) {
  const session = await call("/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ cdp, label: "playwright-bot", instructions: "Please clear the challenge." }),
  });
  console.log(`Please clear it: ${session.control_url}`);
  let state = session.state;
  while (["starting", "waiting", "active"].includes(state)) {
    state = (await call(`/status/${session.session_id}?wait=50`)).state;
  }
  return call(`/session/${session.session_id}/result`);
}

async function call(path: string, init?: RequestInit) {
  const response = await fetch(`${api}${path}`, init);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}
