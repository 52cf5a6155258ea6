/** Keeps what the page had at the end: cookies and local storage, for the result [R11]. */
import type { Logger } from "pino";
import { withDeadline } from "../util/with-deadline.ts";
import type { ChallengePage } from "./ports/page.ts";
import type { SessionStore } from "./ports/store.ts";

const STORAGE_STATE_DEADLINE_MS = 3_000;

/** Whether there was a storage state and it is kept now. */
export async function keepStorageState(
  page: ChallengePage,
  uid: string,
  { store, log }: { readonly store: SessionStore; readonly log: Logger },
): Promise<boolean> {
  try {
    const state = await withDeadline(page.storageState(), STORAGE_STATE_DEADLINE_MS, "storage state");
    if (state) store.saveStorageState(uid, state);
    return state !== null;
  } catch (error) {
    log.warn({ err: error }, "storage state could not be kept");
    return false;
  }
}
