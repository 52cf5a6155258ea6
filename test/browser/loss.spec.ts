/** A browser or a page that dies: the session ends with its code, the others feel nothing, nothing is left. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "../fixtures.ts";
import { commandLinesWith } from "../processes.ts";

/** Process ids of a session's browser. */
async function browserPids(profileDir: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return pids.filter((_, index) => lines[index]?.includes(`--user-data-dir=${profileDir}`)).map(Number);
}

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
  for (const pid of await browserPids(profile)) process.kill(pid, "SIGKILL");
  const killedAt = Date.now();
  expect(await bot.waitForEnd(killed.session_id)).toMatchObject({ state: "failed", reason: "browser_lost" });
  expect(Date.now() - killedAt).toBeLessThan(2_000);
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
