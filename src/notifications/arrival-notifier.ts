/** Posts to chat channels that a session waits for an operator, once per session, and its end if the channel wants it. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { EventPublisher } from "../events/event-publisher.ts";
import type { PublishedEvent } from "../events/published-event.ts";
import type { ArrivalChannel } from "../protocol/arrival-channels.ts";
import type { SessionRecord } from "../session/ports/store.ts";
import { type ArrivalFacts, arrivalPost } from "./channel-formats.ts";

/** Of one try. */
const DEADLINE_MS = 10_000;
/** After so many the message is too late to be of use. */
const TRIES = 3;
const WAIT_MS = 5_000;
/** Messages that wait for one channel; more are dropped, to bound the memory. */
const MAX_WAITING = 200;
/** Characters of an answer that are read, to recognise a refusal. */
const MAX_ANSWER_LENGTH = 300;

export interface ArrivalNotifierDeps {
  readonly channels: readonly ArrivalChannel[];
  readonly events: Pick<EventPublisher, "onEvent">;
  /** The newest record with this id. */
  readonly find: (sessionId: string) => SessionRecord | undefined;
  /** An operator link to the session; throws if it has ended. */
  readonly linkTo: (sessionId: string) => Promise<string>;
  readonly log: Logger;
  /** By uid: sessions that an earlier server has notified of. */
  readonly notified: readonly string[];
  /** Between tries; 5 s if left out. */
  readonly waitMs?: number;
}

export class ArrivalNotifier {
  readonly #deps: ArrivalNotifierDeps;
  readonly #stop = new AbortController();
  readonly #stopListening: () => void;
  /** By uid: sessions that were notified of and have not ended. */
  readonly #notified: Set<string>;
  readonly #queues: readonly ChannelQueue[];

  constructor(deps: ArrivalNotifierDeps) {
    this.#deps = deps;
    this.#notified = new Set(deps.notified);
    this.#queues = deps.channels.map((channel) => new ChannelQueue(channel, deps, this.#stop.signal));
    this.#stopListening = deps.channels.length === 0 ? () => {} : deps.events.onEvent((event) => this.#onEvent(event));
  }

  /** Drops the messages that wait: an arrival that is posted after the next start is posted too late. */
  async close(): Promise<void> {
    this.#stopListening();
    this.#stop.abort();
    await Promise.all(this.#queues.map((queue) => queue.idle));
  }

  #onEvent({ event, subject: { uid, label } }: PublishedEvent): void {
    if (event.type === "session.ended") {
      if (this.#notified.delete(uid)) this.#notify("end", event.data.session_id, label);
      return;
    }
    if (event.type !== "session.state") return;
    const { state, operators, needs_person } = event.data;
    if (state !== "waiting" || operators > 0 || !needs_person || this.#notified.has(uid)) return;
    this.#notified.add(uid);
    this.#notify("arrival", event.data.session_id, label);
  }

  #notify(what: "arrival" | "end", id: string, label: string | null): void {
    const record = this.#deps.find(id);
    const queues = this.#queues.filter((queue) => queue.wants(what, label));
    if (!record || queues.length === 0) return;
    void this.#factsOf(record, what).then((facts) => {
      for (const queue of queues) queue.add(what, facts);
    });
  }

  async #factsOf(record: SessionRecord, what: "arrival" | "end"): Promise<ArrivalFacts> {
    const { session_id, label, instructions, url, expires_at, reason, state } = record;
    const link = what === "arrival" ? await this.#deps.linkTo(session_id).catch(() => null) : null;
    return {
      session_id,
      label: label ?? session_id,
      instructions,
      site: URL.parse(url)?.host ?? null,
      link,
      minutes: String(Math.max(1, Math.round((expires_at - Date.now()) / 60_000))),
      outcome: what === "end" ? state : null,
      reason: what === "end" ? reason : null,
    };
  }
}

/** The messages of one channel, sent one after the other, so that a channel that hangs delays no other. */
class ChannelQueue {
  readonly #channel: ArrivalChannel;
  readonly #log: Logger;
  readonly #stop: AbortSignal;
  readonly #waitMs: number;
  #waiting: (() => Promise<void>)[] = [];
  #working: Promise<void> | null = null;

  constructor(channel: ArrivalChannel, { log, waitMs = WAIT_MS }: ArrivalNotifierDeps, stop: AbortSignal) {
    this.#channel = channel;
    // Never the whole URL: whoever has it can post to the channel.
    this.#log = log.child({ channel: new URL(channel.url).host });
    this.#stop = stop;
    this.#waitMs = waitMs;
  }

  get idle(): Promise<void> {
    return this.#working ?? Promise.resolve();
  }

  wants(what: "arrival" | "end", label: string | null): boolean {
    const { labels, end } = this.#channel;
    return (what === "arrival" || end !== undefined) && (!labels || (label !== null && labels.includes(label)));
  }

  add(what: "arrival" | "end", facts: ArrivalFacts): void {
    if (this.#stop.aborted) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#log.error({ session_id: facts.session_id }, "an arrival notice was dropped: too many wait");
      return;
    }
    this.#waiting.push(() => this.#send(what, facts));
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await next();
    this.#working = null;
  }

  async #send(what: "arrival" | "end", facts: ArrivalFacts): Promise<void> {
    let error = "";
    for (let attempt = 1; attempt <= TRIES && !this.#stop.aborted; attempt += 1) {
      if (attempt > 1) await delay(this.#waitMs * attempt, undefined, { signal: this.#stop }).catch(() => {});
      const { url, body } = arrivalPost(this.#channel, what, facts, Date.now());
      error = await post(url, body, this.#stop);
      if (error === "") return;
    }
    if (!this.#stop.aborted) this.#log.error({ session_id: facts.session_id, error }, "an arrival notice was given up");
  }
}

/** Why the channel did not take the message; empty if it did. Never throws. */
async function post(url: string, body: string, stop: AbortSignal): Promise<string> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "captcha-remote" },
      body,
      redirect: "manual",
      signal: AbortSignal.any([stop, AbortSignal.timeout(DEADLINE_MS)]),
    });
    const answer = await beginningOf(response);
    if (!response.ok) return `answered ${response.status}`;
    // Feishu and DingTalk answer 200 to what they refuse.
    const refused = /"(?:code|errcode)"\s*:\s*-?[1-9]/.exec(answer);
    return refused ? `answered ${refused[0]}` : "";
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string } };
    return name === "TimeoutError" ? `no answer after ${DEADLINE_MS} ms` : (cause?.code ?? name);
  }
}

async function beginningOf({ body }: Response): Promise<string> {
  let text = "";
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.length >= MAX_ANSWER_LENGTH) break;
  }
  return text.slice(0, MAX_ANSWER_LENGTH);
}
