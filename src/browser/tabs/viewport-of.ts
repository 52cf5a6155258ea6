/** The size of a tab's viewport, for a page whose size this server has not set. */
import type { Size } from "../../protocol/common.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { CALL_DEADLINE_MS } from "../cdp/connection.ts";
import type { Tab } from "./tab.ts";

/** In CSS px. AppError `timeout`. */
export async function viewportOf({ pageSession }: Pick<Tab, "pageSession">): Promise<Size> {
  const asking = pageSession.send("Page.getLayoutMetrics");
  const { cssLayoutViewport: size } = await withDeadline(asking, CALL_DEADLINE_MS, "page");
  return { width: size.clientWidth, height: size.clientHeight };
}
