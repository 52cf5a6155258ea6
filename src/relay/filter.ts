/**
 * [W57] Stands between the server and the bot's browser: lets through what methods.ts names, of the one page and its
 * windows, and takes out of answers and events what the server has no use for.
 */
import { BINDING, isAllowed, isObject, type Own } from "./methods.ts";

type Facts = Readonly<Record<string, unknown>>;

export interface Command {
  readonly method: string;
  readonly params: Facts;
  readonly sessionId: string | undefined;
}

export interface DevToolsEvent {
  readonly method: string;
  readonly params: Facts;
  readonly sessionId?: string | undefined;
}

export interface FilterTerms {
  readonly targetId: string;
  readonly dialogs: "bot" | "operator";
  readonly windows: "follow" | "leave";
}

/** Windows that are gone may have opened others: so many of them are remembered. */
const MAX_REMEMBERED = 1_000;
const MAX_SOUNDS = 100;
/** Of requests, these headers say what loaded a document and what it brings. */
const REQUEST_HEADERS = ["referer", "content-type"];
const RESPONSE_HEADERS = ["refresh", "content-type", "content-length", "content-range"];

interface Session {
  readonly worlds: Set<unknown>;
  /** The requests of sounds, the newest last. */
  readonly sounds: Set<unknown>;
}

export class RelayFilter {
  readonly #terms: FilterTerms;
  readonly #sessions = new Map<string, Session>();
  /** The page, and its windows, those that are gone among them. */
  readonly #own: Set<string>;
  readonly #open = new Map<string, Facts>();
  /** Tabs that belong to nobody known yet: a window may be reported before its opener. */
  readonly #strangers = new Map<string, Facts>();
  #isDiscovering = false;

  constructor(terms: FilterTerms) {
    this.#terms = terms;
    this.#own = new Set([terms.targetId]);
  }

