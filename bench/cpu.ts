/** How much of a core browsers and servers take, from /proc: user and system time of whole process trees. */
import { readdir, readFile } from "node:fs/promises";

/** Linux counts process times in hundredths of a second (USER_HZ), whatever the kernel's own tick. */
const TICKS_A_SECOND = 100;

/** Which processes count as what. */
export interface Measured {
  /** A folder that the browsers' command lines name; their descendants count as well. */
  readonly browserFolder: string;
  readonly serverPid: number | null;
}

export interface CpuShares {
  /** % of one core */
  readonly browser: number;
  /** null: no server of its own */
  readonly server: number | null;
  /** Whatever is not of this bench: another program, the host that takes the core away. A disturbed row shows here. */
  readonly other: number;
}

interface Reading {
  readonly at: number;
  readonly browser: number;
  readonly server: number;
  /** The bench, and everything it has started. */
  readonly own: number;
  /** The machine. */
  readonly busy: number;
}

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
  readonly commandLine: string;
}

/** Begins to measure; what it answers ends it and tells the shares between the two. */
export async function startCpu(measured: Measured): Promise<() => Promise<CpuShares>> {
  const before = await read(measured);
  return async () => {
    const after = await read(measured);
    const seconds = (after.at - before.at) / 1_000;
    const share = (ticks: number) => (Math.max(0, ticks) / TICKS_A_SECOND / seconds) * 100;
    const server = measured.serverPid === null ? null : share(after.server - before.server);
    const other = share(after.busy - before.busy - (after.own - before.own));
    return { browser: share(after.browser - before.browser), server, other };
  };
}

async function read({ browserFolder, serverPid }: Measured): Promise<Reading> {
  const [rows, busy] = await Promise.all([processRows(), busyTicks()]);
  const named = rows.filter(({ pid, commandLine }) => pid !== serverPid && commandLine.includes(browserFolder));
  const browsers = withDescendants(rows, named);
  const own = withDescendants(
    rows,
    rows.filter(({ pid }) => pid === process.pid),
  );
  const sum = (counts: (pid: number) => boolean) =>
    rows.reduce((total, row) => total + (counts(row.pid) ? row.ticks : 0), 0);
  return {
    at: performance.now(),
    browser: sum((pid) => browsers.has(pid)),
    server: sum((pid) => pid === serverPid),
    own: sum((pid) => own.has(pid)),
    busy,
  };
}

/** Helpers are forked from helpers: again until no more are found. */
function withDescendants(rows: readonly ProcessRow[], roots: readonly ProcessRow[]): ReadonlySet<number> {
  const found = new Set(roots.map(({ pid }) => pid));
  for (let grown = true; grown; ) {
    const before = found.size;
    for (const { pid, parent } of rows) if (found.has(parent)) found.add(pid);
    grown = found.size > before;
  }
  return found;
}

/** Of all cores, time taken by other guests of the host included. */
async function busyTicks(): Promise<number> {
  const [first = ""] = (await readFile("/proc/stat", "utf8")).split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = first.split(/\s+/).slice(1).map(Number);
  return user + nice + system + irq + softIrq + steal;
}

async function processRows(): Promise<ProcessRow[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const rows = await Promise.all(pids.map(processRow));
  return rows.filter((row) => row !== null);
}

async function processRow(pid: number): Promise<ProcessRow | null> {
  try {
    const [stat, commandLine] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
    ]);
    // The name in parentheses may hold anything; state is the first field behind it, utime and stime the 12th and 13th.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { pid, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]), commandLine };
  } catch {
    return null;
  }
}
