/** Finds the Chromium that sessions run in: the one that CHROMIUM_PATH names, else Playwright's own, else the system's. */

import { constants } from "node:fs";
import { access, readdir, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/** In order of preference. The headless shell starts in a third of a full browser's time and takes half its memory. */
const SYSTEM_NAMES = [
  "chromium-headless-shell",
  "chromium",
  "google-chrome",
  "google-chrome-stable",
  "chromium-browser",
];

const SHELL_NAMES = ["chrome-headless-shell", "chrome-headless-shell.exe", "headless_shell"];

export interface FindChromiumOptions {
  /** `CHROMIUM_PATH`: where it is given, no other place is searched. */
  chromiumPath?: string | undefined;
  /** `PATH` as the environment has it. */
  path?: string | undefined;
}

/**
 * @returns the absolute path of an executable Chromium, or undefined where there is none
 * @throws when `chromiumPath` is given and is not an executable file
 */
export async function findChromium({ chromiumPath, path }: FindChromiumOptions): Promise<string | undefined> {
  if (chromiumPath) {
    if (await isExecutable(chromiumPath)) return chromiumPath;
    throw new Error(`CHROMIUM_PATH names ${chromiumPath}, which is not an executable file`);
  }
  return (await findInPlaywrightRegistry()) ?? (await findOnPath(path ?? ""));
}

async function findInPlaywrightRegistry(): Promise<string | undefined> {
  const { chromium } = await import("playwright");
  // <registry>/chromium-<revision>/<platform folder>/...; empty on a platform that Playwright has no browser for.
  const full = chromium.executablePath();
  const found = /^(.*[\\/])chromium(-\d+)[\\/]/.exec(full);
  if (!found) return undefined;
  const shells = `${found[1]}chromium_headless_shell${found[2]}`;
  for (const folder of await readdir(shells).catch(() => [])) {
    for (const name of SHELL_NAMES) {
      const shell = join(shells, folder, name);
      if (await isExecutable(shell)) return shell;
    }
  }
  return (await isExecutable(full)) ? full : undefined;
}

async function findOnPath(path: string): Promise<string | undefined> {
  // Relative and empty entries of PATH mean the working directory: no program there is to be run by accident.
  const folders = path.split(delimiter).filter(isAbsolute);
  for (const name of SYSTEM_NAMES) {
    for (const folder of folders) {
      const file = join(folder, name);
      if (await isExecutable(file)) return file;
    }
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
