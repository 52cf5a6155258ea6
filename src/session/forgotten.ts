/** What a killed server left behind, put right at the next start. */
import type { EventFeed } from "./event-feed.ts";
import { endEvent } from "./session-news.ts";
import { LIVING_STATES, move } from "./state.ts";
import type { SessionStore } from "./store.ts";

/** Sessions whose pages are gone end as failed / browser_lost. Their ends are told, and those that nobody came to tell. */
export function endForgotten(store: SessionStore, events: EventFeed): void {
  for (const record of store.list(LIVING_STATES, Number.MAX_SAFE_INTEGER)) {
    const ended = { ...record, state: move(record.state, "failed"), reason: "browser_lost", ended_at: Date.now() };
    store.save(ended);
  }
  for (const record of store.events.untold()) {
    events.publish(record.uid, endEvent(record, store.storageState(record.uid) !== undefined));
  }
}
