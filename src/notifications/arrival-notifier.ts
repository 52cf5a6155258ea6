/** Tells people that a session needs one of them, once a session, where the configuration says; and its end, where that is wished. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { EventFeed } from "../events/event-feed.ts";
import type { PublishedEvent } from "../events/published-event.ts";
import type { ArrivalChannel } from "../protocol/arrival-channels.ts";
import type { SessionRecord } from "../session/ports/store.ts";
import { type ArrivalFacts, arrivalPost } from "./channel-formats.ts";

/** One try; a channel that hangs holds up nobody else. */
const DEADLINE_MS = 10_000;
/** Then it is too late to be of use. */
const TRIES = 3;
const WAIT_MS = 5_000;
/** Messages to one channel that wait; a channel is not worth more memory. */
const MOST_WAITING = 200;
/** Of an answer nothing is used but these first bytes, for the log. */
const MOST_ANSWER = 300;

export interface ArrivalNotifierDeps {
  readonly channels: readonly ArrivalChannel[];
  readonly events: Pick<EventFeed, "onEvent">;
  /** The newest record with this id. */
  readonly find: (sessionId: string) => SessionRecord | undefined;
  /** A link that opens it; throws where it has ended. */
  readonly linkTo: (sessionId: string) => Promise<string>;
  readonly log: Logger;
  /** By uid: sessions that an earlier server has told of. */
  readonly told: readonly string[];
  /** Between tries; 5 s when left out. */
  readonly waitMs?: number;
}

export class ArrivalNotifier {
  readonly #deps: ArrivalNotifierDeps;
  readonly #stop = new AbortController();
  readonly #stopListening: () => void;
  /** Sessions that were told of and have not ended, by uid. */
  readonly #told: Set<string>;
  readonly #lines: readonly ChannelQueue[];

  constructor(deps: ArrivalNotifierDeps) {
    this.#deps = deps;
    this.#told = new Set(deps.told);
    this.#lines = deps.channels.map((channel) => new ChannelQueue(channel, deps, this.#stop.signal));
    this.#stopListening = deps.channels.length === 0 ? () => {} : deps.events.onEvent((told) => this.#onEvent(told));
  }

  /** What waits is given up: an arrival that is told after the next start is told too late. */
  async close(): Promise<void> {
    this.#stopListening();
    this.#stop.abort();
    await Promise.all(this.#lines.map((line) => line.idle));
  }

  #onEvent({ event, subject: { uid, label } }: PublishedEvent): void {
    if (event.type === "session.ended") {
      if (this.#told.delete(uid)) this.#tell("end", event.data.session_id, label);
      return;
    }
    const needsSomebody =
      event.type === "session.state" && event.data.state === "waiting" && event.data.operators === 0;
    if (!needsSomebody || this.#told.has(uid)) return;
    this.#told.add(uid);
    this.#tell("arrival", event.data.session_id, label);
  }

  #tell(what: "arrival" | "end", id: string, label: string | null): void {
    const record = this.#deps.find(id);
    const lines = this.#lines.filter((line) => line.wants(what, label));
    if (!record || lines.length === 0) return;
    void this.#factsOf(record, what).then((facts) => {
      for (const line of lines) line.say(what, facts);
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

/** One channel: its messages one after the other, in order. */
class ChannelQueue {
  readonly #channel: ArrivalChannel;
  readonly #log: Logger;
  readonly #stop: AbortSignal;
  readonly #waitMs: number;
  #waiting: (() => Promise<void>)[] = [];
  #working: Promise<void> | null = null;

  constructor(channel: ArrivalChannel, { log, waitMs = WAIT_MS }: ArrivalNotifierDeps, stop: AbortSignal) {
    this.#channel = channel;
    // Never the whole address: it is what lets anybody post there.
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

  say(what: "arrival" | "end", facts: ArrivalFacts): void {
    if (this.#stop.aborted) return;
    if (this.#waiting.length >= MOST_WAITING) {
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
    for (let tried = 1; tried <= TRIES && !this.#stop.aborted; tried += 1) {
      if (tried > 1) await delay(this.#waitMs * tried, undefined, { signal: this.#stop }).catch(() => {});
      const { url, body } = arrivalPost(this.#channel, what, facts, Date.now());
      error = await post(url, body, this.#stop);
      if (error === "") return;
    }
    if (!this.#stop.aborted) this.#log.error({ session_id: facts.session_id, error }, "an arrival notice was given up");
  }
}

/** Empty where it was taken; else why not. */
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
    if (text.length >= MOST_ANSWER) break;
  }
  return text.slice(0, MOST_ANSWER);
}
