/** From a creation to a record, and from a record to what clients are told of it. */
import { randomUUID } from "node:crypto";
import type { Grants } from "../auth/caller.ts";
import type { Config } from "../config.ts";
import { AppError, CODES, type Code } from "../errors.ts";
import { API_PREFIX } from "../protocol/api-prefix.ts";
import type { CaptchaInfo } from "../protocol/common.ts";
import type { PAGE_CONDITIONS, ServerMessage, ServerMessageOf } from "../protocol/live.ts";
import {
  type CreateSession,
  DEFAULT_VIEWPORT,
  type Outcome,
  type SessionAnswer,
  type SessionListItem,
  type SessionStatus,
} from "../protocol/rest.ts";
import { redactUrl } from "../util/redact-url.ts";
import { isEnd } from "./lifecycle/state-machine.ts";
import { type ClaimFacts, FREE } from "./operators/claim.ts";
import type { ChallengePage, Notice, OpenPageRequest } from "./ports/page.ts";
import type { SessionRecord } from "./ports/store.ts";

/** A record in `starting`. Throws invalid_message for a timeout above the configured cap. */
export function newRecord(
  id: string,
  { owner, traceparent }: Pick<SessionRecord, "owner" | "traceparent">,
  body: CreateSession,
  limits: Pick<Config, "defaultTimeoutSeconds" | "maxTimeoutSeconds">,
): SessionRecord {
  const seconds = body.timeout_seconds ?? limits.defaultTimeoutSeconds;
  if (seconds > limits.maxTimeoutSeconds) {
    throw new AppError("invalid_message", { field: "timeout_seconds", why: `at most ${limits.maxTimeoutSeconds}` });
  }
  const now = Date.now();
  return {
    uid: randomUUID(),
    session_id: id,
    owner,
    legacy_open: body.legacy_open ?? false,
    state: "starting",
    reason: null,
    verified: null,
    evidence: [],
    note: null,
    label: body.label ?? null,
    instructions: body.instructions ?? null,
    metadata: body.metadata ?? null,
    // A page of the bot's own tells both once it is attached.
    url: body.url ?? "",
    viewport: body.viewport ?? DEFAULT_VIEWPORT,
    proxy_port: null,
    captcha_info: null,
    operator_came: false,
    traceparent,
    created_at: now,
    expires_at: now + seconds * 1_000,
    ended_at: null,
  };
}

/** What the page's opener is asked for; `grants` are those of the key that asks. */
export function pageRequest(
  { session_id, url, viewport }: SessionRecord,
  body: CreateSession,
  grants: Grants | null,
): OpenPageRequest {
  const { cdp, completion } = body;
  if (cdp) return { session_id, completion, cdp, cdp_allow: grants?.cdp_allow ?? null };
  return { ...body, session_id, completion, url, viewport, url_allow: grants?.url_allow ?? [] };
}

/** What has to be kept of it: the browser itself has the rest. */
export function withoutStorageState(request: OpenPageRequest): OpenPageRequest {
  return "cdp" in request ? request : { ...request, storage_state: undefined };
}

/** [R10] Where the operator, the bot and older clients go from here, without a link's token; `publicUrl` is origin plus base path. */
export function sessionAnswer(record: SessionRecord, challenge: CaptchaInfo | null, publicUrl: string): SessionAnswer {
  const api = publicUrl + API_PREFIX;
  return {
    session_id: record.session_id,
    state: record.state,
    control_url: `${api}/control/${record.session_id}`,
    ws_url: `${api.replace(/^http/, "ws")}/ws/${record.session_id}`,
    status_url: `${api}/status/${record.session_id}`,
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
