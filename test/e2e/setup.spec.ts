/**
 * The set-up before npm start and npm test: what each command brings, and what it leaves alone. npm is played here, so
 * that no test needs the registry; the long run has the real one.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test as base, expect, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { watchProgram } from "../support/programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MODULES = join(ROOT, "node_modules");

/** A server's package, a tool's, and one for other platforms. */
const LOCK = {
  packages: {
    "": {},
    "node_modules/server": { version: "1.0.0" },
    "node_modules/tool": { version: "1.0.0", dev: true },
    "node_modules/elsewhere": { version: "1.0.0", optional: true },
  },
};

/** Installs by the lock file as npm would, out of nothing; `pack` answers a Node of version 24 or later: this one. */
const FAKE_NPM = `
  import { setTimeout as sleep } from "node:timers/promises";
  import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync, readdirSync } from "node:fs";
  import { execFileSync } from "node:child_process";
  const [command, ...options] = process.argv.slice(2);
  const words = options.filter((word) => !/^--(loglevel|no-audit|no-fund)/.test(word));
  appendFileSync("calls.txt", [command, ...(command === "pack" ? [] : words)].join(" ") + "\\n");
  if (command === "pack") {
    const folder = words[words.indexOf("--pack-destination") + 1];
    mkdirSync(folder + "/package/bin", { recursive: true });
    const script = '#!/bin/sh\\nexec "' + process.env.REAL_NODE + '" "$@"\\n';
    writeFileSync(folder + "/package/bin/node", script, { mode: 0o755 });
    execFileSync("tar", ["-czf", "node.tgz", "package"], { cwd: folder });
    process.exit();
  }
  if (command === "ci") for (const name of readdirSync(".").includes("node_modules") ? readdirSync("node_modules") : [])
    rmSync("node_modules/" + name, { recursive: true });
  if (process.env.NPM_BREAKS) process.exit(1);
  while (process.env.NPM_WAITS_FOR && !existsSync(process.env.NPM_WAITS_FOR)) await sleep(20);
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const withDev = words.includes("--include=dev");
  const packages = Object.entries(lock.packages).filter(([path, one]) => path && !one.optional && (withDev || !one.dev));
  for (const [path] of packages) mkdirSync(path, { recursive: true });
  writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: Object.fromEntries(packages) }));`;

const ON_NODE_20 = `data:text/javascript,${encodeURIComponent(
  `Object.defineProperty(process, "version", { value: "v20.20.2" });`,
)}`;

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

interface Checkout {
  readonly folder: string;
  /** Starts it, and answers at once. */
  start(level?: string, env?: Record<string, string>, node?: readonly string[]): ChildProcess;
  setUp(level?: string, env?: Record<string, string>, node?: readonly string[]): Promise<Ended>;
  /** What npm was asked for since the last time. */
  calls(): Promise<string[]>;
  packages(): Promise<string[]>;
}

const test = base.extend<{ checkout: Checkout }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  checkout: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    await cp(join(ROOT, "scripts"), join(folder, "scripts"), { recursive: true });
    await writeFile(join(folder, "scripts/find-chromium.ts"), `console.log(process.env["CHROMIUM_PATH"] ?? "");`);
    await writeFile(join(folder, "npm-cli.js"), FAKE_NPM);
    await writeFile(join(folder, "package.json"), `{ "type": "module" }`);
    await writeFile(join(folder, "package-lock.json"), JSON.stringify(LOCK));
    const called = join(folder, "calls.txt");
    const start: Checkout["start"] = (level, given = {}, node = []) => {
      const env = {
        PATH: process.env["PATH"] ?? "",
        REAL_NODE: process.execPath,
        npm_execpath: join(folder, "npm-cli.js"),
        npm_node_execpath: process.execPath,
        CHROMIUM_PATH: "/bin/true",
        ...given,
      };
      const argv = [...node, join(folder, "scripts/setup.mjs"), ...(level ? [level] : [])];
      return spawn(process.execPath, argv, { cwd: folder, env });
    };
    await use({
      folder,
      start,
      async setUp(...how) {
        const { out, exitCode } = watchProgram(start(...how));
        return { code: await exitCode, said: out() };
      },
      async calls() {
        const text = await readFile(called, "utf8").catch(() => "");
        await rm(called, { force: true });
        return text.split("\n").filter(Boolean).sort();
      },
      packages: async () => (await readdir(join(folder, "node_modules"))).filter((name) => !name.startsWith(".")),
    });
    await rm(folder, { recursive: true, force: true });
  },
});

