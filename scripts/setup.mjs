// Brings what a fresh machine lacks, before npm start and npm test: the dependencies, a Node that runs TypeScript, a Chromium.
// It runs on the machine's own Node, which may be old (18 and later).

import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bringChromium } from "./setup/chromium.mjs";
import { takeLock } from "./setup/lock.mjs";
import { fail, run, SetupError, say, step, stopTools, tellTools } from "./setup/tools.mjs";

/** The first version that runs the .ts files as they are and has node:sqlite without a flag. */
const NODE_MAJOR = 24;

const root = realpathSync(dirname(dirname(fileURLToPath(import.meta.url))));
const modules = join(root, "node_modules");
const broughtNode = join(modules, ".bin/node");
const stampFile = join(modules, ".captcha-remote-setup.json");
const env = { ...process.env, CHROMIUM_PATH: process.env.CHROMIUM_PATH || readEnvFile("CHROMIUM_PATH") };

if (!isUpToDate()) await setUp();

function isUpToDate() {
  const stamp = readJson(stampFile);
  return (
    stamp?.lock === lockHash() &&
    stamp.chromiumPath === env.CHROMIUM_PATH &&
    isExecutable(stamp.chromium) &&
    (existsSync(broughtNode) || majorOf(process.version) >= NODE_MAJOR)
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
    await bringDependencies();
    const node = await bringNode();
    const chromium = await bringChromium(root, node, env);
    writeFileSync(stampFile, JSON.stringify({ lock: lockHash(), chromium, chromiumPath: env.CHROMIUM_PATH }));
    say(`ready: Node ${await versionOf(node)}, Chromium at ${chromium}`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`stopped. ${error.message}`);
    process.exitCode = 1;
  } finally {
    release();
  }
}

async function bringDependencies() {
  const installed = readJson(join(modules, ".package-lock.json"));
  if (installed && matchesLock(installed)) return;
  const why = installed ? "package-lock.json changed" : "node_modules is missing";
  const { ok, output } = await step(`Installing dependencies (${why})`, () =>
    npm(["ci", "--include=dev", "--loglevel=error", "--no-audit", "--no-fund"]),
  );
  if (!ok) {
    fail("npm ci failed:", output, [
      "Check that this machine reaches the npm registry (npm ping), then run:  npm ci --include=dev",
    ]);
  }
}

/** Whether what npm noted as installed is what the lock file asks for; optional packages of other platforms are absent. */
function matchesLock(installed) {
  const wanted = Object.entries(readJson(join(root, "package-lock.json")).packages);
  return wanted.every(([path, { version, optional }]) => {
    const there = installed.packages[path];
    return path === "" || (there ? there.version === version : optional === true);
  });
}

/** @returns the path of a Node that is new enough: npm scripts take the one in node_modules/.bin first */
async function bringNode() {
  if (existsSync(broughtNode) && majorOf(await versionOf(broughtNode)) >= NODE_MAJOR) return broughtNode;
  // A process that runs on a Node brought earlier, and just removed by npm ci, says nothing of the machine's own.
  const isMachines = !process.execPath.startsWith(modules);
  if (isMachines && majorOf(process.version) >= NODE_MAJOR) return process.execPath;

  // The part of npm's "node" package that has the binary: the whole one needs an install script, which npm 12 blocks.
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  const name = `${prefix}-${process.platform === "win32" ? "win" : process.platform}-${process.arch}@${NODE_MAJOR}`;
  const why = isMachines ? `this machine has ${process.version}` : "npm ci removed it";
  const { ok, output } = await step(`Bringing Node ${NODE_MAJOR} from npm (${why})`, () =>
    npm([
      "install",
      "--no-save",
      "--no-package-lock",
      "--include=dev",
      "--loglevel=error",
      "--no-audit",
      "--no-fund",
      name,
    ]),
  );
  const version = await versionOf(broughtNode);
  if (!ok || majorOf(version) < NODE_MAJOR) {
    fail(`npm install ${name} brought no Node that runs:`, `${output}\n${version}`, [
      `Install Node ${NODE_MAJOR} or later (https://nodejs.org), then run the same command again.`,
    ]);
  }
  return broughtNode;
}

async function versionOf(node) {
  return (await run(node, ["--version"], { seconds: 30 })).output.trim();
}

function npm(args) {
  const limits = { seconds: 900, env };
  const cli = process.env.npm_execpath;
  // Other package managers set npm_execpath too, and would not understand.
  if (!cli || basename(cli) !== "npm-cli.js") return run("npm", args, limits);
  return run(process.env.npm_node_execpath ?? process.execPath, [cli, ...args], limits);
}

function majorOf(version) {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);
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