  /** The sessions that the server has opened. */
  get sessions(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  isAllowed({ method, params, sessionId }: Command): boolean {
    if (sessionId !== undefined && !this.#sessions.has(sessionId)) return false;
    return isAllowed(method, params, sessionId, this.#ownOf(sessionId));
  }

  /** The server's session is over: nothing is attached. */
  reset(): void {
    this.#sessions.clear();
    this.#isDiscovering = false;
  }

  /** The tabs that a server which begins to follow windows has to know, as events. */
  discover(): DevToolsEvent[] {
    this.#isDiscovering = true;
    return [...this.#open.values()].map((targetInfo) => ({ method: "Target.targetCreated", params: { targetInfo } }));
  }

  /** What the server gets of an answer; it is learnt from, too. */
  answer({ method, sessionId }: Command, result: Facts): Facts {
    const session = sessionId === undefined ? undefined : this.#sessions.get(sessionId);
    switch (method) {
      case "Target.attachToTarget":
        this.#attached(result["sessionId"]);
        return pick(result, ["sessionId"]);
      case "Target.getTargetInfo":
        return { targetInfo: this.#targetInfo(result["targetInfo"]) };
      case "Page.createIsolatedWorld":
        session?.worlds.add(result["executionContextId"]);
        return pick(result, ["executionContextId"]);
      case "Page.getNavigationHistory":
        return currentEntry(result);
      case "SystemInfo.getProcessInfo":
        return renderers(result);
      default:
        return result;
    }
  }

  /** What the server gets of an event: nothing, the event with less in it, or several. */
  event({ method, params, sessionId }: DevToolsEvent): DevToolsEvent[] {
    if (sessionId === undefined) return this.#browserEvent(method, params);
    const session = this.#sessions.get(sessionId);
    if (!session) return [];
    const reduced = this.#sessionEvent(session, method, params);
    return reduced ? [{ method, params: reduced, sessionId }] : [];
  }

  #ownOf(sessionId: string | undefined): Own {
    const { targetId: pageId, dialogs, windows } = this.#terms;
    const session = sessionId === undefined ? undefined : this.#sessions.get(sessionId);
    return {
      pageId,
      dialogs,
      windows,
      isTab: (id) => id === pageId || (windows === "follow" && typeof id === "string" && this.#open.has(id)),
      isSession: (id) => typeof id === "string" && this.#sessions.has(id),
      isWorld: (id) => session?.worlds.has(id) === true,
      isSound: (id) => session?.sounds.has(id) === true,
    };
  }

  #attached(sessionId: unknown): void {
    if (typeof sessionId === "string") this.#sessions.set(sessionId, { worlds: new Set(), sounds: new Set() });
  }

  #browserEvent(method: string, params: Facts): DevToolsEvent[] {
    switch (method) {
      case "Target.targetCreated":
      case "Target.targetInfoChanged":
        return this.#tabSeen(method, params["targetInfo"]);
      case "Target.targetDestroyed": {
        const { targetId } = params;
        if (typeof targetId !== "string") return [];
        this.#strangers.delete(targetId);
        const wasOwn = this.#open.delete(targetId);
        return wasOwn && this.#isDiscovering ? [{ method, params: { targetId } }] : [];
      }
      case "Target.detachedFromTarget": {
        const { sessionId } = params;
        const wasOwn = typeof sessionId === "string" && this.#sessions.delete(sessionId);
        return wasOwn ? [{ method, params: { sessionId } }] : [];
      }
      default:
        return [];
    }
  }

  #tabSeen(method: string, given: unknown): DevToolsEvent[] {
    if (!isObject(given) || given["type"] !== "page") return [];
    const { targetId, openerId } = given;
    if (typeof targetId !== "string") return [];
    if (!this.#own.has(targetId)) {
      if (typeof openerId !== "string" || !this.#own.has(openerId)) {
        this.#strangers.set(targetId, given);
        return [];
      }
      this.#remember(targetId);
    }
    this.#strangers.delete(targetId);
    const isNew = !this.#open.has(targetId);
    const targetInfo = this.#targetInfo(given);
    this.#open.set(targetId, targetInfo);
    const name = isNew ? "Target.targetCreated" : method;
    const events = this.#isDiscovering ? [{ method: name, params: { targetInfo } }] : [];
    // It may have opened some that were reported before it.
    const children = [...this.#strangers.values()].filter((info) => info["openerId"] === targetId);
    return [...events, ...children.flatMap((info) => this.#tabSeen("Target.targetCreated", info))];
  }

  #remember(targetId: string): void {
    this.#own.add(targetId);
    for (const old of this.#own) {
      if (this.#own.size <= MAX_REMEMBERED) break;
      if (old !== this.#terms.targetId && !this.#open.has(old)) this.#own.delete(old);
    }
  }

  #targetInfo(given: unknown): Facts {
    if (!isObject(given)) return {};
    const info = pick(given, ["targetId", "type", "title", "url", "attached"]);
    const { openerId } = given;
    return typeof openerId === "string" && this.#own.has(openerId) ? { ...info, openerId } : info;
  }

  #sessionEvent(session: Session, method: string, params: Facts): Facts | null {
    switch (method) {
      case "Target.attachedToTarget": {
        const { targetInfo, sessionId, waitingForDebugger } = params;
        if (!isObject(targetInfo) || targetInfo["type"] !== "iframe") return null;
        this.#attached(sessionId);
        return { sessionId, waitingForDebugger, targetInfo: this.#targetInfo(targetInfo) };
      }
      case "Target.detachedFromTarget": {
        const { sessionId } = params;
        return typeof sessionId === "string" && this.#sessions.delete(sessionId) ? { sessionId } : null;
      }
      case "Page.screencastFrame": {
        // Some sixty a second: what the server has no use for is a tenth of a small picture.
        const metadata = isObject(params["metadata"])
          ? pick(params["metadata"], ["scrollOffsetX", "scrollOffsetY"])
          : {};
        return { ...pick(params, ["data", "sessionId"]), metadata };
      }
      case "Inspector.targetCrashed":
        return params;
      case "Page.javascriptDialogOpening":
      case "Page.javascriptDialogClosed":
        return this.#terms.dialogs === "operator" ? params : null;
      case "Input.dragIntercepted": {
        const { data } = params;
        return isObject(data) ? { data: pick(data, ["items", "dragOperationsMask"]) } : null;
      }
      case "Network.requestWillBeSent":
        return requestFacts(params);
      case "Network.responseReceived":
        return responseFacts(session, params);
      case "Network.loadingFinished":
      case "Network.loadingFailed":
        return pick(params, ["requestId"]);
      case "Runtime.bindingCalled":
        return params["name"] === BINDING ? pick(params, ["name", "payload", "executionContextId"]) : null;
      default:
        return null;
    }
  }
}

function requestFacts(params: Facts): Facts | null {
  const { request, initiator, redirectResponse } = params;
  if (!isObject(request)) return null;
  return {
    ...pick(params, ["requestId", "loaderId", "frameId", "documentURL", "hasUserGesture"]),
    request: {
      ...pick(request, ["url", "urlFragment", "method", "postDataEntries"]),
      headers: headersOf(request["headers"], REQUEST_HEADERS),
    },
    initiator: isObject(initiator) ? pick(initiator, ["type"]) : { type: "other" },
    ...(redirectResponse === undefined ? {} : { redirectResponse: {} }),
  };
}

function responseFacts(session: Session, params: Facts): Facts | null {
  const { requestId, loaderId, type, response } = params;
  if (!isObject(response)) return null;
  const { mimeType } = response;
  const isSound = type === "Media" || (typeof mimeType === "string" && mimeType.startsWith("audio/"));
  if (!isSound && requestId !== loaderId) return null;
  if (isSound) {
    session.sounds.add(requestId);
    const [oldest] = session.sounds;
    if (session.sounds.size > MAX_SOUNDS) session.sounds.delete(oldest);
  }
  return {
    ...pick(params, ["requestId", "loaderId", "frameId", "type"]),
    response: {
      ...pick(response, ["url", "status", "mimeType"]),
      headers: headersOf(response["headers"], RESPONSE_HEADERS),
    },
  };
}

function headersOf(given: unknown, names: readonly string[]): Facts {
  const entries = isObject(given) ? Object.entries(given) : [];
  return Object.fromEntries(
    entries.filter(([name, value]) => names.includes(name.toLowerCase()) && typeof value === "string"),
  );
}

/** The history of the tab is older than the page: only where it is now. */
function currentEntry({ currentIndex, entries }: Facts): Facts {
  const entry: unknown = Array.isArray(entries) && typeof currentIndex === "number" ? entries[currentIndex] : undefined;
  return { currentIndex: 0, entries: entry === undefined ? [] : [entry] };
}

/** Whether a page waits or computes shows in the time that renderers take: which programs run does not matter. */
function renderers({ processInfo }: Facts): Facts {
  const all: readonly unknown[] = Array.isArray(processInfo) ? processInfo : [];
  const own = all.filter((process): process is Facts => isObject(process) && process["type"] === "renderer");
  return { processInfo: own.map((process) => pick(process, ["type", "id", "cpuTime"])) };
}

function pick(from: Facts, names: readonly string[]): Facts {
  return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));
}
