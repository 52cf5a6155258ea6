/**
 * What a page's network says of its documents and requests: navigations under way, why each document was loaded, and
 * which requests carried a filled response field. It needs CDP's Network domain alone, and reads in isolated worlds.
 */
import { setTimeout as delay } from "node:timers/promises";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpSender } from "../cdp/connection.ts";
import { documentFacts, refreshContents } from "./in-page-scripts.ts";
import {
  causeOfDocument,
  causeOfRequest,
  type DocumentFacts,
  type DocumentRequest,
  type NavigationCause,
  refreshDelayMs,
  refreshTarget,
  type Transition,
} from "./navigation-cause.ts";
import { PendingNavigations } from "./pending-navigations.ts";
import { filledFields, MAX_LOOKED_AT_BYTES, type WatchedField } from "./request-fields.ts";
import { isSameSite } from "./same-site.ts";
import type { ListedFrame, Submission } from "./tab.ts";

/** The browser keeps the last bodies that the page has loaded for a moment, because a sound may be among them [W51]. */
const NETWORK = { maxTotalBufferSize: 10_485_760, maxResourceBufferSize: 5_242_880, maxPostDataSize: 0 };
const CALL_DEADLINE_MS = 1_000;
const WORLD_NAME = "captcha-remote";
/** A page may load documents without end: the number that is remembered is bounded. */
const MAX_DOCUMENTS = 1_000;
const MAX_SUBMISSIONS = 100;
/** More requests than a browser has under way at a time. */
const MAX_UNDER_WAY = 1_000;
/** What lasts without an end, or brings nothing to the page. */
const UNAWAITED: ReadonlySet<string> = new Set(["EventSource", "Media", "Ping", "CSPViolationReport"]);
/** A document may be busy, or the browser may not have entered it into its history yet. */
const ATTEMPTS = 5;
const RETRY_MS = 50;
const SCRIPT_TIMEOUT_MS = 300;
/** Base64, with some room for the ends of parts. */
const MAX_BODY_CHARACTERS = 2 * MAX_LOOKED_AT_BYTES;

/** A CDP session whose target has the Network domain: one of ours or of Playwright's. */
export interface NetworkSession extends CdpSender {
  on(event: "Network.requestWillBeSent", listener: (event: RequestEvent) => void): unknown;
  on(event: "Network.responseReceived", listener: (event: ResponseEvent) => void): unknown;
  on(event: "Network.loadingFinished" | "Network.loadingFailed", listener: (event: EndEvent) => void): unknown;
}

interface RequestEvent {
  readonly requestId: string;
  readonly loaderId: string;
  readonly frameId?: string;
  readonly documentURL: string;
  /** As CDP's ResourceType. */
  readonly type?: string;
  readonly request: {
    readonly url: string;
    readonly urlFragment?: string;
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly postDataEntries?: readonly { readonly bytes?: string }[];
  };
  readonly initiator: { readonly type: string };
  readonly redirectResponse?: unknown;
  readonly hasUserGesture?: boolean;
}

interface EndEvent {
  readonly requestId: string;
}

