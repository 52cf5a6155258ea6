/** `npm start` as a person meets it: the banner, the demo, Ctrl-C, a second start, a kill. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { JIGSAW } from "../../public/demo/layout.js";
import { runCommand } from "../support/commands.ts";
import { COMPILED } from "../support/compile-cache.ts";
import { test as base, expect, Operator, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { commandLinesWith, pidsWith, signalAll } from "../support/processes.ts";
import { runProgram } from "../support/programs.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** Another way to the same end is tried in every run. */
const LIKE_ANOTHER = "part of the long run";

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string | null>;
  /** Waits for the banner and answers an operator link of the demo session, made with the first key. */
  readonly ready: () => Promise<string>;
  /** What that key is sent in. */
  readonly bearer: () => Promise<{ authorization: string }>;
}

interface Home {
  readonly dataDir: string;
  readonly temporary: string;
  start(env?: Record<string, string>): Run;
}

/** A folder for one server's data and one for its temporary files, and whatever was started ended again. */
const test = base.extend<{ home: Home }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  home: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const dataDir = join(folder, "data");
    const temporary = join(folder, "tmp");
    await mkdir(temporary);
    const runs: Run[] = [];
    await use({
      dataDir,
      temporary,
      start(env = {}) {
        const run = startCli({ PORT: "0", DATA_DIR: dataDir, TMPDIR: temporary, ...env });
        runs.push(run);
        return run;
      },
    });
    for (const run of runs) run.child.kill("SIGINT");
    await Promise.all(runs.map((run) => run.ended));
    await rm(folder, { recursive: true, force: true });
  },
});

function startCli(env: Record<string, string>): Run {
  const machine = { PATH: process.env["PATH"] ?? "", CHROMIUM_PATH: process.env["CHROMIUM_PATH"] ?? "" };
  const inherited = { ...COMPILED, ...machine, WARM_BROWSERS: "0" };
  const child = spawn(process.execPath, [CLI], { env: { ...inherited, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const ended = new Promise<number | string | null>((resolve) =>
    child.once("close", (code, signal) => resolve(code ?? signal)),
  );
  const bearer = async () => {
    const secret = await readFile(join(env["DATA_DIR"] ?? "", "first-key"), "utf8");
    return { authorization: `Bearer ${secret.trim()}` };
  };
  const ready = async () => {
    await expect.poll(() => text).toContain("Ctrl-C ends it");
    const shown = /Try it now +(\S+)/.exec(text)?.[1] ?? "";
    const headers = { ...(await bearer()), "content-type": "application/json" };
    const asked = `${shown.replace("/control/", "/session/")}/links`;
    const answer = await fetch(asked, { method: "POST", headers, body: "{}" });
    return ((await answer.json()) as { url: string }).url;
  };
  return { child, out: () => text, ended, ready, bearer };
}

async function expectNothingLeft({ dataDir, temporary }: Home): Promise<void> {
  expect(await commandLinesWith(dataDir)).toEqual([]);
  expect(await readdir(temporary)).toEqual([]);
  expect(await readdir(join(dataDir, "profiles")).catch(() => [])).toEqual([]);
}

test("prints a banner whose link opens the demo session, and Ctrl-C ends all of it", async ({ home, page }) => {
  const run = home.start();
  const link = await run.ready();
  expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/captcha\/control\/demo#[\w.-]+$/);
  // What is not a terminal may be kept: no secret is in it.
  const file = join(home.dataDir, "first-key");
  expect(run.out()).toContain(`A first key was made: it is in ${file}`);
  expect(run.out()).not.toContain((await readFile(file, "utf8")).trim());
  expect(run.out()).not.toContain("#");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  for (const [, url] of run.out().matchAll(/^ {2}\w[\w ]+ {2,}(http\S+)$/gm)) {
    expect((await fetch(url ?? "")).status, url).toBe(200);
  }
  const log = run
    .out()
    .split("\n")
    .filter((line) => line.startsWith("{"));
  expect(log.length).toBeGreaterThan(0);
  for (const line of log) expect(JSON.parse(line)).toHaveProperty("level");
  const operator = new Operator(page);
  await operator.open(link);
  await expect(page.locator("body")).toContainText(/drag/i);
  expect((await commandLinesWith(home.dataDir)).length).toBeGreaterThan(0);

  run.child.kill("SIGINT");
  run.child.kill("SIGINT");
  expect(await run.ended).toBe(0);

  await expectNothingLeft(home);
  expect(existsSync(join(home.dataDir, "sessions.db"))).toBe(true);
});

(IS_LONG_RUN ? test : test.skip)(
  "the demo's link is good again after a restart, and its ended page offers a new one",
  async ({ home, page }) => {
    const first = home.start();
    await first.ready();
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);
    const second = home.start();
    const link = await second.ready();
    const api = link.replace(/\/control\/demo.*$/, "");
    const headers = await second.bearer();
    expect(second.out()).not.toContain("first key");
    const operator = new Operator(page);
    await operator.open(link);
    await fetch(`${api}/session/demo`, { method: "DELETE", headers });
    await expect(page.locator("body")).toHaveAttribute("data-phase", "ended");
    await page.locator("#new-demo").click();
    await expect(page.locator("body")).toHaveAttribute("data-phase", "live");
    const demo = (await (await fetch(`${api}/session/demo`, { headers })).json()) as {
      state: string;
      expires_at: string;
    };
    expect(demo.state).toBe("active");
    // It lasts MAX_TIMEOUT_SECONDS.
    expect(Date.parse(demo.expires_at) - Date.now()).toBeGreaterThan(3_500_000);
  },
);

test("[S9] a killed server's browser goes on at the next start, the demo's too; a browser without a record is ended @long", async ({
  home,
  page,
}) => {
  const first = home.start();
  const link = await first.ready();
  const operator = new Operator(page);
  await operator.open(link);
  first.child.kill("SIGKILL");
  await first.ended;
  const orphan = join(home.dataDir, "profiles", "nobody");
  await mkdir(orphan);
  const idle = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)", `--user-data-dir=${orphan}`], {
    detached: true,
    stdio: "ignore",
  });
  const orphanEnded = new Promise((resolve) => idle.once("exit", resolve));
  const demoPids = () => pidsWith(`${home.dataDir}/profiles/demo`);
  const pids = await demoPids();
  expect(pids.length).toBeGreaterThan(0);

  const second = home.start({ PORT: new URL(link).port });
  await second.ready();
  await orphanEnded;
  expect(await readdir(join(home.dataDir, "profiles"))).toEqual(["demo"]);
  expect(await demoPids()).toEqual(expect.arrayContaining(pids.slice(0, 1)));
  // The console comes back by itself.
  await expect(page.locator("body")).toHaveAttribute("data-phase", "live");
  second.child.kill("SIGINT");
  expect(await second.ended).toBe(0);
  await expectNothingLeft(home);
});

