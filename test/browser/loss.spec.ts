/** A browser or a page that dies: the session ends with its code, the others feel nothing, nothing is left. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { fetchAsBot } from "../support/key.ts";
import { expectWithin } from "../support/pace.ts";
import { commandLinesWith, pidsWith, signalAll } from "../support/processes.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[S2] a killed browser ends its session as browser_lost, within two seconds, and no other", async ({
  server,
  site,
  bot,
  connect,
}) => {
  const url = site.serve("/", "hello");
  const [killed, other] = await Promise.all([bot.create({ url }), bot.create({ url })]);
  const client = await connect(killed.ws_url);
  await client.next("session_info");
  const profile = join(server.dataDir, "profiles", killed.session_id);
  signalAll(await pidsWith(`--user-data-dir=${profile}`), "SIGKILL");
  const killedAt = Date.now();
  expect(await bot.waitForEnd(killed.session_id)).toMatchObject({ state: "failed", reason: "browser_lost" });
  expectWithin(Date.now() - killedAt, 2_000);
  expect(await client.closed).toMatchObject({ code: 4410 });
  expect((await bot.info(other.session_id)).state).toBe("waiting");
  await expect.poll(() => commandLinesWith(profile)).toEqual([]);
  await expect
    .poll(async () => (await readdir(join(server.dataDir, "profiles"))).includes(killed.session_id))
    .toBe(false);
});

test("[S2] a crashed renderer ends the session as page_crashed", async ({ site, bot, server }) => {
  const { session_id } = await bot.create({ url: site.serve("/", "hello") });
  const [port] = (await readFile(join(server.dataDir, "profiles", session_id, "DevToolsActivePort"), "utf8")).split(
    "\n",
  );
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? "");
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  socket.send(JSON.stringify({ id: 1, method: "Page.crash" }));
  expect(await bot.waitForEnd(session_id)).toMatchObject({ state: "failed", reason: "page_crashed" });
  socket.close();
});

test("[W24] [R4] a REST operator does not inherit the button that a lost socket held down", async ({
  server,
  site,
  bot,
  connect,
}) => {
  const seen: string[] = [];
  site.serve("/seen", (request, response) => {
    seen.push(request.url?.split("?")[1] ?? "");
    response.end();
  });
  const url = site.serve(
    "/",
    `<script>for (const type of ["mousedown", "mouseup"]) addEventListener(type, () => navigator.sendBeacon("/seen?" + type))</script>`,
  );
  const session = await bot.create({ url });
  const client = await connect(session.ws_url);
  await client.next("session_info");
  client.send({ type: "mouse_event", event_type: "down", x: 50, y: 50, button: "left" });
  await expect.poll(() => seen).toEqual(["mousedown"]);
  client.terminate();
  await expect.poll(async () => (await bot.info(session.session_id)).operators).toBe(0);
  await fetchAsBot(`${server.api}/mouse_event`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ session_id: session.session_id, event_type: "move", x: 60, y: 60 }),
  });
  await expect.poll(() => seen).toEqual(["mousedown", "mouseup"]);
});

test("[W16] [W17] who only watches cannot end the session", async ({ bot, site, connect }) => {
  const session = await bot.createGuest({ url: site.serve("/", "hello") });
  const holder = await connect(session.ws_url);
  await holder.next("control", ({ you }) => you);
  const watcher = await connect(session.ws_url);
  await watcher.next("control", ({ you }) => !you);
  watcher.send({ type: "finish", outcome: "cannot", id: 7 });
  expect(await watcher.next("error")).toMatchObject({ code: "not_in_control", reply_to: 7 });
  holder.send({ type: "finish", outcome: "cannot" });
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "failed", reason: "operator_gave_up" });
});
