// A Puppeteer bot that keeps its own page. Puppeteer's browsers listen for DevTools already: its address is enough.
import console from "node:console";
import puppeteer from "puppeteer-core";

const [url = "http://127.0.0.1:3001/jigsaw.html", api = "http://127.0.0.1:3000/api/captcha"] = process.argv.slice(2);

const browser = await puppeteer.launch({
  executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
try {
  const page = await browser.newPage();
  await page.goto(url);
  const session = await call("/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ cdp: { endpoint: browser.wsEndpoint(), url_contains: page.url() }, label: "puppeteer-bot" }),
  });
  console.log(`Please clear it: ${session.control_url}`);
  let state = session.state;
  while (["starting", "waiting", "active"].includes(state)) {
    state = (await call(`/status/${session.session_id}?wait=50`)).state;
  }
  const result = await call(`/session/${session.session_id}/result`);
  console.log(`${result.outcome}, and back to work on "${await page.title()}"`);
} finally {
  await browser.close();
}

async function call(path: string, init?: RequestInit) {
  const response = await fetch(`${api}${path}`, init);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}