interface ResponseEvent {
  readonly requestId: string;
  readonly loaderId: string;
  readonly frameId?: string;
  readonly response: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

/** A document that was requested, or listed. */
interface KnownDocument {
  readonly frameId: string;
  /** Null for a document that was there before, and for one that needs no network (about:blank). */
  request: DocumentRequest | null;
  /** A document before this one in its frame that nobody listed, and that neither a form nor a script loaded for sure. */
  doubt: NavigationCause | null;
  cause: NavigationCause;
  hasResponse: boolean;
  wasListed: boolean;
  /** Its cause is being looked up, or was. */
  wasLookedUp: boolean;
  /** The address that the response's Refresh header names, and after how many ms. */
  refresh: { readonly target: string | null; readonly delayMs: number | null } | null;
}

/** The main frame's document as its isolated world shows it. */
interface MainDocument {
  readonly loaderId: string;
  readonly session: CdpSender;
  readonly contextId: number;
  /** The addresses that its markup asks to be refreshed to. */
  refreshes: readonly string[];
}

export class PageNetwork {
  readonly #onChange: () => void;
  readonly #sessions = new Set<NetworkSession>();
  readonly #navigations = new PendingNavigations<string, string>();
  /** The requests that are awaited and have not ended, each with its session. */
  readonly #underWay = new Map<string, NetworkSession>();
  /** When the last of them began or ended, monotonic ms. */
  #lastRequestAt = performance.now();
  /** By loader id, those last in use last. */
  readonly #documents = new Map<string, KnownDocument>();
  /** Where the navigation under way in each frame leads by now. */
  readonly #pendingUrls = new Map<string, string>();
  /** The document that each frame has last requested. */
  readonly #requested = new Map<string, string>();
  #listed: ReadonlyMap<string, ListedFrame> = new Map();
  #mainFrameId = "";
  #mainUrl = "";
  #main: MainDocument | null = null;
  /** The last history entry that was seen, and whose it is; an empty loader id: that of a document before the attach. */
  #entry: { readonly id: number; readonly loaderId: string } | null = null;
  #fields: readonly WatchedField[] = [];
  #submissions: Submission[] = [];
  #stopped = false;

  /** `onChange`: a navigation has started or ended, a cause has become known, or a field was submitted. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Follows the page's own session. Rejects when the browser does not answer. */
  async begin(session: NetworkSession): Promise<void> {
    // All of them fail where the page closes meanwhile: none is left without a handler.
    const [, tree, history] = await Promise.all([
      this.follow(session),
      call(session.send("Page.getFrameTree")),
      call(session.send("Page.getNavigationHistory")),
    ]);
    const { id, url } = tree.frameTree.frame;
    this.#mainFrameId = id;
    this.#mainUrl ||= url;
    const entry = history.entries[history.currentIndex];
    if (entry) this.#entry ??= { id: entry.id, loaderId: "" };
  }

