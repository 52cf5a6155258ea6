/** The machine's processes, as Linux lists them: whose they are, and whether they still run. */
import { readdir, readFile } from "node:fs/promises";

/** On x86-64 and most ARM machines; others count larger ones. */
const PAGE_BYTES = 4_096;

/** Names one process for good: a pid is given again, but not with the same start. */
export interface ProcessIdentity {
  /** Of the leader of a process group. */
  readonly pid: number;
  /** In clock ticks since the machine started. */
  readonly started: number;
}

/** Whether a process of the group still runs. Where no init collects them, dead ones stay listed as Z: not alive. */
export async function groupLives(group: number): Promise<boolean> {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  const stats = await Promise.all((await listedProcesses()).map(processStat));
  return stats.some((stat) => stat.group === group && !isDead(stat.state));
}

function isDead(state: string): boolean {
  return state === "Z" || state === "X";
}

export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

/** Groups of the processes with this argument; the profile's path is what identifies a browser of ours. */
export async function groupsUsing(argument: string, match: "whole" | "prefix" = "whole"): Promise<number[]> {
  const groups = new Set<number>();
  for (const pid of await listedProcesses()) {
    const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const isUsing = (part: string) => (match === "whole" ? part === argument : part.startsWith(argument));
    if (!text.split("\0").some(isUsing)) continue;
    const { group, state } = await processStat(pid);
    if (isDead(state)) continue;
    // Browsers lead groups of their own: anything else, and 0 and 1 above all, is not ours to signal.
    if (group > 1 && group !== (await processStat(process.pid)).group) groups.add(group);
  }
  return [...groups];
}

/** How many living processes these groups have. */
export async function processesIn(groups: ReadonlySet<number>): Promise<number> {
  if (groups.size === 0) return 0;
  const stats = await Promise.all((await listedProcesses()).map(processStat));
  return stats.filter(({ group, state }) => groups.has(group) && !isDead(state)).length;
}

/** Bytes that each of these groups has for itself: what its processes share with others counts for nobody. */
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

/** Null where there is no such process. */
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
  // The name in parentheses may hold anything; what follows it is separated by spaces, the state being field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", group: Number(fields[2] ?? 0), started: Number(fields[19] ?? 0) };
}

async function listedProcesses(): Promise<number[]> {
  const entries = await readdir("/proc").catch(() => []);
  return entries.filter((entry) => /^\d+$/.test(entry)).map(Number);
}
