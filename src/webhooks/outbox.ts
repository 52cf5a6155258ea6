/** Sends webhooks when they are due, and again later if they fail; they stay in the store until delivered or given up. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { Resolve } from "../egress/resolver.ts";
import type { Delivery, DeliveryQueue } from "../events/event-log.ts";
import { deliver, type TryOutcome } from "./delivery.ts";
import { HOURLY_SCHEDULE, nextTry, type Schedule } from "./schedule.ts";

/** At a time in all, and to one host: a receiver that hangs delays its own webhooks only. */
const MAX_SENDING = 16;
const MAX_SENDING_TO_HOST = 4;
/** Tries in progress may finish within so long when the server stops; the next start continues with the rest. */
const STOP_PATIENCE_MS = 1_000;
/** Far below the longest timer; a needless look at the store costs nothing. */
const LONGEST_SLEEP_MS = 60_000;
/** A store that cannot be read or written is asked again after so long. */
const STORE_PAUSE_MS = 5_000;

export interface OutboxDeps {
  readonly queue: DeliveryQueue;
  readonly config: Pick<Config, "urlAllowPrivate" | "webhookSecret">;
  readonly log: Logger;
  readonly schedule?: Schedule;
  /** Of a whole try, ms. */
  readonly deadlineMs?: number;
  readonly resolve?: Resolve;
  /** Ports of this machine that nothing is sent to; none if left out. */
  readonly neverPorts?: () => ReadonlySet<number>;
}

export class Outbox {
  readonly #deps: OutboxDeps;
  readonly #sending = new Map<string, { readonly host: string; readonly done: Promise<void> }>();
  readonly #stopping = new AbortController();
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
  }

  /** Sends what is due, then sleeps until the next is. To be called at the start and whenever something was queued. */
  wake(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    try {
      this.#sendDue();
    } catch (error) {
      this.#deps.log.error({ err: error }, "webhooks could not be read");
      this.#sleep(STORE_PAUSE_MS);
    }
  }

  /** Starts no new try and gives those in progress a moment; what is not delivered then stays in the store. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopped = true;
    const late = setTimeout(() => this.#stopping.abort(), STOP_PATIENCE_MS);
    await Promise.all([...this.#sending.values()].map(({ done }) => done));
    clearTimeout(late);
  }

  #sendDue(): void {
    while (this.#sending.size < MAX_SENDING) {
      const next = this.#deps.queue.next({ ids: [...this.#sending.keys()], hosts: this.#busyHosts() });
      if (!next) return;
      const wait = next.next_at - Date.now();
      if (wait > 0) {
        this.#sleep(wait);
        return;
      }
      const done = this.#send(next).finally(() => {
        this.#sending.delete(next.id);
        this.wake();
      });
      this.#sending.set(next.id, { host: next.host, done });
    }
  }

  #sleep(ms: number): void {
    this.#timer = setTimeout(() => this.wake(), Math.min(ms, LONGEST_SLEEP_MS));
    this.#timer.unref();
  }

  #busyHosts(): string[] {
    const counts = new Map<string, number>();
    for (const { host } of this.#sending.values()) counts.set(host, (counts.get(host) ?? 0) + 1);
    return [...counts].flatMap(([host, count]) => (count >= MAX_SENDING_TO_HOST ? [host] : []));
  }

  async #send(delivery: Delivery): Promise<void> {
    const { config, deadlineMs, resolve, neverPorts } = this.#deps;
    const secret = delivery.secret ?? config.webhookSecret;
    const firstTriedAt = delivery.first_tried_at ?? Date.now();
    const outcome: TryOutcome =
      secret === undefined
        ? { kind: "again", error: "the server has no WEBHOOK_SECRET any more" }
        : await deliver(
            { ...delivery, secret },
            {
              allowPrivate: config.urlAllowPrivate,
              signal: this.#stopping.signal,
              ...(deadlineMs === undefined ? {} : { deadlineMs }),
              ...(resolve === undefined ? {} : { resolve }),
              ...(neverPorts === undefined ? {} : { neverPorts }),
            },
          );
    // Aborted because the server stops: does not count as a try.
    if (outcome.kind === "again" && this.#stopping.signal.aborted) return;
    try {
      this.#settle(delivery, firstTriedAt, outcome);
    } catch (error) {
      this.#deps.log.error({ err: error, webhook_id: delivery.id }, "the outcome of a webhook could not be stored");
      // It is still due in the store: without a pause it would be sent again and again.
      await delay(STORE_PAUSE_MS, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  #settle({ id, host, tries }: Delivery, firstTriedAt: number, outcome: TryOutcome): void {
    const { queue, log, schedule = HOURLY_SCHEDULE } = this.#deps;
    const facts = { webhook_id: id, host, tries: tries + 1 };
    if (outcome.kind === "delivered") {
      queue.delivered(id);
      log.debug(facts, "webhook delivered");
      return;
    }
    const { kind, error } = outcome;
    const trial = { tries: tries + 1, firstTriedAt, now: Date.now(), chance: Math.random() };
    const nextAt = kind === "gone" ? null : nextTry(schedule, trial);
    if (nextAt === null) {
      queue.failed(id, error, kind === "gone");
      log.error({ ...facts, error }, "webhook given up");
      return;
    }
    queue.retry(id, { firstTriedAt, nextAt, error });
    log.warn({ ...facts, error, next_at: new Date(nextAt).toISOString() }, "webhook failed, to be tried again");
  }
}
