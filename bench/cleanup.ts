/** What was started is ended: in reverse order, also after Ctrl-C or a failure, and by force where asking does not help. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Stop = () => Promise<void>;

/** All that this run leaves on the disk. Browsers and servers get it as their TMPDIR, so their command lines name it. */
export const RUN_FOLDER = mkdtempSync(join(tmpdir(), "captcha-remote-bench-"));
process.env["TMPDIR"] = RUN_FOLDER;

/** Ending everything takes this long at most; what is left then is killed. */
const END_PATIENCE_MS = 15_000;
/** As a shell tells of a Ctrl-C. */
const INTERRUPTED_EXIT_CODE = 130;
const stops = new Set<Stop>();
let interrupted = false;
const children = new Set<number>();

/** Registers what ends something; the answer ends it now (once) and forgets it. */
export function atEnd(work: Stop): Stop {
  let ended: Promise<void> | undefined;
  const stop = () => {
    stops.delete(stop);
    ended ??= work();
    return ended;
  };
  stops.add(stop);
  return stop;
}

/** A process of ours that does not carry RUN_FOLDER in its command line. */
export function killAtExit(pid: number | undefined): void {
  if (pid !== undefined) children.add(pid);
}

export function forgetChild(pid: number | undefined): void {
  if (pid !== undefined) children.delete(pid);
}

/** The newest first. A failure does not keep the others from ending. */
export async function endAll(): Promise<void> {
  const all = (async () => {
    for (const stop of [...stops].reverse()) await stop().catch((error: unknown) => console.error(String(error)));
  })();
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, END_PATIENCE_MS).unref())]);
}

/** Whether a signal has come: what is measured from then on is worth nothing. */
export function isInterrupted(): boolean {
  return interrupted;
}

/** The first signal ends everything in order; whatever happens, nothing stays behind the process. */
export function endOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (interrupted) return;
      interrupted = true;
      console.error(`\n${signal}: ending what was started`);
      void endAll().finally(() => process.exit(INTERRUPTED_EXIT_CODE));
    });
  }
  process.on("exit", killTheRest);
}

function killTheRest(): void {
  for (const pid of children) kill(pid);
  // Twice: a process that was just being started may be seen only the second time.
  for (let pass = 0; pass < 2; pass += 1) for (const pid of listed()) if (isOfThisRun(pid)) kill(pid);
  rmSync(RUN_FOLDER, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

function listed(): number[] {
  try {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number);
  } catch {
    return [];
  }
}

function isOfThisRun(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(RUN_FOLDER);
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}
