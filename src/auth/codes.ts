/** Six-digit codes [M6]: one lets one browser into a session, once, because a URL of an elicitation may carry no right. */
import { randomInt, timingSafeEqual } from "node:crypto";

export const CODE_LIFETIME_MS = 600_000;
/** The most wrong codes of a session, over all of its codes. */
export const MAX_WRONG_CODES = 5;
const CODES = 1_000_000;
const DIGITS = 6;
/** A code with less time left is replaced when one is asked for: the person needs time to type it. */
const TIME_TO_TYPE_MS = 300_000;
/** The most sessions with codes; the oldest are forgotten first. */
const MAX_SESSIONS = 10_000;

export interface IssuedCode {
  readonly code: string;
  /** ms since 1970 */
  readonly expires_at: number;
}

interface SessionCodes {
  /** Null once it was used. */
  issued: IssuedCode | null;
  wrong: number;
}

/** `unknown`: this session has no codes. `spent`: it had too many wrong ones, and no code opens it any more. */
export type Redemption = "right" | "wrong" | "spent" | "unknown";

export class Codes {
  /** By the session's uid, oldest first. */
  readonly #sessions = new Map<string, SessionCodes>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The session's code, the same again while there is time to type it. Null after too many wrong ones. */
  issue(uid: string): IssuedCode | null {
    const known = this.#sessions.get(uid) ?? { issued: null, wrong: 0 };
    if (known.wrong >= MAX_WRONG_CODES) return null;
    if (known.issued && known.issued.expires_at - this.#now() > TIME_TO_TYPE_MS) return known.issued;
    const issued = {
      code: String(randomInt(CODES)).padStart(DIGITS, "0"),
      expires_at: this.#now() + CODE_LIFETIME_MS,
    };
    this.#forgetOldest();
    this.#sessions.set(uid, { ...known, issued });
    return issued;
  }

  /** Uses the session's code up if this is it; else counts a wrong one. */
  redeem(uid: string, code: string): Redemption {
    const known = this.#sessions.get(uid);
    if (!known) return "unknown";
    if (known.wrong >= MAX_WRONG_CODES) return "spent";
    const { issued } = known;
    if (issued && issued.expires_at > this.#now() && isSame(issued.code, code)) {
      known.issued = null;
      return "right";
    }
    known.wrong += 1;
    return "wrong";
  }

  #forgetOldest(): void {
    for (const uid of this.#sessions.keys()) {
      if (this.#sessions.size < MAX_SESSIONS) return;
      this.#sessions.delete(uid);
    }
  }
}

function isSame(code: string, given: string): boolean {
  const [a, b] = [Buffer.from(code), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
