// Keeps the puzzles that were handed out for a while: bounded in number and in age, one attempt each. With a file they
// outlive the server, as the pages that show them do.
import { readFileSync, writeFileSync } from "node:fs";
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
  readonly #entries: Map<string, Entry>;
  readonly #file: string | undefined;
  readonly #now: () => number;

  constructor({ file, now = Date.now }: { file?: string | undefined; now?: () => number } = {}) {
    this.#file = file;
    this.#now = now;
    this.#entries = new Map(file === undefined ? [] : entriesIn(file));
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
    this.#keep();
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
    this.#keep();
  }

  /** Writes the file, if any. A failure is ignored: a page whose puzzle is unknown asks for another one. */
  #keep(): void {
    if (this.#file === undefined) return;
    try {
      writeFileSync(this.#file, JSON.stringify([...this.#entries]), { mode: 0o600 });
    } catch {
      // The file stays as it is.
    }
  }

  #isOld(entry: Entry): boolean {
    return this.#now() - entry.madeAt > PUZZLE_LIFETIME_MS;
  }
}

function entriesIn(file: string): [string, Entry][] {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return [];
  }
}
