/** Bounds the audit entries of one session, or of a key's relays, from acts that a client can repeat as fast as it likes. */
import type { Action } from "../protocol/audit.ts";

/** The most repeatable acts in a window: no person takes control, or extends, more than once a second. */
const MAX_REPEATS = 60;
const WINDOW_MS = 60_000;
/** More sessions than can live at a time; the oldest are dropped first. */
const MAX_SESSIONS = 10_000;

const REPEATABLE: ReadonlySet<Action> = new Set<Action>([
  "operator.join",
  "operator.leave",
  "control.take",
  "control.release",
  "session.extend",
  "state.export",
  "link.create",
  "link.revoke",
  "code.create",
  "relay.open",
  "relay.close",
]);

interface RateWindow {
  startedAt: number;
  count: number;
  leftOut: number;
}

export class Allowance {
  readonly #windows = new Map<string, RateWindow>();

  /**
   * Whether this act may make an entry; if not, it is counted. `leftOut` is the number of acts that were not recorded
   * since the last entry of the same `of`: a session's id, or whoever acts on none.
   * @param now monotonic ms
   */
  ask(of: string, action: Action, now: number): { readonly allowed: boolean; readonly leftOut: number } {
    const window = this.#windows.get(of) ?? { startedAt: now, count: 0, leftOut: 0 };
    if (now - window.startedAt > WINDOW_MS) Object.assign(window, { startedAt: now, count: 0 });
    if (action === "session.end") this.#windows.delete(of);
    else this.#keep(of, window);
    if (REPEATABLE.has(action)) window.count += 1;
    if (REPEATABLE.has(action) && window.count > MAX_REPEATS) {
      window.leftOut += 1;
      return { allowed: false, leftOut: 0 };
    }
    const { leftOut } = window;
    window.leftOut = 0;
    return { allowed: true, leftOut };
  }

  #keep(of: string, window: RateWindow): void {
    this.#windows.set(of, window);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > MAX_SESSIONS && oldest !== undefined) this.#windows.delete(oldest);
  }
}
