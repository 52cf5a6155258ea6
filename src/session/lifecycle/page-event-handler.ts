/** Handles the events of a session's page: saves, publishes and sends what follows from them. */
import type { Code } from "../../errors.ts";
import type { Offer, PAGE_CONDITIONS, Question, ServerMessageOf } from "../../protocol/live.ts";
import { Throttle } from "../../util/throttle.ts";
import type { Operators } from "../operators/operators.ts";
import type {
  AttemptFailure,
  ChallengePage,
  FocusedField,
  Notice,
  OpeningStep,
  PageCondition,
  PageEvents,
  Picture,
  Verdict,
} from "../ports/page.ts";
import { conditionNotice, visibilityNotice } from "../ports/page-notices.ts";
import type { ResumeState } from "../ports/resume-state.ts";
import type { SessionRecord } from "../ports/store.ts";
import type { SessionEventPublisher } from "./session-event-publisher.ts";

/** The shortest interval of saves: a challenge that is dragged moves with every scan. */
const SAVE_CHALLENGE_EVERY_MS = 1_000;

interface PageEventHandlerDeps {
  readonly record: SessionRecord;
  readonly operators: Operators;
  readonly events: SessionEventPublisher;
  readonly page: () => ChallengePage | null;
  readonly isOver: () => boolean;
  readonly save: (record: SessionRecord) => void;
  readonly saveResumeState: (parts: Partial<ResumeState>) => void;
  /** What the page shows, or whether that works by itself, has changed. */
  readonly onChallenge: () => void;
  readonly onSolved: (verdict: Verdict) => void;
  readonly onLost: (code: Code) => void;
}

export class PageEventHandler implements PageEvents {
  readonly #deps: PageEventHandlerDeps;
  readonly #saveThrottle: Throttle;
  /** The number of the last picture, over all pages that the session has had. */
  #lastSeq = 0;
  /** When the page moved on, ms since 1970; null: it has not, or a challenge shows again. */
  #movedOnAt: number | null = null;

  constructor(deps: PageEventHandlerDeps) {
    this.#deps = deps;
    this.#saveThrottle = new Throttle(() => deps.save(deps.record), SAVE_CHALLENGE_EVERY_MS);
  }

  /** Drops a save that is put off: the end saves the record. */
  stop(): void {
    this.#saveThrottle.stop();
  }

  nextSeq(): number {
    this.#lastSeq += 1;
    return this.#lastSeq;
  }

  picture(picture: Picture): void {
    this.#deps.operators.show(picture);
  }

  challenge(): void {
    const { record, operators, events, isOver, onChallenge } = this.#deps;
    const page = this.#deps.page();
    if (page?.challenge) this.withdrawMovedOn();
    if (page) noteChallenge(record, page);
    operators.challengeMoved();
    if (isOver()) return;
    events.challenge();
    onChallenge();
    this.#saveThrottle.ask();
  }

  windowsChanged(): void {
    this.#deps.operators.windowsChanged();
  }

  windowShown(): void {
    const { operators, page } = this.#deps;
    operators.windowShown();
    const shown = page();
    if (shown?.hidden) operators.broadcast(visibilityNotice(shown));
    this.challenge();
  }

  solved(verdict: Verdict): void {
    this.#deps.onSolved(verdict);
  }

  /** [W33] Asks the operators whether that was the end, and publishes the event. */
  movedOn(): void {
    if (this.#deps.isOver()) return;
    this.#setMovedOn(Date.now());
    this.#deps.events.movedOn();
    if (this.movedOnMessage) this.#deps.operators.announce(this.movedOnMessage);
  }

  /** [W33] The message that operators got when the page moved on, and later ones get; null: it has not. */
  get movedOnMessage(): ServerMessageOf<"moved_on"> | null {
    return this.#movedOnAt === null ? null : { type: "moved_on", at: new Date(this.#movedOnAt).toISOString() };
  }

  /** [W33] A challenge shows again, or the page is opened again: nobody needs to be asked any more. */
  withdrawMovedOn(): void {
    if (this.#movedOnAt === null || this.#deps.isOver()) return;
    this.#setMovedOn(null);
    this.#deps.operators.announce({ type: "moved_on", at: null });
  }

  /** [S9] On an earlier server the page had moved on at this time, ms since 1970; null: it had not. */
  recallMovedOn(at: number | null): void {
    this.#movedOnAt = at;
  }

  #setMovedOn(at: number | null): void {
    this.#movedOnAt = at;
    this.#deps.saveResumeState({ moved_on: at });
  }

  lost(code: Code): void {
    this.#deps.onLost(code);
  }

  condition(condition: PageCondition): void {
    this.announceCondition(condition, condition === "page_unresponsive" ? condition : null);
  }

  notice(notice: Notice): void {
    this.#deps.operators.broadcast(notice);
  }

  ask(question: Question): boolean {
    return !this.#deps.isOver() && this.#deps.operators.ask(question);
  }

  withdraw(questionId: string): void {
    this.#deps.operators.withdraw(questionId);
  }

  offer(offer: Offer): void {
    if (!this.#deps.isOver()) this.#deps.operators.offer(offer);
  }

  focused(field: FocusedField): void {
    this.#deps.operators.focused(field);
  }

  progress(step: OpeningStep): void {
    if (!this.#deps.isOver()) this.#deps.events.progress(step);
  }

  attemptFailed(why: AttemptFailure): void {
    if (!this.#deps.isOver()) this.#deps.events.attemptFailed(why);
  }

  resumeStateChanged(changed: Partial<ResumeState>): void {
    if (!this.#deps.isOver()) this.#deps.saveResumeState(changed);
  }

  /**
   * [S10] Sends the condition to operators and publishes it for the bot; `code` says why operators cannot act, if there
   * is one.
   */
  announceCondition(notice: (typeof PAGE_CONDITIONS)[number], code: Code | null): void {
    const { record, operators, events } = this.#deps;
    operators.broadcast(conditionNotice(notice, record));
    events.page(notice, code);
  }
}

/** Keeps in the record which part of the page is shown, and what its challenge is. */
export function noteChallenge(record: SessionRecord, { viewport, challenge }: ChallengePage): void {
  const challenge_kind = challenge?.kind ?? record.challenge_kind;
  Object.assign(record, { viewport, captcha_info: challenge, challenge_kind });
}
