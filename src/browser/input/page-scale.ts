/**
 * [W44] Puts a page's scale back after fingers have zoomed it, as a pinch does that the page does not handle. Pictures, masks
 * and presses are of the page unzoomed; the person looks closer by the console's own zoom.
 */
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpSender } from "../cdp/connection.ts";
import type { PageFrames } from "../tabs/frames.ts";

/** The next press waits for it. */
const DEADLINE_MS = 800;
/** What rounding makes of a page that is not zoomed. */
const WHOLE = 0.99;

/** Never rejects: a page that does not answer, or is gone, stays as it is. `session` is that of the page itself. */
export async function putScaleBack(
  frames: PageFrames,
  session: CdpSender,
  untilDrawn: () => Promise<void>,
): Promise<void> {
  const putting = (async () => {
    // The page learns of its scale with a frame.
    await untilDrawn();
    const [main] = await frames.list();
    const { scale, share } = main ? await frames.run(main, zoomOf, null) : { scale: 1, share: 1 };
    if (share < WHOLE) await session.send("Emulation.setPageScaleFactor", { pageScaleFactor: scale * share });
  })();
  await withDeadline(putting, DEADLINE_MS, "page scale").catch(() => {});
}

/** Runs inside the page, sent as text: its scale, and which share of its width is seen. */
function zoomOf(): { scale: number; share: number } {
  const { visualViewport } = window;
  return visualViewport
    ? { scale: visualViewport.scale, share: visualViewport.width / innerWidth }
    : { scale: 1, share: 1 };
}
