/** How often a fault is tried, and when it strikes: at random, from a seed that a failure tells. */
import { test as base } from "./fixtures.ts";
import { IS_LONG_RUN } from "./long-run.ts";
import { type RunningProgram, startProgram } from "./programs.ts";

/** Each fault once in `npm test`, twenty times in the long run. */
export const ROUNDS = IS_LONG_RUN ? 20 : 1;

/** A server that may be killed and started anew as often as a test likes; the last one is ended in order. */
export interface Mortal {
  readonly now: () => RunningProgram;
  kill(): Promise<void>;
  stop(): Promise<void>;
  startAgain(settings?: Record<string, string>): Promise<RunningProgram>;
}

export const test = base.extend<{ settings: Record<string, string>; mortal: Mortal }>({
  settings: [{}, { option: true }],
  mortal: async ({ settings }, use) => {
    let program = await startProgram({ MAX_CREATES_PER_MINUTE: "10000", MAX_SESSIONS: "60", ...settings });
    await use({
      now: () => program,
      kill: () => program.kill(),
      stop: () => program.stop(),
      async startAgain(others) {
        program = await program.startAgain(others);
        return program;
      },
    });
    await program.remove();
  },
});
