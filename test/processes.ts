/** What runs on this machine: for tests that look for what was left behind. */
import { readdir, readFile } from "node:fs/promises";

/** Command lines of living processes that contain this text. */
export async function commandLinesWith(text: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.map((line) => line.replaceAll("\0", " ").trim()).filter((line) => line.includes(text));
}
