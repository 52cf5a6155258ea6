/** [R24] Types a person's one-time code into the page without the picture, and says how it went. */
import { AppError } from "../../errors.ts";
import type { CodeAnswerBody, CodeResult } from "../../protocol/code-answers.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { ChallengePage, PageInput } from "../ports/page.ts";
import type { Answered } from "./completion-checks.ts";

const WINDOW_MS = 60_000;
const MAX_PER_WINDOW = 5;
/** The answers that are kept for repeats: more than two windows of them. */
const MAX_KEPT = 12;
const FIND_DEADLINE_MS = 1_000;
/** A page usually needs a moment for a code; a wrong one is known by then, too. */
const VERDICT_WAIT_MS = 2_000;
const CHECK_DEADLINE_MS = 1_500;
const CTRL = 2;

export interface CodeAnswersDeps {
  readonly page: () => ChallengePage | null;
  readonly waitForEnd: (ms: number) => Promise<void>;
  /** Asks the rules; ends the session if they hold. */
  readonly check: (page: ChallengePage | null) => Promise<Answered>;
  /** Null while the session lives. */
  readonly isSolved: () => boolean | null;
}

export class CodeAnswers {
  readonly #deps: CodeAnswersDeps;
  #times: number[] = [];
  /** By the key of a repeat: what it asked for, and the answer. */
  readonly #kept = new Map<string, { readonly body: string; readonly result: Promise<CodeResult> }>();

  constructor(deps: CodeAnswersDeps) {
    this.#deps = deps;
  }

  /**
   * Types the code by `input`; a repeat with the same key gets the first answer. Throws AppError rate_limited, not_in_control,
   * timeout (the page is not ready), page_unresponsive, session_ended, invalid_message (the key was used otherwise).
   */
  async give(
    answer: CodeAnswerBody,
    repeatKey: string | undefined,
    input: (input: PageInput) => void,
  ): Promise<CodeResult> {
    const body = JSON.stringify(answer);
    const kept = repeatKey === undefined ? undefined : this.#kept.get(repeatKey);
    if (kept) {
      if (kept.body === body) return kept.result;
      throw new AppError("invalid_message", { field: "idempotency-key", why: "already used with another body" });
    }
    const now = performance.now();
    this.#times = this.#times.filter((at) => now - at < WINDOW_MS);
    if (this.#times.length >= MAX_PER_WINDOW) throw new AppError("rate_limited", { limit: "answers_per_minute" });
    this.#times.push(now);
    const result = this.#type(answer, input);
    if (repeatKey !== undefined) this.#keep(repeatKey, body, result);
    return result;
  }

  #keep(key: string, body: string, result: Promise<CodeResult>): void {
    this.#kept.set(key, { body, result });
    // A failure may be tried again.
    result.catch(() => this.#kept.delete(key));
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) return;
      this.#kept.delete(oldest);
    }
  }

  async #type({ text, submit }: CodeAnswerBody, input: (input: PageInput) => void): Promise<CodeResult> {
    const { page, waitForEnd, check, isSolved } = this.#deps;
    const shown = page();
    if (!shown) throw new AppError("timeout", { waiting_for: "page" });
    const field = await withDeadline(shown.codeField(), FIND_DEADLINE_MS, "code field");
    if (!field) return "no_field";
    const press = (x: number, y: number) => {
      input({ type: "mouse_event", event_type: "down", x, y, button: "left" });
      input({ type: "mouse_event", event_type: "up", x, y, button: "left" });
    };
    const tap = (key: string, code: string, modifiers = 0) => {
      input({ type: "key", event_type: "down", key, code, modifiers });
      input({ type: "key", event_type: "up", key, code, modifiers });
    };
    press(field.x, field.y);
    // What a failed try has left there is replaced.
    tap("a", "KeyA", CTRL);
    input({ type: "text", text });
    if (!submit) return "typed";
    if (field.button) press(field.button.x, field.button.y);
    else tap("Enter", "Enter");
    await waitForEnd(VERDICT_WAIT_MS);
    if (isSolved() === null) {
      const verdict = await withDeadline(check(page()), CHECK_DEADLINE_MS, "verdict").catch(() => null);
      if (isSolved() === null) return verdict?.value === false ? "rules_not_met" : "unknown";
    }
    if (isSolved() === false) throw new AppError("session_ended");
    return "solved";
  }
}
