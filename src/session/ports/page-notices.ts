/** Messages to operators about a page that they cannot see or cannot act on. */
import type { PAGE_CONDITIONS } from "../../protocol/live.ts";
import { redactUrl } from "../../util/redact-url.ts";
import type { ChallengePage, Notice } from "./page.ts";
import type { SessionRecord } from "./store.ts";

/** Says whether the browser shows the page: an operator does not see the tab itself. */
export function visibilityNotice({ hidden, url }: Pick<ChallengePage, "hidden" | "url">): Notice {
  return { type: "page_notice", notice: hidden ? "page_not_visible" : "page_visible", url: redactUrl(url ?? "") };
}

/** [S10] Says why operators cannot act on the page, or that they can again. */
export function conditionNotice(notice: (typeof PAGE_CONDITIONS)[number], { url }: Pick<SessionRecord, "url">): Notice {
  return { type: "page_notice", notice, url: redactUrl(url) };
}
