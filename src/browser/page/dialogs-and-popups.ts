/** Bounds the popups of an owned page, and answers their dialogs, so that they do not hang. */
import type { Logger } from "pino";
import type { BrowserContext, Dialog, Page } from "playwright";
import { withDeadline } from "../../util/with-deadline.ts";
import { acceptedByDefault } from "../assist/page-dialogs.ts";
import type { NoticeLimiter } from "./notice-limiter.ts";

const DIALOG_DEADLINE_MS = 2_000;
const CLOSE_DEADLINE_MS = 2_000;
/** The popups that a page may have at a time; more are closed. */
const MAX_POPUPS = 3;

export class DialogsAndPopups {
  readonly #context: BrowserContext;
  readonly #log: Logger;
  readonly #notices: NoticeLimiter;

  constructor(context: BrowserContext, page: Page, log: Logger, notices: NoticeLimiter) {
    this.#context = context;
    this.#log = log;
    this.#notices = notices;
    // PageDialogs answers those of the page itself. Without a listener Playwright would dismiss them.
    page.on("dialog", () => {});
    context.on("page", (popup) => void this.#onPopup(popup));
  }

  async #onDialog(dialog: Dialog): Promise<void> {
    const kind = dialog.type() as "alert" | "confirm" | "prompt" | "beforeunload";
    const accept = acceptedByDefault(kind);
    const answer = withDeadline(accept ? dialog.accept() : dialog.dismiss(), DIALOG_DEADLINE_MS, "dialog");
    await answer.catch((error: unknown) => this.#log.warn({ err: error, kind }, "dialog could not be answered"));
    const message = dialog.message().slice(0, 1_000);
    this.#notices.publish({ type: "dialog", kind, message, answer: accept ? "accepted" : "dismissed" });
  }

  async #onPopup(popup: Page): Promise<void> {
    popup.on("dialog", (dialog) => void this.#onDialog(dialog));
    if (this.#context.pages().length - 1 > MAX_POPUPS) {
      await withDeadline(popup.close(), CLOSE_DEADLINE_MS, "popup").catch(() => {});
      return;
    }
    await popup.waitForLoadState("domcontentloaded", { timeout: DIALOG_DEADLINE_MS }).catch(() => {});
    this.#notices.publish({ type: "page_notice", notice: "popup", url: popup.url() });
  }
}
