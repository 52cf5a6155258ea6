/**
 * Whether a page allows a conclusion: nothing loads, or shows an error, that holds or may hold the challenge. Advertisements
 * and frames that renew tokens do not count.
 */
import type { ChallengeKind } from "../../config.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import { refreshDelayMs } from "../tabs/navigation-cause.ts";
import type { Tab } from "../tabs/tab.ts";
import type { Judgement } from "./completion-rules.ts";
import { matchingPart } from "./kinds.ts";
import type { PageScan } from "./scan-page.ts";

/** A document that still loads after this time is judged as it is. */
const LOADING_PATIENCE_MS = 10_000;
/** A main document whose markup is read to the end waits for pictures, or for an advertisement without end. */
const PARSED_PATIENCE_MS = 1_500;
/** A frame in the place of one that held the challenge may draw the next one so long after it has loaded. */
const DRAWING_PATIENCE_MS = 1_500;
/** A frame that may hold a challenge is at least this large, CSS px. */
const MIN_WIDTH = 60;
const MIN_HEIGHT = 30;
const MAX_DOCUMENTS = 500;
/** A frame that has just come may not have requested its document yet. */
const UNREQUESTED_MS = 150;
/** A document that asks for the next one within this time is on its way there; a dashboard asks for it later. */
const REFRESH_WITHIN_MS = 5_000;
/** The browser may ask for the next document so much later than it was to. */
const REFRESH_GRACE_MS = 1_000;
/** A page that refreshes itself again and again is waited for this long. */
const REFRESH_PATIENCE_MS = 15_000;

export class PageQuiet {
  readonly #tab: Tab;
  readonly #frames: PageFrames;
  readonly #kinds: readonly ChallengeKind[];
  /** Frames in which a challenge, or a match of a `gone` rule, was visible once. */
  readonly #held = new Set<string>();
  /** The documents that showed one, by their ids. */
  readonly #documents = new Set<string>();
  /** The addresses of such frames: a frame in their place may hold the next challenge. */
  readonly #origins = new Set<string>();
  /** When each document of a frame was first listed, and each that loads. */
  #since = new Map<string, number>();
  /** Whether a document that counts loaded at the last scan. */
  #isBusy = false;
  /** Since when each frame inside the page loads, again and again perhaps, after the challenge was shown last. */
  readonly #busySince = new Map<string, number>();
  #lastShownAt = -Infinity;
  /** By when each document that asks to be refreshed soon has gone, and after which delay. */
  #refreshing = new Map<string, { readonly delayMs: number; readonly by: number }>();
  /** Since when refreshes hold up a verdict, monotonic ms. */
  #refreshedSince: number | null = null;

  constructor(tab: Tab, frames: PageFrames, kinds: readonly ChallengeKind[]) {
    this.#tab = tab;
    this.#frames = frames;
    this.#kinds = kinds;
  }