test("a signal while an operator drags ends in time", async ({ home, page }) => {
  test.skip(!IS_LONG_RUN, LIKE_ANOTHER);
  const run = home.start();
  const operator = new Operator(page);
  await operator.open(await run.ready());
  const box = await page.locator("#screen").boundingBox();
  await page.mouse.move((box?.x ?? 0) + JIGSAW.handle.x, (box?.y ?? 0) + JIGSAW.handle.y);
  await page.mouse.down();
  run.child.kill("SIGTERM");
  expect(await run.ended).toBe(0);
  await expectNothingLeft(home);
});

test("a second Ctrl-C ends a browser that does not answer, at once", async ({ home }) => {
  test.skip(!IS_LONG_RUN, LIKE_ANOTHER);
  const run = home.start();
  await run.ready();
  signalAll(await pidsWith(`--user-data-dir=${home.dataDir}`), "SIGSTOP");
  run.child.kill("SIGINT");
  await expect.poll(() => run.out()).toContain("shutting down");
  // The first second counts as one signal: npm hands a Ctrl-C on twice.
  const tries = setInterval(() => run.child.kill("SIGINT"), 300);
  expect(await run.ended).toBe(1);
  clearInterval(tries);
  await expect.poll(() => commandLinesWith(home.dataDir)).toEqual([]);
  expect(await readdir(home.temporary)).toEqual([]);
});

test("[R20] a browser that a readiness check has just started ends with the server", async ({ home }) => {
  test.skip(!IS_LONG_RUN, LIKE_ANOTHER);
  // A browser that takes its time, so that the check is surely under way when the signal comes.
  const slow = join(home.dataDir, "..", "chromium-headless-shell");
  await writeFile(slow, `#!/bin/sh\nsleep 20\nexec "${process.env["CHROMIUM_PATH"]}" "$@"\n`, { mode: 0o700 });
  const run = home.start({ DEMO: "off", CHROMIUM_PATH: slow });
  await expect.poll(() => run.out()).toContain("Console");
  const url = /Console +(http:\/\/[^/]+)/.exec(run.out())?.[1];
  const asked = fetch(`${url}/readyz`).catch(() => null);
  await expect.poll(async () => (await commandLinesWith(home.dataDir)).length).toBeGreaterThan(0);
  run.child.kill("SIGINT");
  expect(await run.ended).toBe(0);
  await asked;
  await expectNothingLeft(home);
});

