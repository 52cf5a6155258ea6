/** Ends everything that was started: in reverse order, also after Ctrl-C or a failure, and by force if needed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Stop = () => Promise<void>;

/** The folder of all files of this run. It is the TMPDIR of browsers and servers, so their command lines name it. */
export const RUN_FOLDER = mkdtempSync(join(tmpdir(), "captcha-remote-bench-"));
process.env["TMPDIR"] = RUN_FOLDER;

/** The longest time of an orderly end; processes that remain are killed. */
const END_PATIENCE_MS = 15_000;
/** The exit code by which shells report a Ctrl-C. */
const INTERRUPTED_EXIT_CODE = 130;
const stops = new Set<Stop>();
let interrupted = false;
const children = new Set<number>();

/** Registers a function that ends something. Returns a function that ends it now, once, and removes it. */
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

/** Registers a process of the bench whose command line does not name RUN_FOLDER. */
export function killAtExit(pid: number | undefined): void {
  if (pid !== undefined) children.add(pid);
}

export function forgetChild(pid: number | undefined): void {
  if (pid !== undefined) children.delete(pid);
}

/** Ends everything, the newest first. A failure does not stop the others from ending. */
export async function endAll(): Promise<void> {
  const all = (async () => {
    for (const stop of [...stops].reverse()) await stop().catch((error: unknown) => console.error(String(error)));
  })();
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, END_PATIENCE_MS).unref())]);
}

/** Whether a signal has arrived. Values measured after it are invalid. */
export function isInterrupted(): boolean {
  return interrupted;
}

/** The first signal ends everything in order. In no case does a process of the bench remain. */
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
  // Looks twice: a process that was just being started may be visible only the second time.
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
