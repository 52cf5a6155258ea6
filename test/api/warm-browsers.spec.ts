/** [S17] Browsers that wait for creations: with real ones, through the API, over kills and restarts. */
import { readdir, readFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { mergeTests } from "@playwright/test";
import { reapBrowsers } from "../../src/browser/process/chromium-process.ts";
import type { Gauges } from "../../src/protocol/health.ts";
import { expect } from "../support/fixtures.ts";
import { pidsWith, signalAll } from "../support/processes.ts";
import { call, type OwnServer, test as withServers } from "../support/requests.ts";
import { test as withFaults } from "../support/rounds.ts";

const POOL = { WARM_BROWSERS: "1" };
const PAGE = `<!doctype html><div id="captcha-box" style="width:300px;height:200px;background:#ddd">hold</div>`;

const test = mergeTests(withServers, withFaults).extend({
  /** What KEEP_BROWSERS leaves goes with the test, however that ended. */
  mortal: async ({ mortal }, use) => {
    await use(mortal);
    await mortal.stop();
    await reapBrowsers(join(mortal.now().dataDir, "profiles"), new Map());
  },
});

type Target = Pick<OwnServer, "url" | "api" | "dataDir">;

/** A browser by its profile and its first process, which may be a shell that started it. */
interface Found {
  readonly profile: string;
  readonly pid: number;
}

async function gauges({ url }: Target): Promise<Gauges> {
  return (await call("GET", `${url}/healthz`)).body.gauges;
}

/** The browsers that run now. */
async function browsers({ dataDir }: Target): Promise<Found[]> {
  const profiles = join(dataDir, "profiles");
  const found = await Promise.all(
    (await readdir(profiles).catch(() => [])).map(async (profile) => {
      const pids = await pidsWith(`--user-data-dir=${join(profiles, profile)}`);
      const lines = await Promise.all(
        pids.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "") })),
      );
      const own = lines.filter(({ line }) => line !== "" && !line.includes("--type="));
      return own.length > 0 ? [{ profile, pid: Math.min(...own.map(({ pid }) => pid)) }] : [];
    }),
  );
  return found.flat();
}

function pidsOf({ dataDir }: Target, { profile }: Found): Promise<number[]> {
  return pidsWith(`--user-data-dir=${join(dataDir, "profiles", profile)}`);
}

/** The browser that waits for the next creation, as soon as there is one beside those that are in use. */
async function waiting(target: Target, inUse: readonly Found[] = []): Promise<Found> {
  const others = async () => {
    if ((await gauges(target)).warm_browsers !== 1) return [];
    return (await browsers(target)).filter(({ pid }) => inUse.every((used) => used.pid !== pid));
  };
  await expect.poll(async () => (await others()).length, "a browser waits").toBe(1);
  const [found] = await others();
  if (!found) throw new Error("The browser has gone.");
  return found;
}

async function create(target: Target, body: object): Promise<string> {
  const { status, body: answer } = await call("POST", `${target.api}/sessions`, body);
  expect(status, JSON.stringify(answer)).toBe(201);
  expect(answer).toMatchObject({ state: "waiting", captcha_info: { kind: "generic" } });
  return answer.session_id;
}

async function end({ api }: Target, id: string): Promise<void> {
  expect((await call("DELETE", `${api}/session/${id}`)).status).toBe(200);
}

/** What the browser's proxy answers to a request for this address. */
async function throughProxy({ pid }: Found, url: string): Promise<number | undefined> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8");
  const port = /--proxy-server=http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1];
  expect(port).toBeDefined();
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: "127.0.0.1", port, path: url, headers: { host: new URL(url).host } });
    asked.on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on("error", reject).end();
  });
}

