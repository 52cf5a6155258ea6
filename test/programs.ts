/** Programs that tests run beside themselves: what they print, and how they end. */
import type { ChildProcess } from "node:child_process";

export interface Program {
  /** All that it has printed, on both streams. */
  readonly out: () => string;
  readonly exitCode: Promise<number | null>;
}

export function watchProgram(child: ChildProcess): Program {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return { out: () => text, exitCode: new Promise((resolve) => child.once("close", resolve)) };
}
