/** Sessions of an earlier server: which can resume with their pages, and how the others end. */
import { AppError, toAppError } from "../../errors.ts";
import type { EventPublisher } from "../../events/event-publisher.ts";
import { type EndState, LIVING_STATES } from "../../protocol/common.ts";
import type { ResumablePage, ResumePage } from "../ports/page.ts";
import type { PageLocator, ResumableControl } from "../ports/resume-state.ts";
import type { ResumeStates, SessionRecord, SessionRecords, StorageStates } from "../ports/store.ts";
import { endEvent } from "./session-event-publisher.ts";
import { move } from "./state-machine.ts";

/** A session whose page may still exist. */
export interface ResumableSession {
  readonly record: SessionRecord;
  readonly page: ResumablePage;
  readonly control: ResumableControl | null;
  /** When the page moved on, ms since 1970; null: nobody is asked. */
  readonly movedOnAt: number | null;
}

/** Codes that end a session which cannot resume as they are; every other error means that its page is gone. */
const CODES_KEPT: ReadonlySet<string> = new Set(["page_closed", "page_crashed"]);

/**
 * The sessions of an earlier server that can resume. The others end here: as expired if their time is up, else as
 * failed / browser_lost. The next sweep publishes their ends.
 */
export function resumableSessions(store: SessionRecords & ResumeStates): ResumableSession[] {
  const resumable: ResumableSession[] = [];
  for (const record of store.list({ states: LIVING_STATES, scope: null, limit: Number.MAX_SAFE_INTEGER })) {
    const stored = store.resumeState(record.uid);
    const { request, place, watch, held = null, control = null, checkpoint = null, moved_on = null } = stored;
    if (record.expires_at <= Date.now()) endLost(store, record, "expired", "timeout");
    else if (record.state === "starting" || !request || !place) endLost(store, record, "failed", "browser_lost");
    else {
      const page = { request, place, watch, held, checkpoint, proxy_port: record.proxy_port };
      resumable.push({ record, control, movedOnAt: moved_on, page });
    }
  }
  return resumable;
}

/** The browser processes that resumable sessions still need, by the names of their profiles. */
export function browsersToKeep(
  resumable: readonly ResumableSession[],
): Map<string, Extract<PageLocator, { kind: "owned" }>> {
  return new Map(
    resumable.flatMap(({ record, page: { place } }) =>
      place.kind === "owned" ? [[place.profile ?? record.session_id, place]] : [],
    ),
  );
}

/** The highest number in the name of an operator that may reconnect: no new operator gets that name. */
export function lastNumber(resumable: readonly ResumableSession[]): number {
  return Math.max(0, ...resumable.map(({ control }) => Number(control?.name.split("-").at(-1)) || 0));
}

/** A ResumePage whose errors say what happened to the page: page_closed, page_crashed or browser_lost. */
export function withLossCodes(resumePage: ResumePage): ResumePage {
  return (...args) =>
    resumePage(...args).catch((error: unknown) => {
      const { code } = toAppError(error);
      if (CODES_KEPT.has(code)) throw error;
      throw new AppError(code === "target_not_found" ? "page_closed" : "browser_lost", undefined, { cause: error });
    });
}

/** Publishes the ends that are stored but not in the event log, except those of sessions that are still releasing. */
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
  store.save({ ...record, state: move(record.state, state), reason, needs_person: false, ended_at: Date.now() });
}
