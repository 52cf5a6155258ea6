/** The machine and versions of a run, without which its numbers mean little. */
import { execFile } from "node:child_process";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);
const CALL_DEADLINE_MS = 10_000;

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gb: number;
  readonly kernel: string;
  readonly node: string;
  readonly chromium: string;
  /** Ends in `+changes` if the working tree differs from the commit. */
  readonly commit: string;
}

export async function describeMachine(chromiumPath: string): Promise<Machine> {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory_gb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    chromium: await output(chromiumPath, ["--version"]),
    commit: await commit(),
  };
}

async function commit(): Promise<string> {
  const hash = await output("git", ["rev-parse", "--short", "HEAD"]);
  const changes = await output("git", ["status", "--porcelain", "--", "src", "public", "bench", ":!bench/results"]);
  return changes === "" ? hash : `${hash}+changes`;
}

async function output(command: string, args: string[]): Promise<string> {
  const cwd = new URL("..", import.meta.url);
  return run(command, args, { cwd, timeout: CALL_DEADLINE_MS }).then(
    ({ stdout }) => stdout.trim(),
    () => "unknown",
  );
}
