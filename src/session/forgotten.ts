/** Ends that nobody came to write or to tell, put right: by the next start after a killed server, or by the next sweep. */
import type { EventFeed } from "./event-feed.ts";
import { endEvent } from "./session-news.ts";
import { LIVING_STATES, move } from "./state.ts";
import type { SessionStore } from "./store.ts";

/** What a killed server left behind: sessions whose pages are gone end as failed / browser_lost, and their ends are told. */
export function endForgotten(store: SessionStore, events: EventFeed): void {
  for (const record of store.list(LIVING_STATES, Number.MAX_SAFE_INTEGER)) {
    const ended = { ...record, state: move(record.state, "failed"), reason: "browser_lost", ended_at: Date.now() };
    store.save(ended);
  }
  tellUntold(store, events);
}

/** Tells the ends that stand and are not in the log, but those that are still on their way. */
export function tellUntold(store: SessionStore, events: EventFeed, isOnItsWay = (_uid: string) => false): void {
  for (const record of store.events.untold()) {
    if (isOnItsWay(record.uid)) continue;
    events.publish(record.uid, endEvent(record, store.storageState(record.uid) !== undefined));
  }
}
