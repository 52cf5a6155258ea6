/** Reads the machine's processes from Linux' /proc: which browser they belong to, and whether they still run. */
import { readdir, readFile } from "node:fs/promises";

/** On x86-64 and most ARM machines; others count larger ones. */
const PAGE_BYTES = 4_096;

/** Identifies one process for good: the system gives a pid again, but not with the same start. */
export interface ProcessIdentity {
  /** Of the leader of a process group. */
  readonly pid: number;
  /** In clock ticks since the machine started. */
  readonly started: number;
}

/**
 * Returns a function that says whether the group has ended; it may be asked often. Without an init, dead processes stay
 * listed as Z: they do not count. It reads the whole table, which takes milliseconds on a busy machine, only while it
 * knows of no living member.
 */
export function groupEnd(group: number): () => Promise<boolean> {
  let members: readonly number[] = [];
  const living = async (pids: readonly number[]) => {
    const stats = await Promise.all(pids.map(async (pid) => ({ pid, ...(await processStat(pid)) })));
    return stats.filter((stat) => stat.group === group && !isDead(stat.state)).map(({ pid }) => pid);
  };
  return async () => {
    try {
      process.kill(-group, 0);
    } catch {
      return true;
    }
    members = await living(members);
    if (members.length === 0) members = await living(await listedProcesses());
    return members.length === 0;
  };
}

function isDead(state: string): boolean {
  return state === "Z" || state === "X";
}

export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // The process has ended already.
  }
}

/** The groups of processes with this argument on their command line. A browser of ours is identified by its profile's path. */
export async function groupsUsing(argument: string, match: "whole" | "prefix" = "whole"): Promise<number[]> {
  const groups = new Set<number>();
  for (const pid of await listedProcesses()) {
    const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const isUsing = (part: string) => (match === "whole" ? part === argument : part.startsWith(argument));
    if (!text.split("\0").some(isUsing)) continue;
    const { group, state } = await processStat(pid);
    if (isDead(state)) continue;
    // Browsers lead groups of their own. No other group may be signalled, groups 0 and 1 above all.
    if (group > 1 && group !== (await processStat(process.pid)).group) groups.add(group);
  }
  return [...groups];
}

/** Counts the living processes of these groups. */
export async function processesIn(groups: ReadonlySet<number>): Promise<number> {
  if (groups.size === 0) return 0;
  const stats = await Promise.all((await listedProcesses()).map(processStat));
  return stats.filter(({ group, state }) => groups.has(group) && !isDead(state)).length;
}

/** The private memory of each of these groups in bytes, in their order. Shared pages are not counted. */
export async function memoryOf(groups: readonly number[]): Promise<number[]> {
  const bytes = new Map(groups.map((group) => [group, 0]));
  if (groups.length === 0) return [];
  await Promise.all(
    (await listedProcesses()).map(async (pid) => {
      const { group } = await processStat(pid);
      const known = bytes.has(group) ? await privateBytes(pid) : 0;
      if (known > 0) bytes.set(group, (bytes.get(group) ?? 0) + known);
    }),
  );
  return groups.map((group) => bytes.get(group) ?? 0);
}

async function privateBytes(pid: number): Promise<number> {
  const statm = await readFile(`/proc/${pid}/statm`, "utf8").catch(() => "");
  const [, resident = 0, shared = 0] = statm.split(" ").map(Number);
  return (resident - shared) * PAGE_BYTES;
}

/** The identity of the process with this pid; null where there is none. */
export async function identityOf(pid: number): Promise<ProcessIdentity | null> {
  const { started } = await processStat(pid);
  return started === 0 ? null : { pid, started };
}

interface ProcessStat {
  readonly state: string;
  readonly group: number;
  readonly started: number;
}

async function processStat(pid: number): Promise<ProcessStat> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // proc(5): the name in parentheses may hold any character. Fields after it are separated by spaces; field 3 is the state.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", group: Number(fields[2] ?? 0), started: Number(fields[19] ?? 0) };
}

async function listedProcesses(): Promise<number[]> {
  const entries = await readdir("/proc").catch(() => []);
  return entries.filter((entry) => /^\d+$/.test(entry)).map(Number);
}