test("npm start brings what the server needs, npm test the rest, and neither takes anything away", async ({
  checkout: { setUp, calls, packages },
}) => {
  expect((await setUp("start")).said).toMatch(/set-up: ready: Node v\d+\S+, Chromium at \/bin\/true\n$/);
  expect([await calls(), await packages()]).toEqual([["ci --omit=dev"], ["server"]]);
  expect(await setUp("start")).toEqual({ code: 0, said: "" });
  expect(await calls()).toEqual([]);

  expect((await setUp()).code).toBe(0);
  expect([await calls(), await packages()]).toEqual([["install --no-save --include=dev"], ["server", "tool"]]);
  for (const level of ["start", "tools", undefined]) expect(await setUp(level)).toEqual({ code: 0, said: "" });
  expect(await calls()).toEqual([]);
});

test("a full installation stays a full one when npm start follows a change of package-lock.json", async ({
  checkout: { folder, setUp, calls, packages },
}) => {
  await setUp();
  expect(await calls()).toEqual(["ci --include=dev"]);
  await writeFile(join(folder, "package-lock.json"), JSON.stringify(LOCK).replaceAll("1.0.0", "1.1.0"));
  expect((await setUp("start")).code).toBe(0);
  expect([await calls(), await packages()]).toEqual([["install --no-save --include=dev"], ["server", "tool"]]);
});

test("what was broken off is mended: the first installation begins anew, so does one that was adding", async ({
  checkout: { setUp, calls, packages },
}) => {
  const broken = await setUp("start", { NPM_BREAKS: "1" });
  expect(broken.code).toBe(1);
  expect(broken.said).toContain("then run:  npm ci --omit=dev");
  expect((await setUp("start")).code).toBe(0);
  expect(await calls()).toEqual(["ci --omit=dev", "ci --omit=dev"]);

  expect((await setUp("tools", { NPM_BREAKS: "1" })).code).toBe(1);
  expect((await setUp("tools")).code).toBe(0);
  expect(await calls()).toEqual(["ci --include=dev", "install --no-save --include=dev"]);
  expect(await packages()).toEqual(["server", "tool"]);
});

test("a package that somebody took away since comes again", async ({ checkout: { folder, setUp, calls } }) => {
  await setUp();
  await calls();
  const pruned = { packages: { "node_modules/server": { version: "1.0.0" } } };
  await writeFile(join(folder, "node_modules/.package-lock.json"), JSON.stringify(pruned));
  expect(await setUp("start")).toEqual({ code: 0, said: "" });
  expect((await setUp()).said).toContain("tests and tools need more");
  expect(await calls()).toEqual(["install --no-save --include=dev"]);
});

test("lint, types and the build need no Chromium; the server does, also after them", async ({
  checkout: { setUp },
}) => {
  const none = { CHROMIUM_PATH: "/bin/false" };
  expect((await setUp("tools", none)).said).toMatch(/ready: Node v\S+\n$/);
  expect(await setUp("tools", none)).toEqual({ code: 0, said: "" });
  const { code, said } = await setUp("start", none);
  expect(code).toBe(1);
  expect(said).toContain("CHROMIUM_PATH names /bin/false, which does not run");
  expect((await setUp("start")).code).toBe(0);
});

