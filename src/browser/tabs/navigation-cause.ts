/** Decides why a document was loaded, from what the browser says of it. Where that leaves a doubt, the cause is "unknown". */

/**
 * - form: a form was submitted, by a person or by a script
 * - script: a script set the location, reloaded or pressed a link, or the page asked for a refresh
 * - link: a person followed a link
 * - history: back or forward, also by a script
 * - reload, address: by the browser or the bot (Page.reload, Page.navigate)
 */
export type NavigationCause = "form" | "script" | "link" | "history" | "reload" | "address" | "unknown";

/** What Network.requestWillBeSent says of the first request for a document. */
export interface DocumentRequest {
  readonly method: string;
  /** CDP's Network.Initiator.type. Script: a script was running. Other: forms, links, the browser itself. */
  readonly initiator: string;
  readonly hasUserGesture: boolean;
  /** The document that was there before had asked for a refresh to this address. */
  readonly isRefresh: boolean;
}

/** What the document itself says, in an isolated world. Null where it does not say. */
export interface DocumentFacts {
  /** performance's NavigationTimingType. */
  readonly type: string | null;
  /** navigation.activation.navigationType */
  readonly activation: string | null;
  /** The URL of the document that was there before; null also where that belongs to another origin. */
  readonly from: string | null;
  /** The URL that the document was loaded with. */
  readonly entry: string | null;
}

/** CDP's Page.TransitionType of the document's history entry; null: the entry is not known, or the frame has none. */
export type Transition = string | null;

/** Known from the request alone; undefined where the document must be asked too. */
export function causeOfRequest(request: DocumentRequest): NavigationCause | undefined {
  if (request.initiator === "script") return "script";
  // The markup of its parent loaded the frame.
  return request.initiator === "other" ? undefined : "unknown";
}

/** `transition` is that of the main frame's documents; frames inside the page have none. */
export function causeOfDocument(
  request: DocumentRequest,
  { type, activation, from, entry }: DocumentFacts,
  transition: Transition,
): NavigationCause {
  const known = causeOfRequest(request);
  if (known !== undefined) return known;
  if (type === "back_forward" || activation === "traverse") return "history";
  if (type === "reload")
    return request.isRefresh && transition !== null && transition !== "reload" ? "script" : "reload";
  if (type !== "navigate") return "unknown";
  // Only forms post a document, once it is neither loaded again nor from the history.
  if (request.method === "POST" || transition === "form_submit") return "form";
  if (transition !== null && transition !== "link") return ADDRESS_TRANSITIONS.has(transition) ? "address" : "unknown";
  // A frame inside the page has no entry of its own, which would tell links from forms.
  if (transition === null) return "unknown";
  if (request.hasUserGesture) return "link";
  // A link that was held for some seconds before it was let go has no gesture either. It never replaces a document of
  // another address, which a refresh (at once or after a second) does.
  const isReplaced = activation === "replace" && from !== null && entry !== null && from !== entry;
  return request.isRefresh || isReplaced ? "script" : "unknown";
}

const ADDRESS_TRANSITIONS: ReadonlySet<string> = new Set([
  "typed",
  "address_bar",
  "auto_bookmark",
  "auto_toplevel",
  "generated",
  "keyword",
  "keyword_generated",
]);

/** After how many ms a Refresh header, or a meta element in its place, asks for a document; null where it asks for none. */
export function refreshDelayMs(content: string): number | null {
  const [seconds] = /^\s*(?:\d+\.?\d*|\.\d+)(?=[\s.\d;,]|$)/.exec(content.slice(0, 100)) ?? [];
  return seconds === undefined ? null : Number(seconds) * 1_000;
}

/** The address that a Refresh header, or a meta element in its place, asks for; null where it cannot be read. */
export function refreshTarget(content: string, base: string): string | null {
  const [, quoted, plain] = /^\s*[\d.]+\s*[;,]?\s*(?:url\s*=\s*)?(?:["']([^"']*)|([^"'].*))?/is.exec(
    content.slice(0, 4_096),
  ) ?? [null];
  const target = URL.parse((quoted ?? plain ?? "").trim(), base);
  if (!target) return null;
  target.hash = "";
  return target.href;
}
