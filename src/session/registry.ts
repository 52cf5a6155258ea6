/** The registry of sessions: living ones, ended ones whose pages are still being closed, and stored ones. */
import { once } from "node:events";
import { AppError } from "../errors.ts";
import type { SessionState } from "../protocol/common.ts";
import type { PageOpener } from "./lifecycle/page-supervisor.ts";
import { type ResumableSession, withLossCodes } from "./lifecycle/resume.ts";
import { Session } from "./lifecycle/session.ts";
import type { OpenPage, ResumePage } from "./ports/page.ts";
import type { ResumeState } from "./ports/resume-state.ts";
import type { SessionRecord } from "./ports/store.ts";
import type { Uploads } from "./ports/uploads.ts";
import { StoreMaintenance, type StoreMaintenanceDeps } from "./store-maintenance.ts";

interface SessionRegistryDeps extends Omit<StoreMaintenanceDeps, "isReleasing"> {
  readonly uploads: Uploads;
  readonly maxTimeoutSeconds: number;
  readonly workingPatienceMs?: number | undefined;
}

export class SessionRegistry {
  readonly #deps: SessionRegistryDeps;
  readonly #living = new Map<string, Session>();
  /** Ended sessions whose pages are still being closed, by uid. */
  readonly #releasing = new Map<string, { readonly id: string; readonly released: Promise<void> }>();
  readonly #maintenance: StoreMaintenance;

  constructor(deps: SessionRegistryDeps) {
    this.#deps = deps;
    this.#maintenance = new StoreMaintenance({ ...deps, isReleasing: (uid) => this.#releasing.has(uid) });
  }

  /** Makes a living session of this record; `onEnd` is called once, as soon as it has ended. */
  begin(record: SessionRecord, opener: PageOpener, onEnd = () => {}): Session {
    const { store, uploads, log, events, maxTimeoutSeconds, workingPatienceMs } = this.#deps;
    const session = new Session(record, opener, {
      store,
      uploads,
      save: (changed) => this.#maintenance.save(changed),
      saveResumeState: (parts) => this.saveResumeState(record, parts),
      log: log.child({ session_id: record.session_id }),
      maxTimeoutSeconds,
      workingPatienceMs,
      publish: (event) => events.publish(record, event),
      onEnd: (ended) => {
        onEnd();
        this.retire(ended);
      },
    });
    this.#living.set(record.session_id, session);
    return session;
  }

  /**
   * Resumes a session of an earlier server with its page; `openPage` opens that again after a crash. Returns at once.
   */
  resume({ record, page, ...earlier }: ResumableSession, openPage: OpenPage, resumePage: ResumePage): void {
    const log = this.#deps.log.child({ session_id: record.session_id });
    this.begin(record, { open: openPage, request: page.request })
      .resume(withLossCodes(resumePage), page, earlier)
      .then(
        () => log.info("came back to a session"),
        (error: unknown) => log.warn({ err: error }, "could not come back to a session"),
      );
  }

  /** Moves an ended or detached session from the living ones to those whose pages are being closed. */
  retire({ record, released }: Session): void {
    this.#living.delete(record.session_id);
    const done = released.finally(() => this.#releasing.delete(record.uid));
    this.#releasing.set(record.uid, { id: record.session_id, released: done });
  }

  /** Stores parts of the resume state. Never throws: see StoreMaintenance. */
  saveResumeState(record: SessionRecord, parts: Partial<ResumeState>): void {
    this.#maintenance.saveResumeState(record, parts);
  }

  all(): readonly Session[] {
    return [...this.#living.values()];
  }

  /** How many sessions live, all and by state, and of how many ended ones the page is still being closed. */
  get open(): { sessions: number; states: Partial<Record<SessionState, number>>; releasing: number } {
    const states: Partial<Record<SessionState, number>> = {};
    for (const { record } of this.#living.values()) states[record.state] = (states[record.state] ?? 0) + 1;
    return { sessions: this.#living.size, states, releasing: this.#releasing.size };
  }

  living(id: string): Session | undefined {
    return this.#living.get(id);
  }

  /** The newest record with this session_id, living or ended. */
  find(id: string): SessionRecord | undefined {
    return this.#living.get(id)?.record ?? this.#maintenance.find(id);
  }

  /** The same. Throws session_not_found. */
  record(id: string): SessionRecord {
    const record = this.find(id);
    if (!record) throw new AppError("session_not_found", { session_id: id });
    return record;
  }

  /** The living session with this id. Throws session_not_found, session_ended. */
  session(id: string): Session {
    const session = this.#living.get(id);
    if (session) return session;
    const { state, reason } = this.record(id);
    throw new AppError("session_ended", { state, reason });
  }

  /** The living session of this very record, not of a newer one with the same session_id. */
  livingOf({ session_id, uid }: SessionRecord): Session | undefined {
    const session = this.#living.get(session_id);
    return session?.record.uid === uid ? session : undefined;
  }

  /** Settles when the page of an ended session is closed and its storage state is stored. */
  released({ uid }: SessionRecord): Promise<void> {
    return this.#releasing.get(uid)?.released ?? Promise.resolve();
  }

  /**
   * An OpenPage that first waits until ended sessions with this id have closed their pages: they use the same profile
   * folder.
   */
  openAfterRelease(id: string, openPage: OpenPage): OpenPage {
    const releasing = [...this.#releasing.values()].filter((ended) => ended.id === id).map(({ released }) => released);
    return async (request, events, signal) => {
      if (releasing.length > 0) await Promise.race([Promise.all(releasing), once(signal, "abort")]);
      signal.throwIfAborted();
      return openPage(request, events, signal);
    };
  }

  /** Waits until all pages are closed, then tries once more to store what could not be stored. */
  async close(): Promise<void> {
    await Promise.all([...this.#releasing.values()].map(({ released }) => released));
    this.#maintenance.stop();
  }
}
