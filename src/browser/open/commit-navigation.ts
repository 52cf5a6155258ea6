/** Takes a tab to an address, as its first document or another one, until the browser shows the document. */
import type { CdpSession } from "../cdp/connection.ts";

export interface Navigated {
  /** The browser's name for what went wrong (net::...); undefined: nothing has. */
  readonly errorText: string | undefined;
  /** The address was a download: no document came. */
  readonly isDownload: boolean;
}

/**
 * Resolves when the document is shown, or with the reason why none is. `session` is of the tab itself and has the Page
 * domain enabled. Rejects where the browser refuses the command, or the tab crashes or goes. There is no deadline: the
 * caller sets one.
 */
export async function commitNavigation(session: CdpSession, frameId: string, url: string): Promise<Navigated> {
  const shown = new Set<string>();
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => {});
  let look = () => {};
  const onNavigated = ({ frame }: { frame: { id: string; loaderId: string } }) => {
    if (frame.id === frameId) shown.add(frame.loaderId);
    look();
  };
  const onGone = () => gone.reject(new Error("the page is gone"));
  session.on("Page.frameNavigated", onNavigated);
  session.on("Inspector.targetCrashed", onGone);
  void session.gone.then(onGone);
  try {
    const navigating = session.send("Page.navigate", { url, frameId });
    const { loaderId, errorText, isDownload = false } = await Promise.race([navigating, gone.promise]);
    if (loaderId === undefined || errorText !== undefined || isDownload) return { errorText, isDownload };
    // The browser answers a moment before the document is there.
    const isShown = new Promise<void>((resolve) => {
      look = () => {
        if (shown.has(loaderId)) resolve();
      };
      look();
    });
    await Promise.race([isShown, gone.promise]);
    return { errorText, isDownload };
  } finally {
    session.off("Page.frameNavigated", onNavigated);
    session.off("Inspector.targetCrashed", onGone);
  }
}