test("a Node is brought once, beside the dependencies, and stays when more of them come", async ({
  checkout: { folder, setUp, calls },
}) => {
  const old = ["--import", ON_NODE_20];
  expect((await setUp("start", {}, old)).code).toBe(0);
  expect(await calls()).toEqual(["ci --omit=dev", "pack"]);
  const node = join(folder, "node_modules/.bin/node");
  const { ino } = await stat(node);
  expect((await setUp(undefined, {}, old)).code).toBe(0);
  expect(await calls()).toEqual(["install --no-save --include=dev"]);
  expect((await stat(node)).ino).toBe(ino);
  expect(await setUp("start", {}, old)).toEqual({ code: 0, said: "" });
  // Where npm ci has taken it away, it comes again.
  await rm(join(folder, "node_modules/.captcha-remote-node"), { recursive: true });
  expect((await setUp("start", {}, old)).code).toBe(0);
  expect(await calls()).toEqual(["pack"]);
  expect(await readdir(join(folder, ".cache"))).toEqual([]);
});

test("where a set-up was killed, the next one waits for the npm that it has left at work", async ({
  checkout: { folder, start, calls },
}) => {
  const done = join(folder, "done");
  const old = ["--import", ON_NODE_20];
  const first = start("start", { NPM_WAITS_FOR: done }, old);
  const killed = watchProgram(first);
  // The Node has come, so the one tool that is left is not the one that was started last.
  await expect.poll(killed.out).toContain("Bringing Node 24 from npm: done in");
  first.kill("SIGKILL");
  const second = watchProgram(start("start", {}, old));
  await expect.poll(second.out).toMatch(/waiting for process \d+, which sets up this folder/);
  await writeFile(done, "");
  expect(await second.exitCode).toBe(0);
  await killed.exitCode;
  // What the first one's npm installed is all that was to be installed.
  expect(await calls()).toEqual(["ci --omit=dev", "pack", "pack"]);
});

test("a level that there is not is refused", async ({ checkout: { setUp, calls } }) => {
  const { code, said } = await setUp("everything");
  expect([code, said]).toEqual([1, "set-up: everything is none of start, tools, all\n"]);
  expect(await calls()).toEqual([]);
});

test("with the real npm: a start is light, tests bring the rest, and what is there stays", async () => {
  test.skip(!IS_LONG_RUN, "needs the npm registry: in the long run");
  test.setTimeout(600_000);
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  for (const name of ["package.json", "package-lock.json", ".npmrc", "scripts", "src"]) {
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  }
  const env = { ...process.env, PATH: (process.env["PATH"] ?? "").replaceAll(join(MODULES, ".bin"), "") };
  const setUp = (...argv: string[]) =>
    new Promise<string>((resolve) => {
      const script = join(folder, "scripts/setup.mjs");
      execFile(
        process.execPath,
        ["--import", ON_NODE_20, script, ...argv],
        { cwd: folder, env },
        (_error, _out, said) => resolve(said),
      );
    });
  const lock = await readFile(join(folder, "package-lock.json"), "utf8");
  const modules = join(folder, "node_modules");
  const there = async (...names: string[]) => {
    const packages = JSON.parse(await readFile(join(modules, ".package-lock.json"), "utf8")).packages;
    return names.filter((name) => `node_modules/${name}` in packages);
  };
  const tools = ["@biomejs/biome", "typescript", "@playwright/test", "altcha", "react"];
  expect(await setUp("start")).toContain("ready: Node v24");
  expect(await there("fastify", ...tools)).toEqual(["fastify"]);
  const marker = join(modules, "fastify/marker");
  await writeFile(marker, "");
  const { ino } = await stat(join(modules, ".bin/node"));
  const said = await setUp();
  expect(said).toContain("ready: Node v24");
  expect(said).not.toContain("Bringing Node");
  expect(await there("fastify", ...tools)).toEqual(["fastify", ...tools]);
  expect((await stat(join(modules, ".bin/node"))).ino).toBe(ino);
  await stat(marker);
  expect(await setUp("start")).toBe("");
  expect(await readFile(join(folder, "package-lock.json"), "utf8")).toBe(lock);
  await rm(folder, { recursive: true, force: true });
});