  get heldFrames(): string[] {
    return [...this.#held];
  }

  /** Whether a document that counts loaded at the last scan. */
  get isLoading(): boolean {
    return this.#isBusy;
  }

  recall(frames: readonly string[]): void {
    for (const frame of frames) this.#held.add(frame);
  }

  /**
   * These frames hold what is judged, and show it now; `challenge`: those of the challenge, judged or not. `at`: monotonic
   * ms.
   */
  shown({ frames }: PageScan, holders: readonly FrameRef[], challenge: readonly FrameRef[], at: number): void {
    if (holders.length > 0) {
      this.#lastShownAt = at;
      this.#busySince.clear();
      this.#refreshedSince = null;
    }
    for (const frame of holders) {
      keep(this.#held, frame.id);
      const answer = frames.find((each) => each.frame.id === frame.id)?.answer;
      for (const origin of [URL.parse(frame.url)?.origin, answer?.origin]) {
        if (origin !== undefined && origin !== "null") keep(this.#origins, origin);
      }
    }
    for (const frame of [...holders, ...challenge]) {
      for (let each: FrameRef | null = frame; each; each = each.parent) keep(this.#documents, each.loaderId);
    }
  }

  /**
   * Whether a conclusion from this scan is allowed. Rejects where a frame that held the challenge did not answer.
   */
  async allows(scan: PageScan, { value, isByAbsence = false }: Judgement, isNavigating: boolean): Promise<boolean> {
    const now = performance.now();
    this.#list(scan, now);
    const lost = scan.silent.find((frame) => this.#counts(frame, scan) && !this.#isPatient(frame, now));
    if (lost) throw new Error(`A frame that held the challenge does not answer: ${lost.id}`);
    this.#isBusy = this.#isMainLoading(scan, now) || this.#isInnerBusy(scan, now);
    const isRefreshed = this.#isAboutToBeRefreshed(scan, now);
    if (isNavigating || this.#isBusy || this.#isErrorPage(scan)) return false;
    if (value === true && isByAbsence && isRefreshed) {
      this.#refreshedSince ??= now;
      if (now - this.#refreshedSince < REFRESH_PATIENCE_MS) return false;
    }
    return value !== true || !(await this.#mayComeInAFrame(scan, now));
  }

  #list(scan: PageScan, now: number): void {
    const frames = [...scan.frames.map(({ frame }) => frame), ...scan.silent];
    this.#since = new Map(
      frames.map(({ loaderId, id }) => [`${id} ${loaderId}`, this.#sinceOf({ id, loaderId }) ?? now]),
    );
  }

  #sinceOf({ id, loaderId }: Pick<FrameRef, "id" | "loaderId">): number | undefined {
    return this.#since.get(`${id} ${loaderId}`);
  }

  /** The main frame, one that held the challenge, or one around it. */
  #counts(frame: FrameRef, scan: PageScan): boolean {
    if (frame.parent === null || this.#held.has(frame.id)) return true;
    return [...scan.frames.map((each) => each.frame), ...scan.silent].some(
      (each) => this.#held.has(each.id) && isAround(frame, each),
    );
  }

  /** Whether the main document loads. One that has shown the challenge, or is read for long, waits for what does not count. */
  #isMainLoading(scan: PageScan, now: number): boolean {
    const main = scan.frames.find(({ frame }) => frame.parent === null);
    if (!main || main.answer.ready) return false;
    const age = now - (this.#sinceOf(main.frame) ?? now);
    if (main.answer.isParsed) return age < PARSED_PATIENCE_MS && !this.#documents.has(main.frame.loaderId);
    return age < LOADING_PATIENCE_MS;
  }

  /** Whether a frame that held the challenge loads or navigates, or one whose next address is that of a known kind. */
  #isInnerBusy(scan: PageScan, now: number): boolean {
    const loading = scan.frames.filter(
      ({ frame, answer }) => !answer.ready && !(answer.isParsed && this.#documents.has(frame.loaderId)),
    );
    const busy = [...scan.frames.map(({ frame }) => frame), ...scan.silent].filter((frame) => {
      if (frame.parent === null) return false;
      const pending = this.#tab.pendingUrl(frame.id);
      if (this.#counts(frame, scan)) return pending !== null || loading.some((each) => each.frame === frame);
      return pending !== null && this.#isOfKind(pending);
    });
    return busy.filter((frame) => !this.#isPatient(frame, now)).length > 0;
  }

  /**
   * Whether a document that counts goes on by itself within seconds, to the next challenge perhaps. What asks for it is
   * its Refresh header or its markup; when a script's timer ends nobody knows.
   */
  #isAboutToBeRefreshed(scan: PageScan, now: number): boolean {
    const before = this.#refreshing;
    this.#refreshing = new Map();
    for (const { frame, answer } of scan.frames) {
      if (!this.#counts(frame, scan)) continue;
      const asked = [...answer.refreshes.map(refreshDelayMs), this.#tab.refreshDelayOf(frame.loaderId)];
      const delayMs = Math.min(...asked.map((delay) => delay ?? Infinity));
      if (delayMs > REFRESH_WITHIN_MS) continue;
      const key = `${frame.id} ${frame.loaderId}`;
      const known = before.get(key);
      // The time runs once the document has loaded.
      const isRunning = answer.ready && known?.delayMs === delayMs;
      this.#refreshing.set(key, isRunning ? known : { delayMs, by: now + delayMs + REFRESH_GRACE_MS });
    }
    return [...this.#refreshing.values()].some(({ by }) => now < by);
  }

  /** Whether this frame has been waited for long enough. */
  #isPatient({ id }: FrameRef, now: number): boolean {
    const since = this.#busySince.get(id) ?? now;
    if (this.#busySince.size < MAX_DOCUMENTS) this.#busySince.set(id, since);
    return now - since >= LOADING_PATIENCE_MS;
  }

  #isOfKind(url: string): boolean {
    return this.#kinds.some(
      ({ frame_urls, not_when }) =>
        matchingPart(url, frame_urls) !== undefined && matchingPart(url, not_when.frame_urls) === undefined,
    );
  }

  /**
   * Whether the main document, or a frame that held the challenge, shows an error. A wall often comes as an error (403):
   * the document that shows the challenge is none.
   */
  #isErrorPage(scan: PageScan): boolean {
    return scan.frames.some(
      ({ frame, answer }) =>
        (frame.parent === null || this.#held.has(frame.id)) &&
        (answer.isBrowserError || (answer.status >= 400 && !this.#documents.has(frame.loaderId))),
    );
  }

  /** Whether a frame that came since the challenge was shown may hold the next one, and has not shown yet what it holds. */
  async #mayComeInAFrame(scan: PageScan, now: number): Promise<boolean> {
    const newcomers = [
      ...scan.frames.map(({ frame, answer }) => ({ frame, isReady: answer.ready })),
      ...scan.silent.map((frame) => ({ frame, isReady: false })),
    ].filter(({ frame }) => {
      const since = this.#sinceOf(frame) ?? now;
      return frame.parent !== null && since > this.#lastShownAt && now - since < LOADING_PATIENCE_MS;
    });
    for (const { frame, isReady } of newcomers) {
      if (!(await this.#mayHold(frame, isReady, now))) continue;
      const rect = await this.#frames.rectOf(frame).catch(() => null);
      // A page that is too busy to say where it is has not shown what it holds either.
      if (!rect || (rect.visible && rect.width >= MIN_WIDTH && rect.height >= MIN_HEIGHT)) return true;
    }
    return false;
  }

  async #mayHold(frame: FrameRef, isReady: boolean, now: number): Promise<boolean> {
    const isOfHolder = (url: string) => this.#origins.has(URL.parse(url)?.origin ?? "");
    if (!isBlank(frame.url)) {
      const isDrawing = !isReady || now - (this.#sinceOf(frame) ?? now) < DRAWING_PATIENCE_MS;
      return (isDrawing && this.#isOfKind(frame.address)) || (!isReady && isOfHolder(frame.url));
    }
    // A busy browser requests the document of a new frame late: its element names it from the start.
    const pending = this.#tab.pendingUrl(frame.id) ?? (await this.#frames.onOwner(frame, sourceOf, []).catch(() => ""));
    if (pending === "") return now - (this.#sinceOf(frame) ?? now) < UNREQUESTED_MS;
    return this.#isOfKind(pending) || isOfHolder(pending);
  }
}

/** Runs on the element of a frame, sent as text. The address that it is to show; empty where it names none. */
function sourceOf(this: Element): string {
  const source = this.getAttribute("src") ?? "";
  return source === "" ? "" : (URL.parse(source, document.baseURI)?.href ?? "");
}

function isBlank(url: string): boolean {
  return url === "" || url === "about:blank";
}

function isAround(outer: FrameRef, frame: FrameRef): boolean {
  for (let at = frame.parent; at; at = at.parent) if (at.id === outer.id) return true;
  return false;
}

/** A page may make frames without end. */
function keep(set: Set<string>, value: string): void {
  set.delete(value);
  set.add(value);
  const [oldest] = set;
  if (set.size > MAX_DOCUMENTS && oldest !== undefined) set.delete(oldest);
}
