/** Sessions of an earlier server: which may go on with their pages, and how the others end. */
import { AppError, toAppError } from "../../errors.ts";
import type { EventPublisher } from "../../events/event-publisher.ts";
import { type EndState, LIVING_STATES } from "../../protocol/common.ts";
import type { ResumablePage, ResumePage } from "../ports/page.ts";
import type { PageLocator, ResumableControl } from "../ports/resume-state.ts";
import type { ResumeStates, SessionRecord, SessionRecords, StorageStates } from "../ports/store.ts";
import { endEvent } from "./session-event-publisher.ts";
import { move } from "./state-machine.ts";

/** A session whose page may still be there. */
export interface ResumableSession {
  readonly record: SessionRecord;
  readonly page: ResumablePage;
  readonly control: ResumableControl | null;
}

/** What ends a session that was come back to in vain, as it is; anything else says that its page is gone. */
const CODES_KEPT: ReadonlySet<string> = new Set(["page_closed", "page_crashed"]);

/**
 * What an earlier server left behind. Sessions that cannot go on end here, as expired where their time is up and as
 * failed / browser_lost otherwise; they are told with the next sweep.
 */
export function resumableSessions(store: SessionRecords & ResumeStates): ResumableSession[] {
  const resumable: ResumableSession[] = [];
  for (const record of store.list({ states: LIVING_STATES, scope: null, limit: Number.MAX_SAFE_INTEGER })) {
    const { request, place, watch, held = null, control = null, checkpoint = null } = store.resumeState(record.uid);
    if (record.expires_at <= Date.now()) endLost(store, record, "expired", "timeout");
    else if (record.state === "starting" || !request || !place) endLost(store, record, "failed", "browser_lost");
    else {
      const page = { request, place, watch, held, checkpoint, proxy_port: record.proxy_port };
      resumable.push({ record, control, page });
    }
  }
  return resumable;
}

/** The browsers that are still needed: the process by the session's id. */
export function browsersToKeep(
  resumable: readonly ResumableSession[],
): Map<string, Extract<PageLocator, { kind: "owned" }>> {
  return new Map(
    resumable.flatMap(({ record, page: { place } }) => (place.kind === "owned" ? [[record.session_id, place]] : [])),
  );
}

/** The highest number in an operator's name: nobody is to have the name of somebody who is waited for. */
export function lastNumber(resumable: readonly ResumableSession[]): number {
  return Math.max(0, ...resumable.map(({ control }) => Number(control?.name.split("-").at(-1)) || 0));
}

/** A way back whose errors say what became of the page. */
export function withLossCodes(resumePage: ResumePage): ResumePage {
  return (...args) =>
    resumePage(...args).catch((error: unknown) => {
      const { code } = toAppError(error);
      if (CODES_KEPT.has(code)) throw error;
      throw new AppError(code === "target_not_found" ? "page_closed" : "browser_lost", undefined, { cause: error });
    });
}

/** Publishes the ends that stand and are not in the log, except those that are still on their way. */
export function publishMissedEnds(
  store: Pick<SessionRecords & StorageStates, "missedEnds" | "storageState">,
  events: EventPublisher,
  isReleasing: (uid: string) => boolean = () => false,
): void {
  for (const record of store.missedEnds()) {
    if (isReleasing(record.uid)) continue;
    events.publish(record, endEvent(record, store.storageState(record.uid) !== undefined));
  }
}

function endLost(store: SessionRecords, record: SessionRecord, state: EndState, reason: string): void {
  store.save({ ...record, state: move(record.state, state), reason, ended_at: Date.now() });
}
