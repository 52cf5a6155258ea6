/** [W52] Back and reload for an operator, as the buttons of a browser: for pages that this server has opened. */
import { AppError } from "../../errors.ts";
import type { NavigateAction } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { CALL_DEADLINE_MS, type CdpSender } from "../cdp/connection.ts";

export class PageHistory {
  readonly #session: CdpSender;

  constructor(session: CdpSender) {
    this.#session = session;
  }

  /** Resolves when the browser has begun. Rejects with AppError invalid_message (nothing to go back to), timeout. */
  async navigate(action: NavigateAction): Promise<void> {
    if (action === "reload") {
      await within(this.#session.send("Page.reload"));
      return;
    }
    const { currentIndex, entries } = await within(this.#session.send("Page.getNavigationHistory"));
    const before = entries[currentIndex - 1];
    // The empty page that the browser began with is no page of the session.
    if (!before || !/^https?:/.test(before.url)) {
      throw new AppError("invalid_message", { field: "action", why: "there is no page before this one" });
    }
    await within(this.#session.send("Page.navigateToHistoryEntry", { entryId: before.id }));
  }
}

function within<T>(work: Promise<T>): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, "page");
}
