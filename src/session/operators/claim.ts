/** [R19] Who has taken a session from the inbox, so that two people do not take the same. */
import { AppError } from "../../errors.ts";
import type { ClaimAnswer } from "../../protocol/claims.ts";

/** As long as nobody has come to it; then it is free again. */
const CLAIM_MS = 60_000;

export interface Claimant {
  /** By which it is known again: its key and its console. */
  readonly who: string;
  /** As others are told. */
  readonly name: string;
}

export type ClaimFacts = Pick<ClaimAnswer, "claimed_by" | "claimed_until">;
export const FREE: ClaimFacts = { claimed_by: null, claimed_until: null };

interface ClaimDeps {
  /** Whether somebody who can act is connected. */
  readonly isAttended: () => boolean;
  readonly onChange: (now: ClaimFacts) => void;
}

export class Claim {
  readonly #deps: ClaimDeps;
  #held: { readonly by: Claimant; readonly until: number } | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: ClaimDeps) {
    this.#deps = deps;
  }

  get now(): ClaimFacts {
    if (!this.#held) return FREE;
    return { claimed_by: this.#held.by.name, claimed_until: new Date(this.#held.until).toISOString() };
  }

  /** Takes it, or holds it for longer. Throws claimed where somebody else has it. */
  take(by: Claimant): void {
    if (this.#held && this.#held.by.who !== by.who) throw new AppError("claimed", { ...this.now });
    this.#hold(by);
  }

  /** Nothing where it is free. Throws claimed where somebody else has it. */
  release({ who }: Pick<Claimant, "who">): void {
    if (!this.#held) return;
    if (this.#held.by.who !== who) throw new AppError("claimed", { ...this.now });
    this.#free();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #hold(by: Claimant): void {
    this.stop();
    this.#held = { by, until: Date.now() + CLAIM_MS };
    this.#timer = setTimeout(() => (this.#deps.isAttended() ? this.#hold(by) : this.#free()), CLAIM_MS);
    this.#deps.onChange(this.now);
  }

  #free(): void {
    this.stop();
    this.#held = null;
    this.#deps.onChange(this.now);
  }
}
