/** Which Chromium is found: asked through the script that the set-up runs, with an empty Playwright registry or one of ours. */

import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { chromium, expect, test } from "@playwright/test";
import { COMPILED } from "../support/compile-cache.ts";

const run = promisify(execFile);

const SHELL = ["chrome-headless-shell-linux64", "chrome-headless-shell"];

const outputPath = (name: string) => test.info().outputPath(name);

async function executable(...path: string[]): Promise<string> {
  const file = join(...path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, "#!/bin/sh\n");
  await chmod(file, 0o755);
  return file;
}

async function find(env: Record<string, string>, registry: string): Promise<string> {
  const { stdout } = await run(process.execPath, ["scripts/find-chromium.ts"], {
    env: { ...COMPILED, PLAYWRIGHT_BROWSERS_PATH: registry, ...env },
  });
  return stdout.trim();
}

test("on PATH the headless shell comes before a full browser, wherever it stands", async () => {
  const registry = outputPath("registry");
  const [first, second] = [outputPath("first"), outputPath("second")];
  const full = await executable(first, "chromium");
  expect(await find({ PATH: `${first}:${second}` }, registry)).toBe(full);
  const shell = await executable(second, "chromium-headless-shell");
  expect(await find({ PATH: `${first}:${second}` }, registry)).toBe(shell);
});

test("relative folders of PATH, folders and files that cannot be run are passed over", async () => {
  const folder = outputPath("bin");
  await mkdir(join(folder, "chromium"), { recursive: true });
  await writeFile(join(folder, "google-chrome"), "");
  expect(await find({ PATH: `:.:${folder}` }, outputPath("registry"))).toBe("");
});

test("Playwright's own comes before the system's, and its shell first", async () => {
  const registry = outputPath("registry");
  const system = outputPath("bin");
  await executable(system, "chromium-headless-shell");
  const revision = /chromium-(\d+)/.exec(chromium.executablePath())?.[1];
  const shell = await executable(registry, `chromium_headless_shell-${revision}`, ...SHELL);
  expect(await find({ PATH: system }, registry)).toBe(shell);
});

test("CHROMIUM_PATH comes before all, and is named when it cannot be run", async () => {
  const named = await executable(outputPath("mine"));
  const registry = outputPath("registry");
  expect(await find({ PATH: "/usr/bin", CHROMIUM_PATH: named }, registry)).toBe(named);
  await expect(find({ PATH: "/usr/bin", CHROMIUM_PATH: `${named}-not` }, registry)).rejects.toThrow(
    /CHROMIUM_PATH names .*mine-not, which is not an executable file/,
  );
});
