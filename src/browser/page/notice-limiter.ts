/** Publishes notices of a page to its operators, and no more than they can read. */
import type { Notice } from "../../session/ports/page.ts";
import { redactUrl } from "../../util/redact-url.ts";

/** The most notices in the window: a page may call alert() in a loop, and nobody reads more than a few a second. */
const MAX_NOTICES = 5;
const NOTICE_WINDOW_MS = 2_000;

export class NoticeLimiter {
  readonly #onNotice: (notice: Notice) => void;
  #publishedAt: number[] = [];
  #stopped = false;

  constructor(onNotice: (notice: Notice) => void) {
    this.#onNotice = onNotice;
  }

  /** Publishes nothing from here on. */
  stop(): void {
    this.#stopped = true;
  }

  /** Publishes a notice with its URL redacted, unless there were too many. */
  publish(notice: Notice): void {
    const now = performance.now();
    this.#publishedAt = this.#publishedAt.filter((at) => now - at < NOTICE_WINDOW_MS);
    if (this.#stopped || this.#publishedAt.length >= MAX_NOTICES) return;
    this.#publishedAt.push(now);
    this.#onNotice(notice.type === "page_notice" ? { ...notice, url: redactUrl(notice.url) } : notice);
  }
}
