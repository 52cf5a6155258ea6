/** What the operator is told of a page beside its challenge, and not more than anybody can read. */
import type { Notice } from "../../session/ports/page.ts";
import { redactUrl } from "../../util/redact-url.ts";

/** A page may call alert() in a loop; nobody reads more than a few a second. */
const MAX_NOTICES = 5;
const NOTICE_WINDOW_MS = 2_000;

export class NoticeLimiter {
  readonly #onNotice: (notice: Notice) => void;
  #publishedAt: number[] = [];
  #stopped = false;

  constructor(onNotice: (notice: Notice) => void) {
    this.#onNotice = onNotice;
  }

  /** From here on nothing is told. */
  stop(): void {
    this.#stopped = true;
  }

  publish(notice: Notice): void {
    const now = performance.now();
    this.#publishedAt = this.#publishedAt.filter((at) => now - at < NOTICE_WINDOW_MS);
    if (this.#stopped || this.#publishedAt.length >= MAX_NOTICES) return;
    this.#publishedAt.push(now);
    this.#onNotice(notice.type === "page_notice" ? { ...notice, url: redactUrl(notice.url) } : notice);
  }
}
