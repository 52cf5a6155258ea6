/** [W30] The numbered messages that a session has processed: a repeat is recognised, also after a restart. */
import type { Logger } from "pino";
import { isEnd } from "../../protocol/common.ts";
import type { MessageNumber } from "../../protocol/exactly-once.ts";
import type { ResumeStates, SessionRecord } from "../ports/store.ts";

/** Clients whose numbers are stored: each reload of the console is another client. */
export const MOST_CLIENTS = 32;

type Done = Readonly<Record<string, number>>;

export class ProcessedMessages {
  /** The number of the last processed message of each client; least recent client first. */
  readonly #last: Map<string, number>;
  readonly #save: (done: Done) => void;

  constructor(restored: Done, save: (done: Done) => void) {
    this.#last = new Map(Object.entries(restored));
    this.#save = save;
  }

  /**
   * False for a repeat. A new message is saved as processed before it is: a killed server loses it rather than doing it
   * twice.
   */
  begin({ client, number }: MessageNumber): boolean {
    if (number <= (this.#last.get(client) ?? 0)) return false;
    this.#last.delete(client);
    this.#last.set(client, number);
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= MOST_CLIENTS) break;
      this.#last.delete(oldest);
    }
    this.#save(Object.fromEntries(this.#last));
    return true;
  }
}

/**
 * The processed messages of a session, with those of earlier servers. A failing store is logged and stops no operator.
 */
export function processedMessagesOf(
  record: Readonly<SessionRecord>,
  { store, log }: { readonly store: ResumeStates; readonly log: Logger },
): ProcessedMessages {
  return new ProcessedMessages(store.resumeState(record.uid).done ?? {}, (done) => {
    if (isEnd(record.state)) return;
    try {
      store.saveResumeState(record.uid, { done });
    } catch (error) {
      log.error({ err: error }, "what was done could not be kept");
    }
  });
}
