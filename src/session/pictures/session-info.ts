/** The message that a viewer begins with [W3]. */
import type { ServerMessageOf } from "../../protocol/live.ts";
import type { ChallengePage, Picture } from "../ports/page.ts";
import type { SessionRecord } from "../ports/store.ts";
import { base64Of } from "./picture-encoding.ts";
import type { Viewer } from "./viewer.ts";

/**
 * All that a viewer needs to begin [W3]. `page` is null while the session has none: it is still starting, or is opened
 * again. A binary viewer's picture is not part of the message, but follows it as a frame.
 */
export function sessionInfo(
  record: SessionRecord,
  viewer: Viewer,
  picture: Picture | null,
  page: Pick<ChallengePage, "challenge" | "view" | "touch" | "canNavigate"> | null,
): ServerMessageOf<"session_info"> {
  const { isBinary } = viewer;
  return {
    type: "session_info",
    session_id: record.session_id,
    ...(isBinary ? {} : { screenshot: picture ? base64Of(picture) : null }),
    // While the page is opened again, the last known challenge stands.
    captcha_info: page ? page.challenge : record.captcha_info,
    viewport: record.viewport,
    view: picture?.view ?? page?.view(viewer.lens.mode) ?? { x: 0, y: 0, ...record.viewport },
    state: record.state,
    role: viewer.role,
    instructions: record.instructions,
    label: record.label,
    expires_at: new Date(record.expires_at).toISOString(),
    seq: isBinary ? 0 : (picture?.seq ?? 0),
    ...(page?.touch.isOn && !viewer.plain ? { touch: true as const } : {}),
    ...(page?.touch.isMobile && !viewer.plain ? { mobile: true as const } : {}),
    ...(page?.canNavigate && !viewer.plain ? { navigates: true as const } : {}),
    ...(viewer.plain ? {} : { confirms: true }),
  };
}
