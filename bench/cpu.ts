/** Measures the CPU time of browsers and servers from /proc: user and system time of whole process trees. */
import { readdir, readFile } from "node:fs/promises";

/** Linux counts process times in hundredths of a second (USER_HZ), whatever the kernel's own tick. */
const TICKS_A_SECOND = 100;

/** The processes of each group. */
export interface Measured {
  /** A folder that the browsers' command lines name. Their descendants count too. */
  readonly browserFolder: string;
  readonly serverPid: number | null;
}

export interface CpuShares {
  /** % of one core */
  readonly browser: number;
  /** null: the way has no server */
  readonly server: number | null;
  /** CPU outside of the bench: other programs, and time that the host takes away. It reveals a disturbed row. */
  readonly other: number;
}

interface Reading {
  readonly at: number;
  readonly browser: number;
  readonly server: number;
  /** The bench and everything that it has started. */
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

/** Starts to measure. Returns a function that stops it and returns the shares since the start. */
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

/** Adds descendants until no more are found, as helpers fork helpers. */
function withDescendants(rows: readonly ProcessRow[], roots: readonly ProcessRow[]): ReadonlySet<number> {
  const found = new Set(roots.map(({ pid }) => pid));
  for (let grown = true; grown; ) {
    const before = found.size;
    for (const { pid, parent } of rows) if (found.has(parent)) found.add(pid);
    grown = found.size > before;
  }
  return found;
}

/** Busy time of all cores, with time that other guests of the host take. */
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
