/** What a page does beside its challenge: dialogs are answered so that it does not hang, and the operator is told. */
import type { Logger } from "pino";
import type { BrowserContext, Dialog, Page } from "playwright";
import { withDeadline } from "../deadline.ts";
import type { Notice } from "../session/page.ts";

const DIALOG_DEADLINE_MS = 2_000;
const CLOSE_DEADLINE_MS = 2_000;
/** Popups a page may have at a time; more are closed. */
const MAX_POPUPS = 3;
/** A page may call alert() in a loop; nobody reads more than a few a second. */
const MAX_NOTICES = 5;
const NOTICE_WINDOW_MS = 2_000;

export class PageNotices {
  readonly #context: BrowserContext;
  readonly #log: Logger;
  readonly #onNotice: (notice: Notice) => void;
  #noticedAt: number[] = [];
  #stopped = false;

  constructor(context: BrowserContext, page: Page, log: Logger, onNotice: (notice: Notice) => void) {
    this.#context = context;
    this.#log = log;
    this.#onNotice = onNotice;
    page.on("dialog", (dialog) => void this.#onDialog(dialog));
    context.on("page", (popup) => void this.#onPopup(popup));
  }

  /** From here on nothing is told; dialogs are still answered. */
  stop(): void {
    this.#stopped = true;
  }

  tell(notice: Notice): void {
    const now = performance.now();
    this.#noticedAt = this.#noticedAt.filter((at) => now - at < NOTICE_WINDOW_MS);
    if (this.#stopped || this.#noticedAt.length >= MAX_NOTICES) return;
    this.#noticedAt.push(now);
    this.#onNotice(notice);
  }

  /** What only tells is accepted, what asks is dismissed. */
  async #onDialog(dialog: Dialog): Promise<void> {
    const kind = dialog.type() as "alert" | "confirm" | "prompt" | "beforeunload";
    const accept = kind === "alert" || kind === "beforeunload";
    const answer = withDeadline(accept ? dialog.accept() : dialog.dismiss(), DIALOG_DEADLINE_MS, "dialog");
    await answer.catch((error: unknown) => this.#log.warn({ err: error, kind }, "dialog could not be answered"));
    const message = dialog.message().slice(0, 1_000);
    this.tell({ type: "dialog", kind, message, answer: accept ? "accepted" : "dismissed" });
  }

  async #onPopup(popup: Page): Promise<void> {
    popup.on("dialog", (dialog) => void this.#onDialog(dialog));
    if (this.#stopped) return;
    if (this.#context.pages().length - 1 > MAX_POPUPS) {
      await withDeadline(popup.close(), CLOSE_DEADLINE_MS, "popup").catch(() => {});
      return;
    }
    await popup.waitForLoadState("domcontentloaded", { timeout: DIALOG_DEADLINE_MS }).catch(() => {});
    this.tell({ type: "page_notice", notice: "popup", url: popup.url() });
  }
}
