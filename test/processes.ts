/** What runs on this machine: for tests that look for what was left behind. */
import { readdir, readFile } from "node:fs/promises";

/** Processes whose command line contains this text. */
export async function pidsWith(text: string): Promise<number[]> {
  return (await processesWith(text)).map(({ pid }) => pid);
}

/** Command lines of living processes that contain this text. */
export async function commandLinesWith(text: string): Promise<string[]> {
  return (await processesWith(text)).map(({ line }) => line);
}

async function processesWith(text: string): Promise<{ pid: number; line: string }[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const read = (pid: string) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const found = await Promise.all(pids.map(async (pid) => ({ pid: Number(pid), line: await read(pid) })));
  return found
    .map(({ pid, line }) => ({ pid, line: line.replaceAll("\0", " ").trim() }))
    .filter(({ line }) => line.includes(text));
}
