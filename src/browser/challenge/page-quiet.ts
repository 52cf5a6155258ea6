/**
 * Whether a page allows a conclusion: nothing loads, or shows an error, that holds or may hold the challenge. Advertisements
 * and frames that renew tokens do not count.
 */
import type { ChallengeKind } from "../../config.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import type { Tab } from "../tabs/tab.ts";
import type { Trilean } from "./completion-rules.ts";
import { matchingPart } from "./kinds.ts";
import type { PageScan } from "./scan-page.ts";

/** A document that still loads after this time is judged as it is. */
const LOADING_PATIENCE_MS = 10_000;
/** A frame that may hold a challenge is at least this large, CSS px. */
const MIN_WIDTH = 60;
const MIN_HEIGHT = 30;
const MAX_DOCUMENTS = 500;
/** A frame that has just come may not have requested its document yet. */
const UNREQUESTED_MS = 150;

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
  #loadingSince = new Map<string, number>();
  #navigatingSince = new Map<string, number>();
  #lastShownAt = -Infinity;

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
    return this.#loadingSince.size > 0;
  }

  recall(frames: readonly string[]): void {
    for (const frame of frames) this.#held.add(frame);
  }

  /** These frames show a challenge now. `at`: monotonic ms. */
  shown(frames: readonly FrameRef[], at: number): void {
    if (frames.length > 0) this.#lastShownAt = at;
    for (const frame of frames) {
      keep(this.#held, frame.id);
      const origin = URL.parse(frame.url)?.origin;
      if (origin !== undefined) keep(this.#origins, origin);
      for (let at: FrameRef | null = frame; at; at = at.parent) keep(this.#documents, at.loaderId);
    }
  }

  /**
   * Whether a conclusion from this scan is allowed. Rejects where a frame that held the challenge did not answer.
   */
  async allows(scan: PageScan, value: Trilean, isNavigating: boolean): Promise<boolean> {
    const now = performance.now();
    this.#list(scan, now);
    const isLoading = this.#isLoading(scan, now);
    const lost = scan.silent.find((frame) => this.#counts(frame, scan));
    if (lost) throw new Error(`A frame that held the challenge does not answer: ${lost.id}`);
    const isInnerNavigating = this.#isInnerNavigating(scan, now);
    if (isNavigating || isInnerNavigating || isLoading || this.#isErrorPage(scan)) return false;
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

  #isLoading(scan: PageScan, now: number): boolean {
    // A document that has shown the challenge may wait for an advertisement without end.
    const isLoaded = ({ frame, answer }: PageScan["frames"][number]) =>
      answer.ready || (answer.isParsed && this.#documents.has(frame.loaderId));
    const loading = scan.frames
      .filter((each) => !isLoaded(each) && this.#counts(each.frame, scan))
      .map(({ frame }) => `${frame.id} ${frame.loaderId}`);
    this.#loadingSince = new Map(loading.map((key) => [key, this.#loadingSince.get(key) ?? now]));
    return [...this.#loadingSince.values()].some((since) => now - since < LOADING_PATIENCE_MS);
  }

  /** Whether a frame that held the challenge navigates, or one whose next address is that of a known kind. */
  #isInnerNavigating(scan: PageScan, now: number): boolean {
    const frames = [...scan.frames.map(({ frame }) => frame), ...scan.silent];
    const navigating = frames.filter((frame) => {
      const pending = frame.parent === null ? null : this.#tab.pendingUrl(frame.id);
      return pending !== null && (this.#counts(frame, scan) || this.#isOfKind(pending));
    });
    this.#navigatingSince = new Map(navigating.map(({ id }) => [id, this.#navigatingSince.get(id) ?? now]));
    return [...this.#navigatingSince.values()].some((since) => now - since < LOADING_PATIENCE_MS);
  }

  #isOfKind(url: string): boolean {
    return this.#kinds.some(({ frame_urls }) => matchingPart(url, frame_urls) !== undefined);
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
      if (!this.#mayHold(frame, isReady, now)) continue;
      const rect = await this.#frames.rectOf(frame).catch(() => null);
      if (rect?.visible && rect.width >= MIN_WIDTH && rect.height >= MIN_HEIGHT) return true;
    }
    return false;
  }

  #mayHold(frame: FrameRef, isReady: boolean, now: number): boolean {
    const isOfHolder = (url: string) => this.#origins.has(URL.parse(url)?.origin ?? "");
    if (!isBlank(frame.url)) return !isReady && (this.#isOfKind(frame.address) || isOfHolder(frame.url));
    const pending = this.#tab.pendingUrl(frame.id);
    if (pending === null) return now - (this.#sinceOf(frame) ?? now) < UNREQUESTED_MS;
    return this.#isOfKind(pending) || isOfHolder(pending);
  }
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
