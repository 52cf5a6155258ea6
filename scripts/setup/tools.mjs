// Runs the tools of the set-up with a time limit each, and tells a person what happens and what to do when it fails.

import { spawn } from "node:child_process";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What is shown of a failed tool's output: npm says the cause first and then its usage, others end with the cause. */
const HEAD_LINES = 6;
const TAIL_LINES = 10;
const OUTPUT_LIMIT = 200_000;

/** So that a slow network does not look like a program that hangs. */
const SIGN_OF_LIFE_MS = 20_000;

/** How long a tool that was told to stop may take before it is killed. */
const STOP_MS = 5_000;

const children = new Map();
let stopping = false;
let noteTools = (_pids) => {};

/** From now on, `note` is told the process ids of the tools at work, with every one that is started. */
export function tellTools(note) {
  noteTools = note;
}

export function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}

/** A failure that a person can mend: its message says how. */
export class SetupError extends Error {}

/**
 * Runs a tool to its end or to the time limit, without input, its output kept.
 * It has a process group of its own, so that the limit and Ctrl-C also reach what it started.
 */
export function run(command, args, { seconds, env = process.env } = {}) {
  return new Promise((resolve) => {
    const result = { ok: false, stdout: "", output: "" };
    const child = spawn(command, args, { detached: true, env, stdio: ["ignore", "pipe", "pipe"] });
    children.set(child, new Promise((closed) => child.once("close", closed).once("error", closed)));
    if (child.pid) noteTools([...children.keys()].map(({ pid }) => pid));
    const limit = setTimeout(() => {
      result.output += `\nstopped after ${seconds} s`;
      killGroup(child, "SIGKILL");
    }, seconds * 1000);
    const keep = (chunk) => {
      result.output = (result.output + chunk).slice(-OUTPUT_LIMIT);
    };
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      result.stdout += chunk;
      keep(chunk);
    });
    child.stderr.setEncoding("utf8").on("data", keep);
    const end = (ok) => {
      clearTimeout(limit);
      children.delete(child);
      if (!stopping) resolve({ ...result, ok });
    };
    child.once("error", (error) => {
      keep(error.message);
      end(false);
    });
    child.once("close", (code) => end(code === 0));
  });
}

/** Runs npm: the one that runs this script, where one does. */
export function npm(args, env) {
  const limits = { seconds: 900, env };
  const cli = process.env.npm_execpath;
  // Other package managers set npm_execpath too, and would not understand.
  if (!cli || basename(cli) !== "npm-cli.js") return run("npm", args, limits);
  return run(process.env.npm_node_execpath ?? process.execPath, [cli, ...args], limits);
}

/** One step: a line that says what and why, and one with the seconds it took. `work` answers what `run` answers. */
export async function step(what, work) {
  say(`${what} …`);
  // Others may go on at the same time.
  const name = what.replace(/ \(.*/, "");
  const begin = Date.now();
  const elapsed = (digits) => ((Date.now() - begin) / 1000).toFixed(digits);
  const sign = setInterval(() => say(`  ${name}: still at it (${elapsed(0)} s)`), SIGN_OF_LIFE_MS);
  const result = await work();
  clearInterval(sign);
  say(`  ${name}: ${result.ok ? "done in" : "failed after"} ${elapsed(1)} s`);
  return result;
}

/** Stops the set-up, with the tool's last words and what to do about it. */
export function fail(what, output, advice) {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const cut = lines.length - HEAD_LINES - TAIL_LINES;
  if (cut > 1) lines.splice(HEAD_LINES, cut, `... (${cut} lines)`);
  throw new SetupError([what, ...lines.map((line) => `    ${line}`), ...advice].join("\n"));
}

/** Ends all tools; who waits for one is never answered, since the set-up ends too. */
export async function stopTools(signal) {
  stopping = true;
  for (const child of children.keys()) killGroup(child, signal);
  const closed = Promise.all(children.values());
  if ((await Promise.race([closed, sleep(STOP_MS, "late", { ref: false })])) !== "late") return;
  for (const child of children.keys()) killGroup(child, "SIGKILL");
}

function killGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Already gone, or never started.
  }
}
