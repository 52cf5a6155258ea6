/** Which cookies differ from what they were when the page was ready: a hash of each value is kept, never the value. */
import { createHash } from "node:crypto";
import type { Evidence, Rule } from "../../protocol/rest.ts";
import type { WatchState } from "../../session/ports/resume-state.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { Tab, TabCookie } from "../tabs/tab.ts";

const COOKIE_DEADLINE_MS = 1_000;

export class CookieChanges {
  readonly #tab: Tab;
  readonly #isNeeded: boolean;
  #atStart: Map<string, string> | null = null;
  #host: string | null = null;
  #changed: readonly TabCookie[] = [];

  constructor(tab: Tab, rules: readonly Rule[]) {
    this.#tab = tab;
    this.#isNeeded = rules.some((rule) => "cookie" in rule);
  }

  /** What a restart keeps. */
  get state(): Pick<WatchState, "cookies" | "host"> {
    return { cookies: this.#atStart && [...this.#atStart], host: this.#host };
  }

  /** Compares with what the cookies are now, unless recall() has brought others. */
  async begin(): Promise<void> {
    if (!this.#isNeeded) return;
    this.#atStart ??= new Map((await this.#cookies()).map((cookie) => [keyOf(cookie), hashOf(cookie)]));
  }

  recall(cookies: WatchState["cookies"], host: string | null): void {
    if (cookies) this.#atStart = new Map(cookies);
    this.#host = host;
  }

  /** The address that the session was opened with; the first one counts. */
  openedAt(url: string): void {
    if (this.#isNeeded) this.#host ??= URL.parse(url)?.hostname ?? null;
  }

  /** Whether a rule is about cookies. */
  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  /** Reads the cookies. Resolves to whether others differ than before. Rejects where the browser does not answer. */
  async look(): Promise<boolean> {
    const start = this.#atStart;
    if (!start) return false;
    const before = this.#changed.map(keyOf).join();
    this.#changed = (await this.#cookies()).filter((cookie) => start.get(keyOf(cookie)) !== hashOf(cookie));
    return this.#changed.map(keyOf).join() !== before;
  }

  /** A changed cookie of this name that the domain (undefined: the session's host) gets. */
  changed(name: string, domain: string | undefined): Evidence["cookie"] {
    const host = domain?.replace(/^\./, "").toLowerCase() ?? this.#host;
    if (host === null) return undefined;
    const cookie = this.#changed.find((each) => each.name === name && isSentTo(each.domain, host));
    return cookie && { domain: cookie.domain, path: cookie.path };
  }

  #cookies(): Promise<readonly TabCookie[]> {
    return withDeadline(this.#tab.cookies(), COOKIE_DEADLINE_MS, "cookies");
  }
}

/** A domain that begins with a dot is that of its subdomains too. */
function isSentTo(domain: string, host: string): boolean {
  return domain === host || (domain.startsWith(".") && `.${host}`.endsWith(domain));
}

function keyOf({ name, domain, path }: TabCookie): string {
  return [name, domain, path].join("\t");
}

function hashOf({ value }: TabCookie): string {
  return createHash("sha256").update(value).digest("base64url");
}
