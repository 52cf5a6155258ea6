/**
 * The cookies and the local storage of a browser of our own, in Playwright's format: what a bot gets at the session's
 * end [R11].
 */
import type { StorageState } from "../../protocol/rest.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpConnection, CdpSession } from "../cdp/connection.ts";
import { localStorageOf } from "../page/checkpoint.ts";
import type { PageFrames } from "../tabs/frames.ts";
import type { Tab, TabCookie } from "../tabs/tab.ts";
import { commitNavigation } from "./commit-navigation.ts";

/** A page may show frames of sites without end: so many of their origins are remembered. */
const MAX_ORIGINS = 500;
const CALL_DEADLINE_MS = 1_000;
/** A page that hangs has not answered by then. */
const PAGE_DEADLINE_MS = 600;
/** For the origins that the page itself does not show: what is not read by then is left out. */
const VISITS_DEADLINE_MS = 2_000;
const WORLD_NAME = "captcha-remote";
const EMPTY_PAGE = Buffer.from("<html></html>").toString("base64");
const HTML = [{ name: "content-type", value: "text/html" }];

type OriginStorage = StorageState["origins"][number];

interface FrameTree {
  readonly frame: { readonly url: string };
  readonly childFrames?: readonly FrameTree[];
}

export class KeptStorage {
  readonly #connection: CdpConnection;
  /** Those seen last come last. */
  readonly #origins = new Set<string>();

  /** `origins`: those that have local storage already. */
  constructor(connection: CdpConnection, origins: readonly string[]) {
    this.#connection = connection;
    for (const origin of origins) this.#note(origin);
  }

  /** Remembers the origins of this tab's frames, those that come too. The tab reports how its frames navigate. */
  follow({ sessions }: Pick<Tab, "sessions">): void {
    sessions.follow((session) => {
      session.on("Page.frameNavigated", ({ frame }) => this.#note(frame.url));
      // A frame that is gone before it answers has no storage to speak of.
      session.send("Page.getFrameTree").then(
        ({ frameTree }) => this.#noteAll(frameTree),
        () => {},
      );
    });
  }

  /**
   * All cookies, and the local storage of the origins that were shown: of the page's own document in place, of others in
   * a tab that is opened for it. Rejects when the browser does not answer.
   */
  async read(page: PageFrames): Promise<StorageState> {
    const { cookies } = await within(this.#connection.send("Storage.getCookies"));
    const found = new Map<string, OriginStorage>();
    const shown = await withDeadline(ofMainFrame(page), PAGE_DEADLINE_MS, "page").catch(() => null);
    if (shown) found.set(shown.origin, shown);
    const others = [...this.#origins].filter((origin) => !found.has(origin));
    if (others.length > 0) {
      await withDeadline(this.#visit(others, found), VISITS_DEADLINE_MS, "local storage").catch(() => {});
    }
    return { cookies: cookies.map(inPlaywrightsFormat), origins: [...found.values()].filter(hasItems) };
  }

  #noteAll({ frame, childFrames = [] }: FrameTree): void {
    this.#note(frame.url);
    for (const child of childFrames) this.#noteAll(child);
  }

  #note(url: string): void {
    const origin = URL.parse(url)?.origin;
    if (origin === undefined || !/^https?:/.test(origin)) return;
    this.#origins.delete(origin);
    this.#origins.add(origin);
    const [oldest] = this.#origins;
    if (this.#origins.size > MAX_ORIGINS && oldest !== undefined) this.#origins.delete(oldest);
  }

  /** Opens an empty page at each origin, without asking the site for it. */
  async #visit(origins: readonly string[], found: Map<string, OriginStorage>): Promise<void> {
    const end = performance.now() + VISITS_DEADLINE_MS;
    const { targetId } = await this.#connection.send("Target.createTarget", { url: "about:blank", background: true });
    try {
      const session = await this.#connection.attach(targetId);
      session.on("Fetch.requestPaused", ({ requestId }: { requestId: string }) => {
        const answer = { requestId, responseCode: 200, responseHeaders: HTML, body: EMPTY_PAGE };
        session.send("Fetch.fulfillRequest", answer).catch(() => {});
      });
      await Promise.all([
        session.send("Page.enable"),
        session.send("Network.enable"),
        session.send("Network.setBypassServiceWorker", { bypass: true }),
        session.send("Fetch.enable"),
      ]);
      for (const origin of origins) {
        if (performance.now() > end) return;
        const storage = await within(storageAt(session, targetId, origin)).catch(() => null);
        if (storage) found.set(storage.origin, storage);
      }
    } finally {
      await this.#connection.send("Target.closeTarget", { targetId }).catch(() => {});
    }
  }
}

async function ofMainFrame(frames: PageFrames): Promise<OriginStorage | null> {
  const [main] = await frames.list();
  return main ? frames.run(main, localStorageOf, Number.MAX_SAFE_INTEGER) : null;
}

/** The main frame of a tab has the tab's id. */
async function storageAt(session: CdpSession, frameId: string, origin: string): Promise<OriginStorage | null> {
  const { errorText } = await commitNavigation(session, frameId, origin);
  if (errorText !== undefined) return null;
  const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", {
    frameId,
    worldName: WORLD_NAME,
  });
  const expression = `(${localStorageOf})(${Number.MAX_SAFE_INTEGER})`;
  const { result } = await session.send("Runtime.evaluate", { expression, contextId, returnByValue: true });
  return (result.value ?? null) as OriginStorage | null;
}

function hasItems({ localStorage }: OriginStorage): boolean {
  return Array.isArray(localStorage) && localStorage.length > 0;
}

/** Playwright knows no cookie without `sameSite`, and names the site that a partitioned one belongs to. */
function inPlaywrightsFormat(
  cookie: TabCookie & { readonly partitionKey?: PartitionKey },
): StorageState["cookies"][number] {
  const { name, value, domain, path, expires, httpOnly, secure, sameSite = "Lax", partitionKey } = cookie;
  const partition = partitionKey && {
    _crHasCrossSiteAncestor: partitionKey.hasCrossSiteAncestor,
    partitionKey: partitionKey.topLevelSite,
  };
  return { name, value, domain, path, expires, httpOnly, secure, sameSite, ...partition };
}

interface PartitionKey {
  readonly topLevelSite: string;
  readonly hasCrossSiteAncestor: boolean;
}

function within<T>(work: Promise<T>): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, "storage");
}
