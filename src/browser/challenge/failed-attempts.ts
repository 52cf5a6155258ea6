/** Whether what a person did has failed: the challenge went away, or was loaded anew, and is there again. Pure. */
import type { AttemptFailure } from "../../session/ports/page.ts";
import type { PageScan } from "./scan-page.ts";

/** What happens later has other reasons. */
const ATTEMPT_MS = 15_000;

interface Seen {
  readonly kind: string;
  readonly document: string;
}

export class FailedAttempts {
  #seen: Seen | null = null;
  /** The last thing that a person did, and what it was done to; null: nothing that could still fail. */
  #attempt: { readonly to: Seen; readonly at: number; wasGone: boolean } | null = null;

  /** Somebody pressed, typed or turned the wheel. `now` in ms, never going back. */
  acted(now: number): void {
    if (this.#seen) this.#attempt = { to: this.#seen, at: now, wasGone: false };
  }

  /** What a look at the page has found; answers why the attempt failed, if it just has. */
  scanned({ challenge, kinds }: Pick<PageScan, "challenge" | "kinds">, now: number): AttemptFailure | null {
    // The frame that is the challenge, or holds it.
    const frame = challenge && kinds.get(challenge.kind);
    this.#seen = challenge && frame ? { kind: challenge.kind, document: `${frame.id} ${frame.loaderId}` } : null;
    const attempt = this.#attempt;
    if (!attempt) return null;
    if (now - attempt.at > ATTEMPT_MS) {
      this.#attempt = null;
    } else if (!this.#seen) {
      attempt.wasGone = true;
    } else {
      const failure = failureOf(attempt.to, this.#seen, attempt.wasGone);
      if (failure) this.#attempt = null;
      return failure;
    }
    return null;
  }
}

function failureOf(before: Seen, now: Seen, wasGone: boolean): AttemptFailure | null {
  if (now.kind !== before.kind) return "replaced";
  if (now.document !== before.document) return "reloaded";
  return wasGone ? "came_back" : null;
}
