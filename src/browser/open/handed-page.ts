/** A page that a bot in this process hands over: its own Playwright page, given back as it was. */
import type { CDPSession, Page } from "playwright";
import { AppError } from "../../errors.ts";
import type { OpenPageRequest } from "../../session/ports/page-request.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { RemotePage } from "../page/remote-page.ts";
import { FullViewportCapture } from "../pictures/capture-region.ts";
import { PlaywrightTab } from "../tabs/playwright-tab.ts";
import type { PageDeps } from "./owned-page.ts";
import { assertSelectors } from "./validate-selectors.ts";

const CALL_DEADLINE_MS = 3_000;

export type HandedPage = Page;

/**
 * Holds the bot's page; it is not scanned yet. AppError: invalid_message (not an open page of a Chromium, or a bad
 * selector), page_in_use, timeout.
 */
export async function holdHandedPage(
  page: HandedPage,
  { completion, clipboard = true }: Pick<OpenPageRequest, "completion" | "clipboard">,
  deps: PageDeps,
): Promise<RemotePage> {
  const context = page.context();
  const attached = (opening: Promise<CDPSession>) =>
    deps.connections.session(opening, context, CALL_DEADLINE_MS, "page");
  const session = await attached(context.newCDPSession(page)).catch((cause: unknown) => {
    if (cause instanceof AppError) throw cause;
    throw new AppError("invalid_message", { field: "page", why: "not an open page of a Chromium" }, { cause });
  });
  let releaseTarget = () => {};
  const browser = context.browser();
  const browserSession = browser && (await attached(browser.newBrowserCDPSession()).catch(() => null));
  const release = async () => {
    await Promise.all([detach(session), browserSession && detach(browserSession)]);
    releaseTarget();
  };
  let remote: RemotePage | null = null;
  try {
    const { targetInfo } = await within(session.send("Target.getTargetInfo"));
    releaseTarget = deps.targets.hold(targetInfo.targetId, "guest");
    const { cssLayoutViewport: size } = await within(session.send("Page.getLayoutMetrics"));
    const viewport = { width: size.clientWidth, height: size.clientHeight };
    remote = new RemotePage({
      ...deps,
      tab: new PlaywrightTab({ page, session, connections: deps.connections }),
      capture: new FullViewportCapture(session, viewport),
      viewport,
      completion,
      openedUrl: null,
      isOurs: false,
      touch: null,
      history: null,
      proxyPort: null,
      place: null,
      dialogs: null,
      signIn: null,
      dialogsOf: browserSession,
      assist: { maxFileBytes: null, clipboard },
      readClipboard: null,
      storageState: async () => null,
      release,
    });
    await assertSelectors(remote.frames, completion, deps.kinds);
    return remote;
  } catch (error) {
    await (remote ? remote.close() : release());
    throw error;
  }
}

async function detach(session: CDPSession): Promise<void> {
  await within(session.detach()).catch(() => {});
}

function within<T>(work: Promise<T>): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, "page");
}
