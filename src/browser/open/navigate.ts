/** The first navigation of an owned page, and the reason where it fails. */
import type { Page, Request, Response } from "playwright";
import { notAllowed } from "../../egress/address.ts";
import { allowedAddresses, type Destinations, webUrl } from "../../egress/destination.ts";
import { type ProxyReports, reasonOf } from "../../egress/proxy-reports.ts";
import { AppError } from "../../errors.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { challengeOf } from "../assist/http-challenge.ts";

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

/**
 * Resolves when the first document is committed. Throws AppError url_not_allowed where the proxy refused an address, also
 * after a redirect; navigation_failed, timeout; session_ended where `signal` aborts.
 */
export async function navigate(page: Page, url: string, reports: ProxyReports, signal: AbortSignal): Promise<void> {
  let last = url;
  let isChallenged = false;
  const follow = (request: Request) => {
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) last = request.url();
  };
  // Without a text for people, the browser shows an error in place of the answer 401: a person may sign in there.
  const look = (response: Response) => {
    const request = response.request();
    if (!request.isNavigationRequest() || request.frame() !== page.mainFrame()) return;
    isChallenged = response.status() === 401 && challengeOf(response.headers()) !== null;
  };
  page.on("request", follow);
  page.on("response", look);
  try {
    const response = await commit(page, url, signal);
    if (response?.status() === REFUSED_STATUS) assertNotRefused(last, reports);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (isChallenged) return;
    assertNotRefused(last, reports);
    const text = String(cause);
    if (text.includes("Timeout"))
      throw new AppError("timeout", { field: FIELD, why: "the page did not answer" }, { cause });
    const found = /net::\w+/.exec(text)?.[0];
    const why = found === undefined ? (text.includes("Download") ? "a download" : "no page") : whyNot(last, reports);
    throw new AppError("navigation_failed", { field: FIELD, why: why ?? found }, { cause });
  } finally {
    page.off("request", follow);
    page.off("response", look);
  }
}

async function commit(page: Page, url: string, signal: AbortSignal): Promise<Response | null> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new AppError("session_ended")), { once: true });
  });
  aborted.catch(() => {});
  const work = page.goto(url, { waitUntil: "commit", timeout: NAVIGATION_DEADLINE_MS });
  return Promise.race([withDeadline(work, NAVIGATION_DEADLINE_MS + 1_000, "page"), aborted]);
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
