// Lets one set-up at a time work in a folder: npm start and npm test may be called in two terminals at once.

import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { SetupError, say } from "./tools.mjs";

const POLL_MS = 300;
/** Longer than any set-up lasts, so that a process id used again cannot hold others for ever. */
const STALE_AFTER_MS = 30 * 60_000;

/**
 * Takes the lock, waiting for another set-up that holds it.
 * @returns `release`, and `note` for the tools at work: killed outright, a set-up leaves them behind, still writing
 */
export async function takeLock(file) {
  const waitUntil = Date.now() + STALE_AFTER_MS;
  let told = 0;
  while (!tryLock(file)) {
    const holder = readHolder(file);
    if (holder === undefined) continue;
    const busy = busyProcess(holder);
    if (busy === undefined) {
      removeStale(file, holder);
      continue;
    }
    if (Date.now() > waitUntil)
      throw new SetupError(`Another set-up does not end. Stop process ${busy}, or remove ${file}.`);
    if (told !== busy) say(`waiting for process ${busy}, which sets up this folder …`);
    told = busy;
    await sleep(POLL_MS);
  }
  return {
    note: (tools) => {
      const own = writeOwn(file, tools);
      renameSync(own, file);
    },
    release: () => {
      if (readHolder(file)?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}

function tryLock(file) {
  const own = writeOwn(file);
  try {
    // A link is made whole or not at all, so nobody reads a lock that is not written yet.
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function writeOwn(file, tools = []) {
  const own = `${file}.${process.pid}`;
  try {
    writeFileSync(own, [process.pid, ...tools].join(" "));
  } catch (error) {
    throw new SetupError(`The set-up has work to do, and cannot write here: ${error.message}`);
  }
  return own;
}

function readHolder(file) {
  try {
    const [pid, ...tools] = readFileSync(file, "utf8").split(" ").map(Number);
    return { pid, tools, since: statSync(file).mtimeMs };
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The process that still works under this lock, if one does. */
function busyProcess({ pid, tools, since }) {
  if (Date.now() - since > STALE_AFTER_MS) return undefined;
  if (pid !== process.pid && isAlive(pid) && isSetUp(pid)) return pid;
  return tools.find(isAlive);
}

function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code !== "ESRCH";
  }
  // A dead process that nobody waited for still has its id: containers without an init keep such.
  return !/\) [ZX] /.test(readProc(pid, "stat") ?? "");
}

function isSetUp(pid) {
  return readProc(pid, "cmdline")?.includes("setup.mjs") ?? true;
}

function readProc(pid, what) {
  try {
    return readFileSync(`/proc/${pid}/${what}`, "utf8");
  } catch {
    return undefined;
  }
}

function removeStale(file, stale) {
  const aside = `${file}.stale-${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  // Between the look and the move another set-up may have removed the stale lock and taken its own: give that back.
  const moved = readHolder(aside);
  try {
    if (moved?.pid !== stale.pid || moved.since !== stale.since) linkSync(aside, file);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}
