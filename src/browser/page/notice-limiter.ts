/** Publishes notices of a page to its operators, and no more than they can read. */
import type { Notice } from "../../session/ports/page.ts";
import { redactUrl } from "../../util/redact-url.ts";

/** The most notices of one kind in the window: a page may call alert() in a loop, and nobody reads more than a few a second. */
const MAX_NOTICES = 5;
const NOTICE_WINDOW_MS = 2_000;

export class NoticeLimiter {
  readonly #onNotice: (notice: Notice) => void;
  readonly #publishedAt = new Map<string, readonly number[]>();
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
    const kind = notice.type === "page_notice" ? notice.notice : notice.type;
    const recent = (this.#publishedAt.get(kind) ?? []).filter((at) => now - at < NOTICE_WINDOW_MS);
    if (this.#stopped || recent.length >= MAX_NOTICES) return;
    this.#publishedAt.set(kind, [...recent, now]);
    this.#onNotice(notice.type === "page_notice" ? { ...notice, url: redactUrl(notice.url) } : notice);
  }
}