test("[S17] a creation takes the browser that waits, which has reached nothing; it ends with its session, and another waits", async ({
  startServer,
  site,
}) => {
  const server = await startServer(POOL);
  const url = site.serve("/", PAGE);
  const first = await waiting(server);
  expect(await gauges(server)).toMatchObject({ sessions: 0, browsers: 0, warm_browsers: 1, profile_folders: 1 });
  expect(await throughProxy(first, url)).toBe(403);

  const id = await create(server, { url });
  expect(await gauges(server)).toMatchObject({ sessions: 1, browsers: 1 });
  expect(await throughProxy(first, url)).toBe(200);
  expect(await browsers(server)).toContainEqual(first);
  expect(await readdir(join(server.dataDir, "profiles"))).not.toContain(id);

  await end(server, id);
  await expect.poll(() => browsers(server)).not.toContainEqual(first);
  await waiting(server);
  expect(await gauges(server)).toMatchObject({ sessions: 0, browsers: 0, profile_folders: 1 });
  await server.close();
  expect(await browsers(server)).toEqual([]);
  expect(await readdir(join(server.dataDir, "profiles"))).toEqual([]);
});

test("[S17] a browser that is killed while it waits is replaced, and nothing of it is left @long", async ({
  startServer,
}) => {
  const server = await startServer(POOL);
  const first = await waiting(server);
  signalAll(await pidsOf(server, first), "SIGKILL");
  await waiting(server, [first]);
  await expect.poll(() => readdir(join(server.dataDir, "profiles"))).not.toContain(first.profile);
});

test("[S17] a browser that hangs while it waits is not taken @long", async ({ startServer, site }) => {
  const server = await startServer(POOL);
  const first = await waiting(server);
  signalAll(await pidsOf(server, first), "SIGSTOP");
  const id = await create(server, { url: site.serve("/", PAGE) });
  expect(await browsers(server)).toContainEqual({ profile: id, pid: expect.any(Number) });
  await end(server, id);
  await expect.poll(() => browsers(server)).not.toContainEqual(first);
});

for (const asked of [
  { locale: "de-DE" },
  { timezone: "Asia/Shanghai" },
  { user_agent: "bot/1" },
  { device: "phone" },
  { touch: true },
  { viewport: { width: 800, height: 600 } },
]) {
  test(`[S17] a creation with ${Object.keys(asked)} has a browser of its own @long`, async ({ startServer, site }) => {
    const server = await startServer(POOL);
    const first = await waiting(server);
    const id = await create(server, { url: site.serve("/", PAGE), ...asked });
    const now = await browsers(server);
    expect(now).toContainEqual(first);
    expect(now).toContainEqual({ profile: id, pid: expect.any(Number) });
    await end(server, id);
  });
}

test.describe(() => {
  test.use({ settings: { ...POOL, KEEP_BROWSERS: "on" } });

  test("[S17] [S9] a kept session goes on in the browser that it has taken, and one that waits is not kept", async ({
    mortal,
    site,
  }) => {
    const first = await waiting(mortal.now());
    const id = await create(mortal.now(), { url: site.serve("/", PAGE), timeout_seconds: 600 });
    await waiting(mortal.now(), [first]);
    await mortal.stop();
    expect(await browsers(mortal.now())).toEqual([first]);

    await mortal.startAgain({ WARM_BROWSERS: "0", KEEP_BROWSERS: "off" });
    await expect.poll(async () => (await gauges(mortal.now())).browsers).toBe(1);
    expect((await call("GET", `${mortal.now().api}/session/${id}`)).body).toMatchObject({ state: "waiting" });
    expect(await browsers(mortal.now())).toEqual([first]);
    await end(mortal.now(), id);
    await expect.poll(() => browsers(mortal.now())).toEqual([]);
  });

  test("[S17] [S9] after a kill the next start ends the browser that waited, and goes on with the one that was taken @long", async ({
    mortal,
    site,
  }) => {
    const first = await waiting(mortal.now());
    const id = await create(mortal.now(), { url: site.serve("/", PAGE), timeout_seconds: 600 });
    const unused = await waiting(mortal.now(), [first]);
    await mortal.kill();
    expect(await browsers(mortal.now())).toEqual(expect.arrayContaining([first, unused]));
    await mortal.startAgain({ WARM_BROWSERS: "0", KEEP_BROWSERS: "off" });
    expect(await browsers(mortal.now())).toEqual([first]);
    await expect.poll(async () => (await gauges(mortal.now())).browsers).toBe(1);
    await end(mortal.now(), id);
    await expect.poll(() => browsers(mortal.now())).toEqual([]);
  });
});
