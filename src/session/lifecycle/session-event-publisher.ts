/** Publishes the events of a session: each change once, and frequent ones throttled. */
import { randomUUID } from "node:crypto";
import type { Code } from "../../errors.ts";
import { type CaptchaInfo, isEnd } from "../../protocol/common.ts";
import {
  type CHALLENGE_CHANGES,
  PROGRESS,
  type ProgressStep,
  type SessionEvent,
  type SessionEventOf,
} from "../../protocol/events.ts";
import { isMove, isRelease } from "../../protocol/moves.ts";
import { Throttle } from "../../util/throttle.ts";
import type { ClaimFacts } from "../operators/claim.ts";
import type { AttemptFailure, PageInput } from "../ports/page.ts";
import type { SessionRecord } from "../ports/store.ts";
import type { Warning } from "./deadline.ts";
import { outcomeOf } from "./outcome.ts";

/** A dragged challenge moves with every scan, and control can change with every message. */
const THROTTLE_MS = 1_000;

/** The current facts about a living session that are not in its record. */
export interface LiveFacts {
  readonly operators: number;
  readonly holder: string | null;
  readonly challenge: CaptchaInfo | null;
}

/** Those of an ended session. */
export const NO_LIVE_FACTS: LiveFacts = { operators: 0, holder: null, challenge: null };

/** An event without its id and timestamp. */
type EventBody<E extends SessionEvent> = E extends SessionEvent ? Pick<E, "type" | "data"> : never;

interface SessionEventPublisherDeps {
  readonly record: Readonly<SessionRecord> & Pick<SessionRecord, "operator_came">;
  readonly liveFacts: () => LiveFacts;
  readonly publish: (event: SessionEvent) => void;
}

export class SessionEventPublisher {
  readonly #deps: SessionEventPublisherDeps;
  #publishedState = "";
  #publishedHolder: string | null = null;
  #publishedChallenge: CaptchaInfo | null = null;
  #publishedStep: ProgressStep | null = null;
  #attempts = 0;
  readonly #controlThrottle = new Throttle(() => this.#publishControl(), THROTTLE_MS);
  readonly #stateThrottle = new Throttle(() => this.#publishState(), THROTTLE_MS);
  readonly #challengeThrottle = new Throttle(() => this.#publishChallenge(), THROTTLE_MS);
  readonly #movedOnThrottle = new Throttle(() => this.#publishMovedOn(), THROTTLE_MS);

  constructor(deps: SessionEventPublisherDeps) {
    this.#deps = deps;
  }

