/** From session records to the answers of the REST API. */
import { isEnd } from "../protocol/common.ts";
import type { SessionListItem, SessionStatus } from "../protocol/rest.ts";
import { type ClaimFacts, UNCLAIMED } from "./operators/claim.ts";
import type { ChallengePage } from "./ports/page.ts";
import type { PublicUrls } from "./ports/public-urls.ts";
import type { CreatedAnswer, SessionRecord } from "./ports/store.ts";

/** [R10] The answer to a creation, without `control_url`: the addresses that the bot and older clients use next. */
export function sessionAnswer(
  record: SessionRecord,
  page: Pick<ChallengePage, "challenge" | "pictures"> | null,
  urls: Pick<PublicUrls, "status" | "socket">,
): CreatedAnswer {
  return {
    session_id: record.session_id,
    state: record.state,
    ws_url: urls.socket(record.session_id),
    status_url: urls.status(record.session_id),
    expires_at: new Date(record.expires_at).toISOString(),
    captcha_info: page?.challenge ?? null,
    viewport: record.viewport,
    ...(page?.pictures && { pictures: page.pictures }),
  };
}

/** [R1] One row of the list of sessions. */
export function listItem(record: SessionRecord, operators: number, claim: ClaimFacts = UNCLAIMED): SessionListItem {
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
    needs_person: record.needs_person,
    challenge_kind: isEnd(record.state) ? null : (record.captcha_info?.kind ?? null),
    ...claim,
  };
}

/** [R6] The status of an unknown session, or of one that the caller may not see: both look alike. */
export function unknownStatus(id: string): SessionStatus {
  return statusOf(id, undefined);
}

/** [R6] The status of a session; `record` is undefined if there is none. */
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
