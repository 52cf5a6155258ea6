/** Python for the tests: which one there is, and programs that import the client from its folder. */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { TEST_KEY } from "./key.ts";
import { type Program, watchProgram } from "./programs.ts";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const CLIENT_FOLDER = `${ROOT}clients/python`;
const SCRIPTS = `${ROOT}test/support/python`;

/** The machine's own, then the one that Debian's packages are for. */
const PYTHONS = ["python3", "/usr/bin/python3"];

/** For programs that import the client as it is in its folder. No caches are left there. */
export const PYTHON_ENV = {
  ...process.env,
  PYTHONPATH: `${CLIENT_FOLDER}/src`,
  PYTHONDONTWRITEBYTECODE: "1",
  PYTHONUNBUFFERED: "1",
};

/** The first Python that has these modules; undefined: none has. */
export function pythonWith(...modules: string[]): string | undefined {
  const code = modules.map((name) => `import ${name}`).join("\n");
  return PYTHONS.find((python) => spawnSync(python, ["-c", code], { env: PYTHON_ENV, cwd: "/" }).status === 0);
}

/** Starts one of test/support/python/. */
export function startScript(name: string, ...args: string[]): Program & { kill(): void } {
  const child = spawn("python3", [`${SCRIPTS}/${name}`, ...args], {
    env: PYTHON_ENV,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { ...watchProgram(child), kill: () => child.kill() };
}

/** Reads a feed with both Python clients until its input ends. `after`: a position, or empty. */
export function startFeedReader(
  baseUrl: string,
  after: string,
  ...topics: string[]
): Program & { kill(): void; endInput(): void } {
  const env = { ...PYTHON_ENV, CAPTCHA_REMOTE_KEY: TEST_KEY };
  const child = spawn("python3", [`${SCRIPTS}/feed_reader.py`, baseUrl, after, ...topics], { env, stdio: "pipe" });
  return { ...watchProgram(child), kill: () => child.kill(), endInput: () => child.stdin.end() };
}