  created(): void {
    const { session_id, label, expires_at } = this.#deps.record;
    this.#publish({
      type: "session.created",
      data: { session_id, label, expires_at: new Date(expires_at).toISOString() },
    });
  }

  /**
   * The state, the deadline or whether a person is needed may have changed. The first state and the end are published at once, others at most once
   * a second.
   */
  state(): void {
    if (this.#deps.record.state === "waiting" && this.#publishedStep === "challenge") this.progress("waiting");
    if (this.#publishedState === "" || isEnd(this.#deps.record.state)) this.#publishState();
    else if (this.#stateNow !== this.#publishedState) this.#stateThrottle.ask();
  }

  /** The session resumes: what the earlier server published is not published again. */
  resumed({ holder, challenge }: Pick<LiveFacts, "holder" | "challenge">): void {
    this.#publishedState = this.#stateNow;
    this.#publishedHolder = holder;
    this.#publishedChallenge = challenge;
  }

  joined(operator: string): void {
    const { record } = this.#deps;
    const first = !record.operator_came;
    record.operator_came = true;
    this.#publish({ type: "session.operator_joined", data: { ...this.#who(operator), first } });
    if (first) this.progress("opened");
  }

  left(operator: string): void {
    this.#publish({ type: "session.operator_left", data: this.#who(operator) });
  }

  /** The holder of control may have changed: published at once, then at most once a second. */
  control(): void {
    if (this.#deps.liveFacts().holder !== this.#publishedHolder) this.#controlThrottle.ask();
  }

  /** The challenge was found, has moved or is lost: published at once, then at most once a second. */
  challenge(): void {
    if (changeOf(this.#publishedChallenge, this.#deps.liveFacts().challenge)) this.#challengeThrottle.ask();
  }

  /** The condition of the page has changed; `code` says why operators cannot act, null that they can again. */
  page(condition: SessionEventOf<"session.page">["data"]["condition"], code: Code | null): void {
    this.#publish({ type: "session.page", data: { session_id: this.#deps.record.session_id, condition, code } });
  }

  /** The page has moved on after a person acted: published at once, then at most once a second. */
  movedOn(): void {
    this.#movedOnThrottle.ask();
  }

  /** [R19] An operator has claimed the session in the inbox, or the claim has ended. */
  claimed(claim: ClaimFacts): void {
    this.#publish({ type: "session.claimed", data: { session_id: this.#deps.record.session_id, ...claim } });
  }

  /** [S8] The deadline is near. */
  expiring({ expires_at, seconds_left }: Warning): void {
    const { session_id } = this.#deps.record;
    this.#publish({ type: "session.expiring", data: { session_id, expires_at, seconds_left } });
  }

  /** The session has reached this step; the same step is not published twice in a row. */
  progress(step: ProgressStep): void {
    if (step === this.#publishedStep) return;
    this.#publishedStep = step;
    const { session_id } = this.#deps.record;
    this.#publish({ type: "session.progress", data: { session_id, step, ...PROGRESS[step] } });
  }

  /** An operator in control has acted. */
  acted(input: PageInput): void {
    if (!isMove(input) && !isRelease(input)) this.progress("attempt");
  }

  attemptFailed(why: AttemptFailure): void {
    const { session_id } = this.#deps.record;
    this.#attempts += 1;
    this.#publish({ type: "session.attempt_failed", data: { session_id, attempts: this.#attempts, why } });
    this.progress("failed_attempt");
  }

  /** Stops the throttles: from now on only the end is published. */
  stop(): void {
    this.#controlThrottle.stop();
    this.#stateThrottle.stop();
    this.#challengeThrottle.stop();
    this.#movedOnThrottle.stop();
  }

  ended(hasStorageState: boolean): void {
    if (this.#deps.record.state === "solved") this.progress("solved");
    this.#deps.publish(endEvent(this.#deps.record, hasStorageState));
  }

  get #stateNow(): string {
    const { state, expires_at, needs_person } = this.#deps.record;
    return `${state} ${expires_at} ${needs_person}`;
  }

  #publishState(): void {
    if (this.#stateNow === this.#publishedState) return;
    this.#publishedState = this.#stateNow;
    const live = this.#deps.liveFacts();
    this.#publishedHolder = live.holder;
    this.#publishedChallenge = live.challenge;
    this.#deps.publish(stateEvent(this.#deps.record, live));
  }

  #publishControl(): void {
    const { holder } = this.#deps.liveFacts();
    if (holder === this.#publishedHolder) return;
    this.#publishedHolder = holder;
    this.#publish({ type: "session.control", data: { session_id: this.#deps.record.session_id, holder } });
  }

  #publishChallenge(): void {
    const { challenge } = this.#deps.liveFacts();
    const change = changeOf(this.#publishedChallenge, challenge);
    if (!change) return;
    this.#publishedChallenge = challenge;
    const { session_id } = this.#deps.record;
    this.#publish({ type: "session.challenge", data: { session_id, change, captcha_info: challenge } });
  }

  #publishMovedOn(): void {
    this.#publish({ type: "session.moved_on", data: { session_id: this.#deps.record.session_id } });
  }

  #who(operator: string) {
    return { session_id: this.#deps.record.session_id, operator, operators: this.#deps.liveFacts().operators };
  }

  #publish(body: EventBody<SessionEvent>): void {
    this.#deps.publish(makeEvent(body));
  }
}

/** Null if nothing has changed. */
function changeOf(before: CaptchaInfo | null, now: CaptchaInfo | null): (typeof CHALLENGE_CHANGES)[number] | null {
  if (JSON.stringify(before) === JSON.stringify(now)) return null;
  if (before === null) return "found";
  if (now === null) return "lost";
  const isSame = before.selector === now.selector && before.kind === now.kind && before.in_iframe === now.in_iframe;
  return isSame ? "moved" : "replaced";
}

/** The current state as an event, with a new id. */
export function stateEvent(record: SessionRecord, { operators, holder, challenge }: LiveFacts): SessionEvent {
  const { session_id, state, reason, verified, expires_at, needs_person } = record;
  const data = {
    session_id,
    state,
    reason,
    verified,
    expires_at: new Date(expires_at).toISOString(),
    operators,
    holder,
    captcha_info: challenge,
    needs_person,
  };
  return makeEvent({ type: "session.state", data });
}

/**
 * The end as an event. Its id derives from the session's: if the next server publishes the end again, it is the same
 * event.
 */
export function endEvent(record: SessionRecord, hasStorageState: boolean): SessionEvent {
  const data = { session_id: record.session_id, ...outcomeOf(record, hasStorageState) };
  const event = makeEvent({ type: "session.ended", data }, record.ended_at ?? Date.now());
  return { ...event, id: `evt_${record.uid}_ended` };
}

function makeEvent(body: EventBody<SessionEvent>, at = Date.now()): SessionEvent {
  return { id: `evt_${randomUUID()}`, timestamp: new Date(at).toISOString(), ...body };
}
