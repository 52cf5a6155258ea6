/** [W30] Which numbered messages a session has done, so that a repeat is told from news, also after a restart. */
import type { Logger } from "pino";
import { isEnd } from "../../protocol/common.ts";
import type { MessageNumber } from "../../protocol/exactly-once.ts";
import type { PageMemories, SessionRecord } from "../ports/store.ts";

/** A person reloads the console now and then, and each time is another client. */
export const MOST_CLIENTS = 32;

type Done = Readonly<Record<string, number>>;

export class ProcessedMessages {
  /** The number of the last message that was done, of each client; least recent first. */
  readonly #last: Map<string, number>;
  readonly #keep: (done: Done) => void;

  constructor(remembered: Done, keep: (done: Done) => void) {
    this.#last = new Map(Object.entries(remembered));
    this.#keep = keep;
  }

  /** False for one that was done. News counts as done before it is: rather not done than twice, should we be killed. */
  begin({ client, number }: MessageNumber): boolean {
    if (number <= (this.#last.get(client) ?? 0)) return false;
    this.#last.delete(client);
    this.#last.set(client, number);
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= MOST_CLIENTS) break;
      this.#last.delete(oldest);
    }
    this.#keep(Object.fromEntries(this.#last));
    return true;
  }
}

/** Those of a session, with what is remembered of an earlier life of it. A store that fails stops nobody from working. */
export function processedMessagesOf(
  record: Readonly<SessionRecord>,
  { store, log }: { readonly store: PageMemories; readonly log: Logger },
): ProcessedMessages {
  return new ProcessedMessages(store.memory(record.uid).done ?? {}, (done) => {
    if (isEnd(record.state)) return;
    try {
      store.remember(record.uid, { done });
    } catch (error) {
      log.error({ err: error }, "what was done could not be kept");
    }
  });
}
