/** Answers the dialogs of the windows that an owned page opens, so that they do not hang. */
import type { Logger } from "pino";
import type { BrowserContext, Dialog, Page } from "playwright";
import { withDeadline } from "../../util/with-deadline.ts";
import { acceptedByDefault } from "../assist/page-dialogs.ts";
import type { NoticeLimiter } from "./notice-limiter.ts";

const DIALOG_DEADLINE_MS = 2_000;

export class DialogsAndPopups {
  readonly #log: Logger;
  readonly #notices: NoticeLimiter;

  constructor(context: BrowserContext, page: Page, log: Logger, notices: NoticeLimiter) {
    this.#log = log;
    this.#notices = notices;
    // PageDialogs answers those of the page itself. Without a listener Playwright would dismiss them.
    page.on("dialog", () => {});
    context.on("page", (popup) => popup.on("dialog", (dialog) => void this.#onDialog(dialog)));
  }

  async #onDialog(dialog: Dialog): Promise<void> {
    const kind = dialog.type() as "alert" | "confirm" | "prompt" | "beforeunload";
    const accept = acceptedByDefault(kind);
    const answer = withDeadline(accept ? dialog.accept() : dialog.dismiss(), DIALOG_DEADLINE_MS, "dialog");
    await answer.catch((error: unknown) => this.#log.warn({ err: error, kind }, "dialog could not be answered"));
    const message = dialog.message().slice(0, 1_000);
    this.#notices.publish({ type: "dialog", kind, message, answer: accept ? "accepted" : "dismissed" });
  }
}
