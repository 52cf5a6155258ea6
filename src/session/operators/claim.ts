/** [R19] The claim on a session in the inbox, so that two people do not open the same one. */
import { AppError } from "../../errors.ts";
import type { ClaimAnswer } from "../../protocol/claims.ts";

/** How long a claim holds while no operator joins; then the session is free again. */
const CLAIM_MS = 60_000;

export interface Claimant {
  /** Its key and its console, by which it is recognised. */
  readonly who: string;
  /** The name that others see. */
  readonly name: string;
}

export type ClaimFacts = Pick<ClaimAnswer, "claimed_by" | "claimed_until">;
export const UNCLAIMED: ClaimFacts = { claimed_by: null, claimed_until: null };

interface ClaimDeps {
  /** Whether an operator who can act is connected. */
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
    if (!this.#held) return UNCLAIMED;
    return { claimed_by: this.#held.by.name, claimed_until: new Date(this.#held.until).toISOString() };
  }

  /** Takes the claim, or extends it. Throws claimed if another claimant has it. */
  take(by: Claimant): void {
    if (this.#held && this.#held.by.who !== by.who) throw new AppError("claimed", { ...this.now });
    this.#hold(by);
  }

  /** Releases the claim; does nothing if there is none. Throws claimed if another claimant has it. */
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