  /** Follows the frames of one process; forget() ends it. Rejects when the browser does not answer. */
  async follow(session: NetworkSession): Promise<void> {
    this.#sessions.add(session);
    session.on("Network.requestWillBeSent", (event: RequestEvent) => {
      this.#begun(event, session);
      this.#onRequest(event);
    });
    session.on("Network.responseReceived", (event: ResponseEvent) => this.#onResponse(event));
    session.on("Network.loadingFinished", (event: EndEvent) => this.#onEnd(event));
    session.on("Network.loadingFailed", (event: EndEvent) => this.#onEnd(event));
    await session.send("Network.enable", this.#network());
  }

  forget(session: NetworkSession): void {
    this.#sessions.delete(session);
    for (const [requestId, of] of this.#underWay) if (of === session) this.#underWay.delete(requestId);
  }

  stop(): void {
    this.#stopped = true;
    this.#sessions.clear();
  }

  /** For how long no request has been under way, ms; 0: one is. */
  get quietMs(): number {
    return this.#underWay.size > 0 ? 0 : performance.now() - this.#lastRequestAt;
  }

  get isNavigating(): boolean {
    return this.#navigations.isUnderWay(this.#mainFrameId);
  }

  causeOf(loaderId: string): NavigationCause {
    return this.#documents.get(loaderId)?.cause ?? "unknown";
  }

  refreshDelayOf(loaderId: string): number | null {
    return this.#documents.get(loaderId)?.refresh?.delayMs ?? null;
  }

  pendingUrl(frameId: string): string | null {
    return this.#pendingUrls.get(frameId) ?? null;
  }

  watchFields(fields: readonly WatchedField[]): void {
    const wasWatching = this.#fields.length > 0;
    this.#fields = fields;
    if (wasWatching === fields.length > 0) return;
    // A session that is gone needs no bodies.
    for (const session of this.#sessions) session.send("Network.enable", this.#network()).catch(() => {});
  }

  takeSubmissions(): readonly Submission[] {
    const taken = this.#submissions;
    this.#submissions = [];
    return taken;
  }

  /** The frame is gone, or has another process: its navigation is not under way any more. */
  settled(frameId: string): void {
    this.#navigations.settled(frameId);
    this.#pendingUrls.delete(frameId);
  }

  /** The frame shows this document from now on: the navigation to it has ended. */
  shown(frameId: string, loaderId: string): void {
    this.#ended(frameId, loaderId);
  }

  /** Takes note of the frames that were just listed, parents first. */
  framesListed(frames: readonly ListedFrame[]): void {
    const before = this.#listed;
    this.#listed = new Map(frames.map((frame) => [frame.id, frame]));
    for (const frame of frames) {
      const { id, loaderId } = frame;
      const isNew = before.get(id)?.loaderId !== loaderId;
      const document = this.#keep(loaderId, id);
      if (isNew && document.wasListed) document.cause = "history";
      // The document that was under way has arrived.
      this.#ended(id, loaderId);
      if (frame.parent === null) this.#mainUrl = frame.url;
      // The sessions that list and that report requests may be two: the request may come later than its document.
      if (isNew || (document.request && !document.wasLookedUp)) void this.#look(frame, document);
      document.wasLookedUp = document.request !== null;
      document.wasListed = true;
    }
  }

  #network(): typeof NETWORK {
    return { ...NETWORK, maxPostDataSize: this.#fields.length > 0 ? MAX_LOOKED_AT_BYTES : 0 };
  }

  #begun({ requestId, type = "" }: RequestEvent, session: NetworkSession): void {
    if (UNAWAITED.has(type)) return;
    this.#lastRequestAt = performance.now();
    const [oldest] = this.#underWay.keys();
    if (this.#underWay.size >= MAX_UNDER_WAY && oldest !== undefined) this.#underWay.delete(oldest);
    this.#underWay.set(requestId, session);
  }

  #onRequest(event: RequestEvent): void {
    const { requestId, loaderId, frameId, request } = event;
    if (this.#stopped || frameId === undefined) return;
    // The request for a document has the document's own id.
    const isDocument = requestId === loaderId;
    if (!isDocument && frameId === this.#mainFrameId) this.#mainUrl = event.documentURL;
    if (event.redirectResponse === undefined) {
      if (this.#fields.length > 0) this.#lookForFields(event, frameId, isDocument);
      if (isDocument) this.#onDocumentRequest(event, frameId);
    }
    if (!isDocument) return;
    this.#requested.set(frameId, loaderId);
    this.#pendingUrls.set(frameId, request.url + (request.urlFragment ?? ""));
    this.#navigations.started(frameId, requestId);
    this.#onChange();
  }

  #onResponse({ requestId, loaderId, frameId, response }: ResponseEvent): void {
    const document = requestId === loaderId ? this.#documents.get(loaderId) : undefined;
    if (!document) return;
    document.hasResponse = true;
    // Which frame is the main one may not be known yet.
    if (frameId === this.#mainFrameId) this.#mainUrl = response.url;
    const header = Object.entries(response.headers).find(([name]) => name.toLowerCase() === "refresh")?.[1];
    if (header === undefined) return;
    document.refresh = { target: refreshTarget(header, response.url), delayMs: refreshDelayMs(header) };
  }

  #onEnd({ requestId }: EndEvent): void {
    if (this.#underWay.delete(requestId)) this.#lastRequestAt = performance.now();
    const document = this.#documents.get(requestId);
    if (document && this.#ended(document.frameId, requestId)) this.#onChange();
    if (this.#main?.loaderId === requestId) void this.#readRefreshes(this.#main);
  }

  #ended(frameId: string, loaderId: string): boolean {
    if (!this.#navigations.ended(frameId, loaderId)) return false;
    this.#pendingUrls.delete(frameId);
    return true;
  }

  #onDocumentRequest({ loaderId, request, initiator, hasUserGesture }: RequestEvent, frameId: string): void {
    const before = this.#documents.get(this.#requested.get(frameId) ?? "");
    const document = this.#keep(loaderId, frameId);
    document.doubt = this.#doubtOf(before);
    document.request = {
      method: request.method,
      initiator: initiator.type,
      hasUserGesture: hasUserGesture === true,
      isRefresh: frameId === this.#mainFrameId && this.#refreshes().includes(request.url),
    };
  }

  /** What a document that comes after `before` must be doubted for; null: nothing. */
  #doubtOf(before: KnownDocument | undefined): NavigationCause | null {
    // A document that was listed has a cause of its own, and one without a response never came.
    if (!before?.request || before.wasListed || !before.hasResponse) return null;
    const { method, hasUserGesture } = before.request;
    // Without a gesture it may have been posted again, by a reload or from the history.
    const isForm = method === "POST" && hasUserGesture;
    const isActed = isForm || causeOfRequest(before.request) === "script";
    return before.doubt ?? (isActed ? null : "unknown");
  }

  #refreshes(): readonly string[] {
    const main = this.#main;
    const header = main && this.#documents.get(main.loaderId)?.refresh?.target;
    return [...(main?.refreshes ?? []), ...(header ? [header] : [])];
  }

  #lookForFields(event: RequestEvent, frameId: string, isDocument: boolean): void {
    const { request, loaderId } = event;
    if (!isSameSite(request.url, this.#mainUrl)) return;
    const names = filledFields(
      { url: request.url, contentType: contentTypeOf(request.headers), body: bodyOf(request.postDataEntries) },
      this.#fields,
    );
    if (names.size === 0) return;
    const sender = isDocument
      ? this.#senderOf(frameId, request.headers["Referer"])
      : { frameId, loaderId: loaderId === "" ? null : loaderId };
    const at = performance.now();
    for (const name of names) {
      this.#submissions.push({ ...sender, name, navigates: isDocument ? loaderId : null, at });
    }
    this.#submissions = this.#submissions.slice(-MAX_SUBMISSIONS);
    this.#onChange();
  }

  /** The document that makes another one be loaded: the frame's own, or that of the frame which the referrer names. */
  #senderOf(frameId: string, referrer: string | undefined): Pick<Submission, "frameId" | "loaderId"> {
    const own = this.#listed.get(frameId);
    const isFrom = (frame: ListedFrame) => referrer !== undefined && withoutFragment(frame.url) === referrer;
    const others = [...this.#listed.values()].filter(isFrom);
    const sender = own && isFrom(own) ? own : others.length === 1 ? others[0] : own;
    return { frameId: sender?.id ?? frameId, loaderId: sender?.loaderId ?? null };
  }

  /** Looks up why this document was loaded. Where it goes away meanwhile or does not answer, the cause stays unknown. */
  async #look(frame: ListedFrame, document: KnownDocument): Promise<void> {
    const { request, doubt } = document;
    const decide = (cause: NavigationCause) => {
      if (cause === "unknown" || document.cause === "history") return;
      const isActed = cause === "form" || cause === "script";
      document.cause = isActed && doubt !== null ? doubt : cause;
      this.#onChange();
    };
    const known = request && causeOfRequest(request);
    if (known) decide(known);
    const isMain = frame.parent === null;
    if (!isMain && (known || !request)) return;
    for (let attempt = 0; attempt < ATTEMPTS && !this.#stopped; attempt += 1) {
      if (attempt > 0) await delay(RETRY_MS);
      const looked = await this.#lookOnce(frame, isMain).catch(() => undefined);
      if (looked === "gone") return;
      if (!looked) continue;
      const { facts, transition } = looked;
      if (request && !known) decide(causeOfDocument(request, facts, transition));
      // A document that is new in the history has an entry of its own, sooner or later.
      if (!isMain || !request || transition !== null || facts.type !== "navigate") return;
    }
  }

  async #lookOnce(
    frame: ListedFrame,
    isMain: boolean,
  ): Promise<{ facts: DocumentFacts; transition: Transition } | "gone"> {
    const { session, id: frameId, loaderId } = frame;
    const world = { frameId, worldName: WORLD_NAME };
    const { executionContextId: contextId } = await call(session.send("Page.createIsolatedWorld", world));
    const now = frameIn((await call(session.send("Page.getFrameTree"))).frameTree, frameId);
    if (now?.loaderId !== loaderId) return "gone";
    const history = isMain ? await call(session.send("Page.getNavigationHistory")) : null;
    const entry = history?.entries[history.currentIndex];
    // The world answers only as long as its document is there: what the history said was of this document.
    const facts = await evaluate(session, contextId, documentFacts);
    if (!isMain) return { facts, transition: null };
    const main: MainDocument = { loaderId, session, contextId, refreshes: [] };
    this.#main = main;
    await this.#readRefreshes(main);
    // Until the browser has entered the document, the current entry is that of the one before.
    const isEntered =
      entry !== undefined &&
      withoutFragment(entry.url) === withoutFragment(now.url) &&
      (facts.type !== "navigate" || entry.id !== this.#entry?.id || loaderId === this.#entry.loaderId);
    if (!isEntered) return { facts, transition: null };
    this.#entry = { id: entry.id, loaderId };
    return { facts, transition: entry.transitionType };
  }

  async #readRefreshes(main: MainDocument): Promise<void> {
    const read = await evaluate(main.session, main.contextId, refreshContents).catch(() => null);
    if (!read) return;
    main.refreshes = read.contents.flatMap((content) => refreshTarget(content, read.base) ?? []);
  }

  /** The document with this id, now the last one in use; a new one where it is not known. */
  #keep(loaderId: string, frameId: string): KnownDocument {
    const document = this.#documents.get(loaderId) ?? newDocument(frameId);
    this.#documents.delete(loaderId);
    this.#documents.set(loaderId, document);
    if (this.#documents.size > MAX_DOCUMENTS) this.#forgetOldest();
    return document;
  }

  /** Forgets any document but the main frame's, however many frames there are. */
  #forgetOldest(): void {
    const main = this.#listed.get(this.#mainFrameId)?.loaderId;
    for (const [loaderId, { frameId }] of this.#documents) {
      if (loaderId === main) continue;
      this.#documents.delete(loaderId);
      this.#ended(frameId, loaderId);
      if (this.#requested.get(frameId) === loaderId) this.#requested.delete(frameId);
      return;
    }
  }
}

function newDocument(frameId: string): KnownDocument {
  const nothing = { request: null, doubt: null, refresh: null };
  return { frameId, ...nothing, cause: "unknown", hasResponse: false, wasListed: false, wasLookedUp: false };
}

interface FrameTree {
  readonly frame: { readonly id: string; readonly loaderId: string; readonly url: string };
  readonly childFrames?: readonly FrameTree[];
}

function frameIn(tree: FrameTree, id: string): FrameTree["frame"] | undefined {
  if (tree.frame.id === id) return tree.frame;
  for (const child of tree.childFrames ?? []) {
    const found = frameIn(child, id);
    if (found) return found;
  }
  return undefined;
}

/** Runs a function in an isolated world. Throws when the world's document is gone or does not answer. */
async function evaluate<Result>(session: CdpSender, contextId: number, script: () => Result): Promise<Result> {
  const expression = `(${script})()`;
  const { result, exceptionDetails } = await call(
    session.send("Runtime.evaluate", { expression, contextId, returnByValue: true, timeout: SCRIPT_TIMEOUT_MS }),
  );
  if (exceptionDetails) throw new Error(exceptionDetails.text);
  return result.value as Result;
}

function call<T>(work: Promise<T>): Promise<T> {
  return withDeadline(work, CALL_DEADLINE_MS, "document");
}

function withoutFragment(url: string): string {
  return url.split("#", 1)[0] ?? "";
}

function contentTypeOf(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
}

/** The bytes that the browser has sent along; null where there are none or too many. */
function bodyOf(entries: readonly { readonly bytes?: string }[] | undefined): Buffer | null {
  const parts = (entries ?? []).map(({ bytes = "" }) => bytes);
  const characters = parts.reduce((sum, part) => sum + part.length, 0);
  if (characters === 0 || characters > MAX_BODY_CHARACTERS) return null;
  return Buffer.concat(parts.map((part) => Buffer.from(part, "base64")));
}
