// Remembers the puzzles that were handed out, for a while: bounded in number and in age, one attempt each.
import type { Puzzle } from "./puzzle-types.ts";

export const MAX_PUZZLES = 500;
export const PUZZLE_LIFETIME_MS = 10 * 60_000;

interface Entry {
  puzzle: Puzzle;
  madeAt: number;
  attempted: boolean;
}

export class PuzzleStore {
  /** Insertion order is age order. */
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(puzzle: Puzzle): void {
    this.#entries.set(puzzle.id, { puzzle, madeAt: this.#now(), attempted: false });
    for (const [id, entry] of this.#entries) {
      if (this.#entries.size <= MAX_PUZZLES && !this.#isOld(entry)) break;
      this.#entries.delete(id);
    }
  }

  /** The puzzle, or why there is none to attempt. */
  find(id: string): Puzzle | "unknown" | "attempted" {
    const entry = this.#entries.get(id);
    if (!entry || this.#isOld(entry)) return "unknown";
    return entry.attempted ? "attempted" : entry.puzzle;
  }

  markAttempted(id: string): void {
    const entry = this.#entries.get(id);
    if (entry) entry.attempted = true;
  }

  #isOld(entry: Entry): boolean {
    return this.#now() - entry.madeAt > PUZZLE_LIFETIME_MS;
  }
}