test("a second server on the same folder is refused with a sentence @long", async ({ home }) => {
  const first = home.start({ DEMO: "off" });
  await expect.poll(first.out).toContain("Ctrl-C ends it");
  const second = home.start({ DEMO: "off" });
  expect(await second.ended).toBe(1);
  expect(second.out()).toContain("Another server already uses");
});

test("a taken port and wrong variables are told in a line each", async ({ home }) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as { port: number };
  const blocked = home.start({ PORT: String(port) });
  expect(await blocked.ended).toBe(1);
  expect(blocked.out()).toContain(`PORT: ${port} is in use`);
  taken.close();

  const wrong = home.start({ PORT: "many", HOST: "0.0.0.0", AUTH: "off", MAX_SESSIONS: "0" });
  expect(await wrong.ended).toBe(1);
  for (const line of [/^ {2}PORT: /m, /^ {2}MAX_SESSIONS: /m]) expect(wrong.out()).toMatch(line);
});

test("AUTH=off says so, makes no key, and serves loopback addresses only @long", async ({ home, page }) => {
  const run = home.start({ AUTH: "off" });
  await expect.poll(() => run.out()).toContain("AUTH=off: anyone on this machine can use it.");
  expect(run.out()).toMatch(/"level":40.*AUTH=off/);
  expect(existsSync(join(home.dataDir, "first-key"))).toBe(false);
  await new Operator(page).open(/Try it now +(\S+)/.exec(run.out())?.[1] ?? "");
  const elsewhere = home.start({ AUTH: "off", HOST: "0.0.0.0" });
  expect(await elsewhere.ended).toBe(1);
  expect(elsewhere.out()).toContain("HOST: AUTH=off serves loopback addresses only");
});

test("keys are added, listed without their secrets and revoked, beside a running server", async ({ home }) => {
  const run = home.start({ DEMO: "off", API_KEYS: "config:in-the-configuration" });
  await expect.poll(() => run.out()).toContain("Ctrl-C ends it");
  const api = `${/Console +(http:\/\/[^/]+)/.exec(run.out())?.[1]}/api/captcha`;
  const command = (...argv: string[]) => runCommand([...argv, "--data-dir", home.dataDir]);
  const status = async (secret: string) =>
    (await fetch(`${api}/sessions`, { headers: { authorization: `Bearer ${secret}` } })).status;
  const grants = ["--scopes", "sessions:read,operate", "--labels", "a,b"];
  const added = await runProgram(["keys", "add", "shop", ...grants, "--data-dir", home.dataDir]);
  expect(added.code).toBe(0);
  const secret = added.out.split("\n")[0] ?? "";
  expect(secret).toMatch(/^crk_[\w-]{43}$/);
  expect(await status(secret)).toBe(200);
  const listed = await command("keys", "list");
  expect(listed.out).toMatch(/^shop {2}\S+ {2}made \S+ {2}scopes=sessions:read,operate {2}labels=a,b\n$/);
  expect(listed.out).not.toContain(secret);
  for (const [argv, why] of [
    [["keys", "add", "shop"], "a living key is called shop"],
    [["keys", "add", "b t"], "a name is"],
    [["keys", "add", "bot", "--scopes", "all"], "a scope is one of"],
    [["keys", "add", "bot", "--url-allow", "http://x"], "not a host"],
    [["keys", "revoke", "nobody"], "there is no living key nobody"],
    [["keys"], "keys: add NAME, list, or revoke NAME"],
  ] as const) {
    const refused = await command(...argv);
    expect([refused.code, refused.out.includes(why)], refused.out).toEqual([1, true]);
  }
  expect((await command("keys", "revoke", "shop")).code).toBe(0);
  expect(await status(secret)).toBe(401);
  const verified = await command("audit", "verify");
  expect(verified.code).toBe(0);
  const entries = (await command("audit", "list")).out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(entries.map(({ who, action, detail }) => [who, action, detail.name])).toEqual([
    ["cli", "key.add", "shop"],
    ["cli", "key.revoke", "shop"],
  ]);
});
