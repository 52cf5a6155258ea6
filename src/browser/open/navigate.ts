/** The first navigation of an owned page, and the reason where it fails. */
import { notAllowed } from "../../egress/address.ts";
import { allowedAddresses, type Destinations, webUrl } from "../../egress/destination.ts";
import { type ProxyReports, reasonOf } from "../../egress/proxy-reports.ts";
import { AppError } from "../../errors.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { challengeOf } from "../assist/http-challenge.ts";
import type { CdpSession } from "../cdp/connection.ts";
import type { CdpTab } from "../tabs/cdp-tab.ts";
import { commitNavigation, type Navigated } from "./commit-navigation.ts";

/** Until the first document is committed. */
const NAVIGATION_DEADLINE_MS = 20_000;
const RESOLVE_DEADLINE_MS = 10_000;
const FIELD = "url";
/** The status that the proxy answers with for an address that a page may not reach. */
const REFUSED_STATUS = 403;

/**
 * Checks a URL before a browser is started. Throws AppError url_not_allowed for a scheme or an address that no page may
 * open, navigation_failed for a name that does not resolve, or what `signal` aborts with.
 */
export async function assertDestination(url: string, destinations: Destinations, signal: AbortSignal): Promise<void> {
  const checking = allowedAddresses(webUrl(url), destinations);
  await withDeadline(checking, RESOLVE_DEADLINE_MS, "resolver", signal).catch((cause: unknown) => {
    if (cause instanceof AppError && cause.code !== "timeout") throw cause;
    signal.throwIfAborted();
    throw new AppError("navigation_failed", { field: FIELD, why: reasonOf(cause) }, { cause });
  });
}

interface RequestEvent {
  readonly requestId: string;
  readonly loaderId: string;
  readonly frameId?: string;
  readonly request: { readonly url: string };
}

interface ResponseEvent extends Omit<RequestEvent, "request"> {
  readonly response: { readonly status: number; readonly headers: Readonly<Record<string, string>> };
}

/**
 * Resolves when the first document is committed. Throws AppError url_not_allowed where the proxy refused an address, also
 * after a redirect; navigation_failed, timeout; session_ended where `signal` aborts.
 */
export async function navigate(
  { pageSession, targetId }: Pick<CdpTab, "pageSession" | "targetId">,
  url: string,
  reports: ProxyReports,
  signal: AbortSignal,
): Promise<void> {
  let last = url;
  let status = 0;
  let isChallenged = false;
  // The main frame has the id of its target, and the request for a document that of the document.
  const isOfPage = ({ requestId, loaderId, frameId }: Omit<RequestEvent, "request">) =>
    frameId === targetId && requestId === loaderId;
  const follow = (event: RequestEvent) => {
    if (isOfPage(event)) last = event.request.url;
  };
  // Without a text for people, the browser shows an error in place of the answer 401: a person may sign in there.
  const look = (event: ResponseEvent) => {
    if (!isOfPage(event)) return;
    status = event.response.status;
    isChallenged = status === 401 && challengeOf(event.response.headers) !== null;
  };
  pageSession.on("Network.requestWillBeSent", follow);
  pageSession.on("Network.responseReceived", look);
  try {
    const { errorText, isDownload } = await commit(pageSession, targetId, url, signal);
    if (errorText === undefined && !isDownload) {
      if (status === REFUSED_STATUS) assertNotRefused(last, reports);
      return;
    }
    if (isChallenged) return;
    assertNotRefused(last, reports);
    const why = isDownload ? "a download" : (whyNot(last, reports) ?? errorText);
    throw new AppError("navigation_failed", { field: FIELD, why });
  } catch (cause) {
    if (cause instanceof AppError && cause.code !== "timeout") throw cause;
    assertNotRefused(last, reports);
    const isLate = cause instanceof AppError;
    const why = isLate ? "the page did not answer" : "no page";
    throw new AppError(isLate ? "timeout" : "navigation_failed", { field: FIELD, why }, { cause });
  } finally {
    pageSession.off("Network.requestWillBeSent", follow);
    pageSession.off("Network.responseReceived", look);
  }
}

async function commit(session: CdpSession, frameId: string, url: string, signal: AbortSignal): Promise<Navigated> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new AppError("session_ended")), { once: true });
  });
  aborted.catch(() => {});
  const work = withDeadline(commitNavigation(session, frameId, url), NAVIGATION_DEADLINE_MS, "page");
  return Promise.race([work, aborted]);
}

function assertNotRefused(url: string, reports: ProxyReports): void {
  const { hostname } = new URL(url);
  const report = reports.about(new URL(url));
  if (report?.refused) throw notAllowed(hostname, FIELD, report.why);
}

/** The proxy's reason, as the browser only sees that the proxy closed the connection. */
function whyNot(url: string, reports: ProxyReports): string | undefined {
  return reports.about(new URL(url))?.why;
}
