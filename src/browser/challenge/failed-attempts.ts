/** Notices that an operator's attempt failed: the challenge went away or was reloaded, and is there again. Pure. */
import type { AttemptFailure } from "../../session/ports/page.ts";
import type { ShownChallenge } from "./challenge-tracker.ts";

/** A change later than this after the last input has other reasons. */
const ATTEMPT_MS = 15_000;

interface Seen {
  readonly kind: string;
  readonly document: string;
}

export class FailedAttempts {
  #seen: Seen | null = null;
  /** The challenge at the last input, and when that was; null: no attempt that could still fail. */
  #attempt: { readonly to: Seen; readonly at: number; wasGone: boolean } | null = null;

  /** Somebody pressed, typed or turned the wheel. `now`: monotonic ms. */
  acted(now: number): void {
    if (this.#seen) this.#attempt = { to: this.#seen, at: now, wasGone: false };
  }

  /** Takes what a scan has found. Returns why the attempt failed, if this scan shows that; else null. */
  scanned(challenge: Pick<ShownChallenge, "info" | "document"> | null, now: number): AttemptFailure | null {
    this.#seen = challenge && { kind: challenge.info.kind, document: challenge.document };
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
