/**
 * How soon the bot is told: ms from the page's own success (its challenge leaves the document) to the answer of the
 * bot's long poll, to the state and the end on its event stream, and to its webhook, all of the same sessions.
 * Run with `npm run bench:verdict`; prints median, p95 and maximum.
 */
import { randomUUID } from "node:crypto";
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
const received = new Map<string, (at: number) => void>();
const receiver = createServer(async (request, response) => {
  const at = Date.now();
  const { data } = JSON.parse(Buffer.concat(await request.toArray()).toString("utf8"));
  response.writeHead(204).end();
  if (data.outcome !== undefined) received.get(data.session_id)?.(at);
});
await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
const env = { DATA_DIR: dataDir, DEMO: "off", URL_ALLOW_PRIVATE: "on", WEBHOOK_SECRET: "A".repeat(32) };
const config = loadConfig({ ...process.env, PORT: "0", ...env });
const { app, publicUrl } = await buildApp(config, { log: pino({ level: "silent" }) });
await app.listen({ host: "127.0.0.1", port: 0 });
const api = `${publicUrl()}/api/captcha`;

const WAYS = ["long poll", "event session.state", "event session.ended", "webhook"] as const;
const runs: Record<(typeof WAYS)[number], number>[] = [];
for (let run = 0; run < RUNS; run += 1) runs.push(await oneRun());
console.log(`told after the page's own success, ${RUNS} runs:`);
for (const way of WAYS) {
  const times = runs.map((run) => run[way]).sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  console.log(`  ${way.padEnd(20)} median ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${times.at(-1)} ms`);
}
console.log(`of which the stability window (stable_ms): 500 ms`);

await app.close();
site.closeAllConnections();
site.close();
receiver.closeAllConnections();
receiver.close();
await rm(dataDir, { recursive: true, force: true });

async function oneRun(): Promise<(typeof runs)[number]> {
  const id = randomUUID();
  const webhook = new Promise<number>((resolve) => received.set(id, resolve));
  const created = await fetch(`${api}/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      session_id: id,
      url: `http://127.0.0.1:${(site.address() as AddressInfo).port}/`,
      callback_url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
    }),
  });
  const session = (await created.json()) as SessionAnswer;
  const poll = fetch(`${api}/status/${id}?wait=20`)
    .then((answer) => answer.json())
    .then(() => Date.now());
  const streamed = followed(`${api}/session/${id}/events`);
  const socket = new WebSocket(session.ws_url);
  await new Promise((resolve) => socket.once("message", resolve));
  for (const event_type of ["down", "move", "up"]) {
    socket.send(JSON.stringify({ type: "mouse_event", event_type, x: 200, y: 150, button: "left" }));
  }
  const [polled, { state, end }, hooked] = await Promise.all([poll, streamed, webhook]);
  socket.terminate();
  return {
    "long poll": polled - successAt,
    "event session.state": state - successAt,
    "event session.ended": end - successAt,
    webhook: hooked - successAt,
  };
}

/** When the solved state came, and when the end did. */
async function followed(url: string): Promise<{ state: number; end: number }> {
  const { body } = await fetch(url);
  let text = "";
  let state = 0;
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (state === 0 && text.includes('"state":"solved"')) state = Date.now();
    if (text.includes("event: session.ended")) return { state, end: Date.now() };
  }
  throw new Error("the stream ended without the end");
}
