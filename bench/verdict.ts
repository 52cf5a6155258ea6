/**
 * How soon the bot is told: ms from the page's own success (its challenge leaves the document) to the answer of the
 * bot's long poll. Run with `npm run bench:verdict`; prints median, p95 and maximum.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { WebSocket } from "ws";
import { buildApp } from "../src/app.ts";
import { loadConfig } from "../src/config.ts";
import type { SessionAnswer } from "../src/protocol/rest.ts";

const RUNS = 30;
/** What a site's own check of an attempt takes, between the release and the success. */
const SITE_CHECK_MS = 150;

const page = `<div id="the-captcha" style="position:absolute;left:100px;top:80px;width:300px;height:200px;background:#ccd"></div>
  <script>addEventListener("mouseup", () => setTimeout(() => {
    document.getElementById("the-captcha").remove();
    navigator.sendBeacon("/success?" + Date.now());
  }, ${SITE_CHECK_MS}))</script>`;

const dataDir = await mkdtemp(join(tmpdir(), "captcha-remote-bench-"));
let successAt = 0;
const site = createServer((request, response) => {
  if (request.url?.startsWith("/success?")) successAt = Number(request.url.split("?")[1]);
  response.setHeader("content-type", "text/html").end(page);
});
await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
const config = loadConfig({ ...process.env, PORT: "0", DATA_DIR: dataDir, DEMO: "off" });
const { app, publicUrl } = await buildApp(config, { log: pino({ level: "silent" }) });
await app.listen({ host: "127.0.0.1", port: 0 });
const api = `${publicUrl()}/api/captcha`;

const times: number[] = [];
for (let run = 0; run < RUNS; run += 1) times.push(await oneRun());
times.sort((a, b) => a - b);
const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
console.log(
  `verdict after the page's own success, ${RUNS} runs: median ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${times.at(-1)} ms`,
);
console.log(`of which the stability window (stable_ms): 500 ms`);

await app.close();
site.closeAllConnections();
site.close();
await rm(dataDir, { recursive: true, force: true });

async function oneRun(): Promise<number> {
  const created = await fetch(`${api}/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ url: `http://127.0.0.1:${(site.address() as AddressInfo).port}/` }),
  });
  const session = (await created.json()) as SessionAnswer;
  const ended = fetch(`${api}/status/${session.session_id}?wait=20`);
  const socket = new WebSocket(session.ws_url);
  await new Promise((resolve) => socket.once("message", resolve));
  for (const event_type of ["down", "move", "up"]) {
    socket.send(JSON.stringify({ type: "mouse_event", event_type, x: 200, y: 150, button: "left" }));
  }
  await (await ended).json();
  const toldAt = Date.now();
  socket.terminate();
  return toldAt - successAt;
}
