/** From a record to what clients get to read of it. */
import { CODES, type Code } from "../errors.ts";
import { type CaptchaInfo, isEnd } from "../protocol/common.ts";
import type { PAGE_CONDITIONS, ServerMessage, ServerMessageOf } from "../protocol/live.ts";
import type { Outcome, SessionListItem, SessionStatus } from "../protocol/rest.ts";
import { redactUrl } from "../util/redact-url.ts";
import { type ClaimFacts, FREE } from "./operators/claim.ts";
import { base64Of } from "./pictures/picture-encoding.ts";
import type { Viewer } from "./pictures/viewer.ts";
import type { ChallengePage, Notice, Picture } from "./ports/page.ts";
import type { PublicUrls } from "./ports/public-urls.ts";
import type { CreatedAnswer, SessionRecord } from "./ports/store.ts";

/** [R10] Where the operator, the bot and older clients go from here. */
export function sessionAnswer(
  record: SessionRecord,
  challenge: CaptchaInfo | null,
  urls: Pick<PublicUrls, "status" | "socket">,
): CreatedAnswer {
  return {
    session_id: record.session_id,
    state: record.state,
    ws_url: urls.socket(record.session_id),
    status_url: urls.status(record.session_id),
    expires_at: new Date(record.expires_at).toISOString(),
    captcha_info: challenge,
    viewport: record.viewport,
  };
}

/** Whether the browser shows the page, for who cannot see it. */
export function visibilityNotice({ hidden, url }: Pick<ChallengePage, "hidden" | "url">): Notice {
  return { type: "page_notice", notice: hidden ? "page_not_visible" : "page_visible", url: redactUrl(url ?? "") };
}

/** [S10] Why nothing can be done with the page, or that it can again. */
export function conditionNotice(notice: (typeof PAGE_CONDITIONS)[number], { url }: Pick<SessionRecord, "url">): Notice {
  return { type: "page_notice", notice, url: redactUrl(url) };
}

/** [W18] */
export function stateMessage({ state, reason, expires_at }: SessionRecord): ServerMessageOf<"session_state"> {
  return { type: "session_state", state, reason, expires_at: new Date(expires_at).toISOString() };
}

/**
 * What a viewer needs to begin [W3]. `page`: null while there is none, as it is still starting or is opened again. The
 * picture of a binary viewer is not in it, but follows it.
 */
export function sessionInfo(
  record: SessionRecord,
  viewer: Viewer,
  picture: Picture | null,
  page: Pick<ChallengePage, "challenge" | "view"> | null,
): ServerMessageOf<"session_info"> {
  const isBinary = viewer.form === "binary";
  return {
    type: "session_info",
    session_id: record.session_id,
    ...(isBinary ? {} : { screenshot: picture ? base64Of(picture) : null }),
    // Of a page that is being opened again, what was last known.
    captcha_info: page ? page.challenge : record.captcha_info,
    viewport: record.viewport,
    view: picture?.view ?? page?.view(viewer.lens.mode) ?? { x: 0, y: 0, ...record.viewport },
    state: record.state,
    role: viewer.role,
    instructions: record.instructions,
    label: record.label,
    expires_at: new Date(record.expires_at).toISOString(),
    seq: isBinary ? 0 : (picture?.seq ?? 0),
    ...(viewer.plain ? {} : { confirms: true }),
  };
}

/** What a check of the rules came to; `reason` is a code of the table. */
export interface CheckAnswer {
  readonly completed: boolean;
  readonly reason: Code;
}

/** [W7] */
export function checkAnswer({ state, reason }: SessionRecord): CheckAnswer {
  return { completed: state === "solved", reason: isEnd(state) ? (reason as Code) : "rules_not_met" };
}

export interface Farewell {
  readonly messages: readonly ServerMessage[];
  readonly closeCode: number;
  readonly reason: string;
}

/** [W6] What everybody is told at the end, and how their sockets close. */
export function farewell(record: SessionRecord, reason: Code): Farewell {
  const { message } = CODES[reason];
  if (record.state === "solved") {
    const messages: ServerMessage[] = [{ type: "completed", message, verified: record.verified }];
    return { messages, closeCode: 1000, reason: "completed" };
  }
  const { close } = reason === "shutting_down" ? CODES.shutting_down : CODES.session_ended;
  const error: ServerMessage = { type: "error", code: reason, message, details: null };
  return { messages: [stateMessage(record), error], closeCode: close, reason };
}

/** [R1] */
export function listItem(record: SessionRecord, operators: number, claim: ClaimFacts = FREE): SessionListItem {
  return {
    session_id: record.session_id,
    completed: record.state === "solved",
    has_websocket: operators > 0,
    state: record.state,
    reason: record.reason,
    label: record.label,
    created_at: new Date(record.created_at).toISOString(),
    expires_at: new Date(record.expires_at).toISOString(),
    ended_at: record.ended_at === null ? null : new Date(record.ended_at).toISOString(),
    operators,
    instructions: record.instructions,
    ...claim,
  };
}

/** [R6] Of a session that is not known, or not to be known: both look alike. */
export function unknownStatus(id: string): SessionStatus {
  return statusOf(id, undefined);
}

/** [R6] */
export function statusOf(id: string, record: SessionRecord | undefined): SessionStatus {
  return {
    success: true,
    completed: record?.state === "solved",
    session_exists: record !== undefined && (!isEnd(record.state) || record.state === "solved"),
    session_id: id,
    state: record?.state ?? null,
    reason: record?.reason ?? null,
    verified: record?.verified ?? null,
  };
}

/** [R11] [R14] What an ended session came to. */
export function outcomeOf(record: SessionRecord, hasStorageState: boolean): Outcome {
  return {
    outcome: record.state,
    reason: record.reason ?? "internal",
    verified: record.verified,
    evidence: record.evidence,
    note: record.note,
    duration_ms: (record.ended_at ?? record.created_at) - record.created_at,
    has_storage_state: hasStorageState,
  };
}
