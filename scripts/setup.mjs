// Brings what a fresh machine lacks for the command that follows, and no more: dependencies, a Node that runs TypeScript,
// a Chromium. It runs on the machine's own Node, which may be old (18 and later).

import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bringChromium } from "./setup/chromium.mjs";
import { argsOf, planInstall } from "./setup/dependencies.mjs";
import { takeLock } from "./setup/lock.mjs";
import { broughtNode, fetchNode, findBrought, isMachines, isNewEnough, staysWhenAdding } from "./setup/node.mjs";
import { fail, npm, run, SetupError, say, step, stopTools, tellTools } from "./setup/tools.mjs";

/** What a command needs, by the first argument; without one, all. */
const LEVELS = {
  /** The server. */
  start: { dev: false, browser: true },
  /** Lint, types and the package. */
  tools: { dev: true, browser: false },
  /** Tests and measurements. */
  all: { dev: true, browser: true },
};

const root = realpathSync(dirname(dirname(fileURLToPath(import.meta.url))));
const modules = join(root, "node_modules");
const stampFile = join(modules, ".captcha-remote-setup.json");
/** There while npm adds to what is installed: broken off, that may leave packages that only look whole. */
const addingFile = join(modules, ".captcha-remote-adding");
const env = { ...process.env, CHROMIUM_PATH: process.env.CHROMIUM_PATH || readEnvFile("CHROMIUM_PATH") };

const needs = LEVELS[process.argv[2] ?? "all"];
if (!needs) {
  say(`${process.argv[2]} is none of ${Object.keys(LEVELS).join(", ")}`);
  process.exitCode = 1;
} else if (!isUpToDate()) await setUp();

function isUpToDate() {
  const stamp = readJson(stampFile);
  return (
    stamp?.lock === lockHash() &&
    installPlan() === null &&
    (!needs.browser || (stamp.chromiumPath === env.CHROMIUM_PATH && isExecutable(stamp.chromium))) &&
    (existsSync(broughtNode(modules)) || isNewEnough(process.version))
  );
}

async function setUp() {
  let release = () => {};
  const stop = async (signal, code) => {
    await stopTools(signal);
    release();
    process.exit(code);
  };
  process.on("SIGINT", () => stop("SIGINT", 130));
  process.on("SIGTERM", () => stop("SIGTERM", 143));
  process.on("SIGHUP", () => stop("SIGTERM", 129));
  try {
    process.chdir(root);
    const lock = await takeLock(join(root, ".setup.lock"));
    release = lock.release;
    if (isUpToDate()) return;
    tellTools(lock.note);
    // npm ci takes it away together with all else.
    const { chromium, chromiumPath } = readJson(stampFile) ?? {};
    const node = await bringDependenciesAndNode();
    const browser = needs.browser
      ? { chromium: await bringChromium(root, node, env), chromiumPath: env.CHROMIUM_PATH }
      : { chromium, chromiumPath };
    writeFileSync(stampFile, JSON.stringify({ lock: lockHash(), ...browser }));
    const version = (await run(node, ["--version"], { seconds: 30 })).output.trim();
    say(`ready: Node ${version}${needs.browser ? `, Chromium at ${browser.chromium}` : ""}`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`stopped. ${error.message}`);
    process.exitCode = 1;
  } finally {
    release();
  }
}

/** Both at once, as each waits for the network most of its time. @returns the path of a Node that is new enough */
async function bringDependenciesAndNode() {
  const plan = installPlan();
  const isSafe = !plan || (!plan.isClean && staysWhenAdding(modules));
  const hasNode = isSafe && (await findBrought(modules)) !== undefined;
  const isOwnEnough = isMachines(modules) && isNewEnough(process.version);
  const fetching = () => fetchNode(modules, join(root, ".cache/setup-node"), env);
  const [installed, fetched] = await Promise.allSettled([
    plan && install(plan),
    hasNode || isOwnEnough ? undefined : fetching(),
  ]);
  // Only when both have ended: neither goes on behind the back of the next set-up.
  for (const { reason } of [installed, fetched]) if (reason) throw reason;
  if (fetched.value) return fetched.value();
  const brought = await findBrought(modules);
  if (brought) return brought;
  return isOwnEnough ? process.execPath : (await fetching())();
}

/** @param {NonNullable<ReturnType<typeof planInstall>>} plan */
async function install(plan) {
  if (!plan.isClean) writeFileSync(addingFile, "");
  const { ok, output } = await step(`Installing dependencies (${plan.why})`, () => npm(argsOf(plan), env));
  if (ok) rmSync(addingFile, { force: true });
  const rest = ok ? installPlan() : null;
  if (rest && !plan.isClean) return install({ ...rest, isClean: true });
  if (ok) return;
  const command = argsOf({ ...plan, isClean: true })
    .slice(0, 2)
    .join(" ");
  fail("npm could not install the dependencies:", output, [
    `Check that this machine reaches the npm registry (npm ping), then run:  npm ${command}`,
  ]);
}

function installPlan() {
  const installed = existsSync(addingFile) ? undefined : readJson(join(modules, ".package-lock.json"));
  return planInstall(readJson(join(root, "package-lock.json")), installed, needs.dev);
}

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function readEnvFile(name) {
  const file = join(root, ".env");
  if (!existsSync(file)) return undefined;
  return new RegExp(`^\\s*${name}\\s*=\\s*["']?([^"'#\\n]+)`, "m").exec(readFileSync(file, "utf8"))?.[1].trim();
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
