/** Programs that tests run beside themselves: what they print, and how they end. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { COMPILED } from "./compile-cache.ts";
import { expect, TEST_FOLDER_PREFIX } from "./fixtures.ts";
import { TEST_KEY_SPEC } from "./key.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

export interface Program {
  /** All that it has printed, on both streams. */
  readonly out: () => string;
  readonly exitCode: Promise<number | null>;
}

export function watchProgram(child: ChildProcess): Program {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return { out: () => text, exitCode: new Promise((resolve) => child.once("close", resolve)) };
}

/** Runs the program with these arguments and variables to its end. */
export async function runProgram(
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; out: string }> {
  const { exitCode, out } = watchProgram(spawn(process.execPath, [CLI, ...argv], { env: { ...COMPILED, ...env } }));
  return { code: await exitCode, out: out() };
}

/** The server as a program of its own, as a user starts it. */
export interface RunningProgram extends Program {
  readonly url: string;
  readonly api: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>;
  /** Ends it as a crash does: at once, and without a word. */
  kill(): Promise<void>;
  /** Starts it anew after that, at the same place; answers when it listens. */
  startAgain(settings?: Record<string, string>): Promise<RunningProgram>;
  /** The same, and its folder goes too. */
  remove(): Promise<void>;
}

/** Starts it without the demo, with the key of the tests and these settings; the caller removes it. */
export async function startProgram(settings: Record<string, string> = {}): Promise<RunningProgram> {
  const dataDir = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  // As a folder is that an administrator has made.
  await chmod(dataDir, 0o755);
  return startIn(dataDir, settings);
}

async function startIn(dataDir: string, settings: Record<string, string>): Promise<RunningProgram> {
  const env = {
    ...COMPILED,
    PATH: process.env["PATH"] ?? "",
    CHROMIUM_PATH: process.env["CHROMIUM_PATH"] ?? "",
    DATA_DIR: dataDir,
    PORT: "0",
    DEMO: "off",
    WARM_BROWSERS: "0",
    URL_ALLOW_PRIVATE: "on",
    API_KEYS: TEST_KEY_SPEC,
    ...settings,
  };
  const child = spawn(process.execPath, [CLI], { env });
  const { out, exitCode } = watchProgram(child);
  const endBy = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exitCode;
  };
  await expect.poll(out, { intervals: [20] }).toContain("Ctrl-C ends it");
  const url = /Console +(https?:\/\/[^/\s]+)/.exec(out())?.[1] ?? "";
  return {
    url,
    api: `${url}/api/captcha`,
    dataDir,
    pid: child.pid ?? 0,
    out,
    exitCode,
    stop: () => endBy("SIGINT"),
    kill: () => endBy("SIGKILL"),
    startAgain: (others = {}) => startIn(dataDir, { ...settings, PORT: new URL(url).port, ...others }),
    async remove() {
      await endBy("SIGINT");
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
