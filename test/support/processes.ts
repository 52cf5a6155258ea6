/** What runs on this machine: for tests that look for what was left behind. */
import { readdir, readFile } from "node:fs/promises";

/** Processes whose command line contains this text. */
export async function pidsWith(text: string): Promise<number[]> {
  return (await processesWith(text)).map(({ pid }) => pid);
}

/** Sends it to each that is still there: a browser's helpers come and go. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Its children, theirs, and so on. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const parents = await Promise.all(
    (await processesWith("")).map(async (child) => {
      const stat = await readFile(`/proc/${child.pid}/stat`, "utf8").catch(() => "");
      // The name before it may hold spaces and brackets.
      return { pid: child.pid, parent: Number(stat.slice(stat.lastIndexOf(")") + 1).split(" ")[2]) };
    }),
  );
  const below = (of: number): number[] =>
    parents.filter(({ parent }) => parent === of).flatMap((child) => [child.pid, ...below(child.pid)]);
  return below(pid);
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
