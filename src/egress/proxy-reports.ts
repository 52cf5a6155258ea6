/** What a proxy has refused or could not reach, for the page's opener and for the log: hosts only, never paths. */
import { hostOf } from "./address.ts";
import { portOf } from "./destination.ts";

/** The most hosts with a report: a page can ask for any number of hosts. */
const MAX_HOSTS = 200;

/** The browser's words for connection errors, and for the statuses that the proxy's library makes of them. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "net::ERR_NAME_NOT_RESOLVED",
  EAI_AGAIN: "net::ERR_NAME_NOT_RESOLVED",
  ENODATA: "net::ERR_NAME_NOT_RESOLVED",
  ECONNREFUSED: "net::ERR_CONNECTION_REFUSED",
  ECONNRESET: "net::ERR_CONNECTION_RESET",
  ETIMEDOUT: "net::ERR_CONNECTION_TIMED_OUT",
  EHOSTUNREACH: "net::ERR_ADDRESS_UNREACHABLE",
  ENETUNREACH: "net::ERR_ADDRESS_UNREACHABLE",
  timeout: "net::ERR_NAME_NOT_RESOLVED",
  593: "net::ERR_NAME_NOT_RESOLVED",
  594: "net::ERR_CONNECTION_REFUSED",
  595: "net::ERR_CONNECTION_RESET",
  504: "net::ERR_CONNECTION_TIMED_OUT",
};
const OTHER_REASON = "net::ERR_CONNECTION_FAILED";

/** The part of a logger that reports need. */
export interface ReportLog {
  warn(facts: object, sentence: string): void;
  info(facts: object, sentence: string): void;
}

/** Why a page could not reach an address: it may not (`refused`), or no server answers there. */
export interface ProxyReport {
  readonly refused: boolean;
  readonly why: string;
}

export class ProxyReports {
  #log: ReportLog;
  readonly #byHost = new Map<string, ProxyReport>();
  #refusals = 0;

  constructor(log: ReportLog) {
    this.#log = log;
  }

  /** Forgets what was reported so far, and logs here from now on: its browser begins to work for a session. */
  beginAnew(log: ReportLog): void {
    this.#log = log;
    this.#byHost.clear();
    this.#refusals = 0;
  }

  /** How many requests were refused so far. */
  get refusals(): number {
    return this.#refusals;
  }

  /** The last report of this URL's host and port. */
  about(url: URL): ProxyReport | undefined {
    return this.#byHost.get(keyOf(url));
  }

  /** Reports a refusal: counted each time, logged once for each host and port. */
  refused(url: URL, why: string): void {
    this.#refusals += 1;
    const known = this.#byHost.get(keyOf(url));
    if (this.#keep(url, { refused: true, why }) && !known?.refused) {
      this.#log.warn({ host: hostOf(url), port: portOf(url), why }, "kept a page from an address");
    }
  }

  /** Reports an address that did not answer. */
  unreachable(url: URL, cause: unknown): void {
    this.#keep(url, { refused: false, why: reasonOf(cause) });
  }

  /** Logs how many requests were refused, as not each has a log line of its own. */
  close(): void {
    if (this.#refusals > 0) this.#log.info({ refusals: this.#refusals }, "requests of this page that were refused");
  }

  #keep(url: URL, report: ProxyReport): boolean {
    const key = keyOf(url);
    if (this.#byHost.size >= MAX_HOSTS && !this.#byHost.has(key)) return false;
    this.#byHost.set(key, report);
    return true;
  }
}

/** The browser's word for an error of a resolver or a connection, or for a status of the proxy's own. */
export function reasonOf(cause: unknown): string {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : cause;
  return REASONS[String(code)] ?? OTHER_REASON;
}

function keyOf(url: URL): string {
  return `${hostOf(url)}:${portOf(url)}`;
}
