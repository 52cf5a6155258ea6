/** `captcha-remote doctor`: checks whether this machine can run the server and whether clients reach it, and says what to fix. */
import { existsSync } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { release } from "node:os";
import { testBrowser } from "../browser/process/self-test.ts";
import { type Config, configFromProcess } from "../config.ts";
import { problemOfSystem } from "../server/requirements.ts";
import { attachStorage } from "../storage/storage.ts";
import type { Finding } from "./finding.ts";
import { checkPublicUrl } from "./public-url.ts";

const LEAST_FREE_BYTES = 500e6;
/** A clock that shows an earlier time is wrong. */
const BUILT_AT = Date.UTC(2026, 0, 1);

/** Prints the findings, with --json one line of JSON each. Returns 1 if a check failed, else 0. Throws ConfigError. */
export async function doctorCommand(argv: readonly string[], write: (text: string) => void): Promise<number> {
  const json = argv.includes("--json");
  const config = configFromProcess(argv.filter((word) => word !== "--json"));
  let failed = 0;
  for (const check of CHECKS) {
    for (const finding of await check(config)) {
      if (finding.state === "failed") failed += 1;
      write(json ? `${JSON.stringify(finding)}\n` : linesOf(finding));
    }
  }
  if (!json) write(failed === 0 ? "\nNothing stands in the way.\n" : `\n${failed} to be mended.\n`);
  return failed === 0 ? 0 : 1;
}

const CHECKS: readonly ((config: Config) => Finding[] | Promise<Finding[]>)[] = [
  checkNode,
  checkSystem,
  checkBrowser,
  checkSandbox,
  checkDataDir,
  checkClock,
  checkPublicUrl,
];

function linesOf({ check, state, found, fix }: Finding): string {
  const mark = { ok: "ok     ", warning: "WARNING", failed: "FAILED " }[state];
  return `${mark}  ${check.padEnd(11)} ${found}\n${fix ? `                       ${fix}\n` : ""}`;
}

/** Always ok: the program refuses an older Node before it runs a command. */
function checkNode(): Finding[] {
  return [{ check: "node", state: "ok", found: `Node ${process.versions.node} on ${process.platform} ${release()}` }];
}

function checkSystem(): Finding[] {
  const problem = problemOfSystem(process.platform);
  if (problem === null) return [];
  const fix = "deploy/Dockerfile makes an image with all that it needs.";
  return [{ check: "system", state: "failed", found: problem, fix }];
}

async function checkBrowser(config: Config): Promise<Finding[]> {
  // On another system this check would blame the browser for the system's fault.
  if (problemOfSystem(process.platform) !== null) return [];
  try {
    const { path, version, startMs, missing } = await testBrowser(config);
    const found = `Chromium ${version} at ${path}, ready after ${startMs} ms`;
    const slow = startMs > 5_000;
    return [
      slow
        ? {
            check: "browser",
            state: "warning",
            found,
            fix: "That is slow: give the machine more CPU, or fewer sessions.",
          }
        : { check: "browser", state: "ok", found },
      missing.length === 0
        ? { check: "fonts", state: "ok", found: "every writing that was tried is drawn" }
        : {
            check: "fonts",
            state: "warning",
            found: `no font has: ${missing.join(", ")}`,
            fix: "Operators see boxes there. Debian: apt-get install fonts-noto-cjk fonts-noto-core fonts-noto-color-emoji",
          },
    ];
  } catch (error) {
    return [
      {
        check: "browser",
        state: "failed",
        found: reasonOf(error),
        fix: "Debian: apt-get install chromium-headless-shell; else npx playwright install chromium, or CHROMIUM_PATH.",
      },
    ];
  }
}

/** Browsers run in their sandbox, except as root. The browser check has started one as this user. */
function checkSandbox(): Finding[] {
  if (problemOfSystem(process.platform) !== null) return [];
  if (process.getuid?.() !== 0) return [{ check: "sandbox", state: "ok", found: "browsers run in their sandbox" }];
  const fix = "Run the server as a user of its own: deploy/captcha-remote.service and deploy/Dockerfile do.";
  return [{ check: "sandbox", state: "warning", found: "this is root, so browsers run without their sandbox", fix }];
}

async function checkDataDir({ dataDir }: Config): Promise<Finding[]> {
  const isNew = !existsSync(dataDir);
  try {
    attachStorage(dataDir).close();
    const { bavail, bsize } = await statfs(dataDir);
    const free = bavail * bsize;
    const found = `${dataDir}${isNew ? ", made now" : ""}, ${Math.round(free / 1e6)} MB free`;
    if (free < LEAST_FREE_BYTES) {
      const fix = "Make room, or set DATA_DIR to another disk: a full one refuses new sessions.";
      return [{ check: "data folder", state: "warning", found, fix }];
    }
    const { mode } = await stat(dataDir);
    if ((mode & 0o022) !== 0) {
      return [
        {
          check: "data folder",
          state: "warning",
          found: `${found}; others may write there`,
          fix: `chmod go-w ${dataDir}`,
        },
      ];
    }
    return [{ check: "data folder", state: "ok", found }];
  } catch (error) {
    return [
      {
        check: "data folder",
        state: "failed",
        found: reasonOf(error),
        fix: "DATA_DIR must be a folder that this user can write.",
      },
    ];
  }
}

function checkClock(): Finding[] {
  const found = new Date().toISOString();
  if (Date.now() > BUILT_AT) return [{ check: "clock", state: "ok", found }];
  return [
    {
      check: "clock",
      state: "failed",
      found,
      fix: "The clock is wrong, so certificates and links fail: timedatectl set-ntp true",
    },
  ];
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const why = "details" in error ? (error.details as { why?: string } | null)?.why : undefined;
  return why ? `${error.message} (${why})` : error.message;
}
