/** Checks of the completion rules: each one that is under way is answered, also when the session ends meanwhile. */
import type { Code } from "../../errors.ts";
import { isEnd } from "../../protocol/common.ts";
import type { ChallengePage, Verdict } from "../ports/page.ts";
import type { SessionRecord } from "../ports/store.ts";

/** The answer to a check of the rules; `reason` is a code of errors.ts. */
export interface CheckAnswer {
  readonly completed: boolean;
  readonly reason: Code;
}

/** [W7] */
export function checkAnswer({ state, reason }: SessionRecord): CheckAnswer {
  return { completed: state === "solved", reason: isEnd(state) ? (reason as Code) : "rules_not_met" };
}

interface CompletionChecksDeps {
  readonly answer: () => CheckAnswer;
  readonly onSolved: (verdict: Verdict) => void;
}

export class CompletionChecks {
  readonly #deps: CompletionChecksDeps;
  /** CompletionChecks under way: whoever asked is answered before the end closes the sockets [W7]. */
  readonly #pending = new Set<(answer: CheckAnswer) => void>();

  constructor(deps: CompletionChecksDeps) {
    this.#deps = deps;
  }

  /** Asks the rules now; `sendAnswer` is called once, before an end that comes of it is told. `page`: null where none can be asked. */
  async check(page: ChallengePage | null, sendAnswer: (answer: CheckAnswer) => void): Promise<CheckAnswer> {
    this.#pending.add(sendAnswer);
    await this.ask(page);
    if (this.#pending.delete(sendAnswer)) sendAnswer(this.#deps.answer());
    return this.#deps.answer();
  }

  /** A page that does not answer, or not long enough, leaves the rules unknown. */
  async ask(page: ChallengePage | null): Promise<Verdict["value"]> {
    const verdict = await page?.check();
    if (!verdict) return "unknown";
    if (verdict.value === true && verdict.stable) this.#deps.onSolved(verdict);
    return verdict.value === true && !verdict.stable ? "unknown" : verdict.value;
  }

  /** The session has ended: everybody who waits is answered. */
  settle(): void {
    for (const sendAnswer of this.#pending) sendAnswer(this.#deps.answer());
    this.#pending.clear();
  }
}
