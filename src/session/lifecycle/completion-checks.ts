/** Checks of the completion rules: each one that is under way is answered, also when the session ends meanwhile. */
import type { Code } from "../../errors.ts";
import { type Contradiction, isEnd } from "../../protocol/common.ts";
import type { ChallengePage, Verdict } from "../ports/page.ts";
import type { SessionRecord } from "../ports/store.ts";

/** The answer to a check of the rules; `reason` is a code of errors.ts. */
export interface CheckAnswer {
  readonly completed: boolean;
  readonly reason: Code;
  /** With `confirm_needed`: what still shows. */
  readonly contradicted_by?: Contradiction[];
}

/** What a verdict means for an operator's word. */
export type Answered = Pick<Verdict, "value" | "contradictions" | "mayOverride">;

const UNKNOWN: Answered = { value: "unknown", contradictions: [], mayOverride: false };

/** [W7] The answer to a check, from the state of the session. */
export function checkAnswer({ state, reason }: SessionRecord): CheckAnswer {
  return { completed: state === "solved", reason: isEnd(state) ? (reason as Code) : "rules_not_met" };
}

interface CompletionChecksDeps {
  readonly answer: () => CheckAnswer;
  readonly onSolved: (verdict: Verdict) => void;
}

export class CompletionChecks {
  readonly #deps: CompletionChecksDeps;
  /** Checks under way: each is answered before the end closes the sockets [W7]. */
  readonly #pending = new Set<(answer: CheckAnswer) => void>();

  constructor(deps: CompletionChecksDeps) {
    this.#deps = deps;
  }

  /**
   * Checks the rules now. Calls `sendAnswer` once, before an end that follows from it is published. `page` is null if
   * the session has none that can be checked. Never throws.
   */
  async check(page: ChallengePage | null, sendAnswer: (answer: CheckAnswer) => void): Promise<CheckAnswer> {
    this.#pending.add(sendAnswer);
    await this.ask(page);
    if (this.#pending.delete(sendAnswer)) sendAnswer(this.#deps.answer());
    return this.#deps.answer();
  }

  /** The verdict; a page that does not answer in time, or whose verdict is not stable, leaves it unknown. */
  async ask(page: ChallengePage | null): Promise<Answered> {
    const verdict = await page?.check();
    if (!verdict) return UNKNOWN;
    if (verdict.value === true && verdict.stable) this.#deps.onSolved(verdict);
    return verdict.value === true && !verdict.stable ? UNKNOWN : verdict;
  }

  /** Answers every check that is under way: the session has ended. */
  settle(): void {
    for (const sendAnswer of this.#pending) sendAnswer(this.#deps.answer());
    this.#pending.clear();
  }
}
