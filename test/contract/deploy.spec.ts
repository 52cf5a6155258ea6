/** What lies in deploy/ fits the server: a restart keeps sessions, signals reach it, and it has the time it may take. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "@playwright/test";
import { loadConfig } from "../../src/config.ts";
import { expect, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const UNIT = join(ROOT, "deploy/captcha-remote.service");
/** What `docker stop` waits before it kills. */
const DOCKER_STOP_SECONDS = 10;

/** The values of each setting of the unit, in their order. */
async function unitSettings(): Promise<(name: string) => string[]> {
  const lines = (await readFile(UNIT, "utf8")).split("\n").filter((line) => /^[A-Z]\w+=/.test(line));
  return (name) => lines.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));
}

/** The instructions of the image's last stage with their arguments; lines that go on are one. */
async function imageSteps(): Promise<(name: string) => string[]> {
  const text = (await readFile(join(ROOT, "deploy/Dockerfile"), "utf8")).replace(/\\\n/g, " ");
  const lines =
    text
      .split(/^FROM /m)
      .at(-1)
      ?.split("\n") ?? [];
  return (name) => lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length).trim());
}

function pairs(text: string | undefined): Record<string, string> {
  return Object.fromEntries((text ?? "").split(/\s+/).map((pair) => pair.split("=") as [string, string]));
}

/** The command of an instruction in exec form, as the process gets it. */
function command(text: string | undefined): string[] {
  return JSON.parse((text ?? "").replace(/^.*?CMD (?=\[)/, ""));
}

test("the unit leaves browsers to the next start, and to nobody else: KEEP_BROWSERS, KillMode, no private /tmp, one user", async () => {
  const setting = await unitSettings();
  const environment = Object.assign({}, ...setting("Environment").map(pairs));
  expect(loadConfig(environment).keepBrowsers).toBe(true);
  expect(setting("KillMode")).toEqual(["process"]);
  expect(setting("PrivateTmp")).toEqual([]);
  expect(setting("DynamicUser")).toEqual([]);
  expect(setting("User")).toEqual(["captcha-remote"]);
  expect(environment["DATA_DIR"]).toBe(`/var/lib/${setting("StateDirectory")[0]}`);
});

test("the unit runs Node itself, starts it again, and gives it more time than it may take to stop", async () => {
  const setting = await unitSettings();
  const [node, entry] = (setting("ExecStart")[0] ?? "").split(" ");
  expect(node).toMatch(/^\/.*\/node$/);
  expect(existsSync(join(ROOT, entry?.replace("/opt/captcha-remote/", "") ?? "none"))).toBe(true);
  expect(setting("Restart")).toEqual(["always"]);
  expect(Number(setting("TimeoutStopSec")[0])).toBeGreaterThan(loadConfig({}).shutdownSeconds);
});

test("the unit takes nothing away that Chromium's sandbox and its JavaScript stand on", async () => {
  const setting = await unitSettings();
  for (const name of [
    "RestrictNamespaces",
    "MemoryDenyWriteExecute",
    "SystemCallFilter",
    "PrivateUsers",
    "ProcSubset",
  ]) {
    expect(setting(name), name).toEqual([]);
  }
});

test("systemd finds nothing wrong with the unit", async () => {
  test.skip(!process.env["TEST_LONG"], "in the long run");
  test.skip(!onPath("systemd-analyze"), "needs systemd-analyze");
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  // It looks for the program too, which is elsewhere on this machine.
  const unit = join(folder, "captcha-remote.service");
  const text = await readFile(UNIT, "utf8");
  await writeFile(unit, text.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
  const { stdout, stderr } = await promisify(execFile)("systemd-analyze", ["verify", unit]).catch((error) => error);
  await rm(folder, { recursive: true, force: true });
  expect(stdout + stderr).toBe("");
});

test("the image runs Node under an init, as an ordinary user, with the settings of a container", async () => {
  const step = await imageSteps();
  expect(command(step("ENTRYPOINT")[0])).toEqual(["tini", "--"]);
  const [node, entry] = command(`CMD ${step("CMD")[0]}`);
  expect(node).toBe("node");
  expect(existsSync(join(ROOT, entry ?? "none"))).toBe(true);
  expect(Number.parseInt(step("USER")[0] ?? "0", 10)).toBeGreaterThan(0);
  expect(step("RUN").join("\n")).toMatch(/\btini\b/);
  const environment = pairs(step("ENV")[0]);
  const config = loadConfig(environment);
  expect(config).toMatchObject({ host: "0.0.0.0", dataDir: step("VOLUME")[0], keepBrowsers: false });
  expect(step("EXPOSE")).toEqual([String(config.port)]);
  expect(config.shutdownSeconds).toBeLessThan(DOCKER_STOP_SECONDS);
  expect(await readFile(join(ROOT, "deploy/Dockerfile"), "utf8")).not.toMatch(/^[^#]*--no-sandbox/m);
});

test("what the image is made of is let into the build, and all else is kept out of it", async () => {
  const step = await imageSteps();
  const copied = step("COPY").flatMap((line) => line.split(" ").filter((part) => !/^(--|\.|\/)/.test(part)));
  const ignored = (await readFile(join(ROOT, ".dockerignore"), "utf8")).split("\n");
  expect(ignored).toContain("*");
  for (const name of copied) expect(ignored, name).toContain(`!${name}`);
  expect(copied).toEqual(expect.arrayContaining(["package.json", "src", "public"]));
});

test("the image's health check passes while the server is well, and not otherwise", async () => {
  const [node, ...args] = command((await imageSteps())("HEALTHCHECK")[0]);
  expect(node).toBe("node");
  const asked: string[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const check = () =>
    promisify(execFile)(process.execPath, args, { env: { PORT: String(port) } }).then(
      () => 0,
      ({ code }) => code,
    );
  expect(await check()).toBe(0);
  status = 503;
  expect(await check()).toBe(1);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(await check()).toBe(1);
  expect(asked).toEqual(["/healthz", "/healthz"]);
});

function onPath(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));
}
