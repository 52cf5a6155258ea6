// Who gets into the chat server: a password, a token that grows stale, and a challenge that only a person can clear.
import { randomBytes, randomInt } from "node:crypto";
import { GAP, TRAVEL } from "./challenge-page.ts";

export interface AccessOptions {
  readonly user: string;
  readonly password: string;
  /** After so many replies of the bot its token is stale, and the next one takes a person; never, when left out. */
  readonly staleAfterReplies?: number;
  /** The same for registrations, so that a bot finds out as it comes back. */
  readonly staleAfterRegistrations?: number;
}

export interface Challenge {
  readonly id: string;
  /** How far the handle has to be moved, in CSS px. */
  readonly travel: number;
}

const SECRET_BYTES = 16;
/** As near as a hand gets it. */
const TOLERANCE_PX = 6;

/** One account with one token. */
export class Access {
  readonly #options: AccessOptions;
  #token: string | null = null;
  #challenge: Challenge | null = null;
  #used = { replies: 0, registrations: 0 };

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** What a person sees on the page; null while none is asked for. */
  get challenge(): Challenge | null {
    return this.#challenge;
  }

  isPassword(user: unknown, password: unknown): boolean {
    return user === this.#options.user && password === this.#options.password;
  }

  /** A fresh token, or the challenge that stands in front of it. */
  signIn(): { token: string } | { challenge: Challenge } {
    return this.#challenge ? { challenge: this.#challenge } : { token: this.#renew() };
  }

  isFresh(token: string | null): boolean {
    return token !== null && token === this.#token;
  }

  count(what: "replies" | "registrations"): void {
    this.#used[what] += 1;
    const { staleAfterReplies = Infinity, staleAfterRegistrations = Infinity } = this.#options;
    if (this.#used.replies >= staleAfterReplies || this.#used.registrations > staleAfterRegistrations) this.expire();
  }

  /** The token is stale from now on, and a person is asked for. */
  expire(): void {
    this.#token = null;
    this.#challenge ??= newChallenge();
  }

  /** The page's answer: a fresh token, or null and another challenge under the same id. */
  answer(travel: number): string | null {
    if (!this.#challenge) return null;
    if (Math.abs(travel - this.#challenge.travel) <= TOLERANCE_PX) return this.#renew();
    this.#challenge = { ...newChallenge(), id: this.#challenge.id };
    return null;
  }

  #renew(): string {
    this.#challenge = null;
    this.#used = { replies: 0, registrations: 0 };
    this.#token = randomBytes(SECRET_BYTES).toString("base64url");
    return this.#token;
  }
}

function newChallenge(): Challenge {
  return { id: randomBytes(SECRET_BYTES).toString("base64url"), travel: randomInt(GAP.least, TRAVEL) };
}
