/**
 * How soon the page is looked at after it was heard that one of its documents has changed: at once, and later each time
 * where that was no news, so that a page that moves without end is asked on the beat. Pure.
 */

/** A document that has been quiet for so long is heard at once again. */
const QUIET_MS = 3_000;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
/** What a change brings along without another sound (a shadow root, a value) is looked for once more, so much later. */
const ECHO_MS = 600;
const MAX_DOCUMENTS = 200;
/** A page with more news than this in this time is asked as one without: what it shows flickers. */
const MAX_NEWS = 10;
const NEWS_WITHIN_MS = 10_000;

interface HeardDocument {
  readonly pauseMs: number;
  readonly at: number;
}

export class HeardPace {
  readonly #documents = new Map<string, HeardDocument>();
  /** Those heard since the last look began, and those that it was about. */
  #waiting = new Set<string>();
  #looked: ReadonlySet<string> = new Set();
  #lookedAt = -Infinity;
  #found: string | null = null;
  /** When the last news were found. */
  readonly #news: number[] = [];
  #dueAt = Infinity;
  #echoAt = Infinity;

  /** When the page is to be looked at next, for what was heard, monotonic ms; Infinity: not for that. */
  get dueAt(): number {
    return Math.min(this.#dueAt, this.#echoAt);
  }

  /** This document has changed. */
  heard(document: string, at: number): void {
    const before = this.#documents.get(document);
    const isNew = !before || at - before.at >= QUIET_MS;
    const pauseMs = isNew ? FIRST_PAUSE_MS : before.pauseMs;
    this.#documents.delete(document);
    this.#documents.set(document, { pauseMs, at });
    const [oldest] = this.#documents.keys();
    if (this.#documents.size > MAX_DOCUMENTS && oldest !== undefined) this.#documents.delete(oldest);
    this.#waiting.add(document);
    this.#dueAt = Math.min(this.#dueAt, Math.max(at, this.#lookedAt + pauseMs));
  }

  /** A look begins. */
  looking(): void {
    this.#looked = this.#waiting;
    this.#waiting = new Set();
    this.#dueAt = Infinity;
    this.#echoAt = Infinity;
  }

  /** It is over, and has found this. Returns whether more is to be expected soon. */
  looked(found: string, at: number): boolean {
    const isNews = this.#found !== null && found !== this.#found && this.#isRare(at);
    const known = [...this.#looked].flatMap((document) => this.#documents.get(document)?.pauseMs ?? []);
    const isLively = isNews || known.some((pauseMs) => pauseMs < MAX_PAUSE_MS / 2);
    if (isNews) this.#documents.clear();
    else for (const document of this.#looked) this.#backOff(document);
    this.#found = found;
    this.#lookedAt = at;
    this.#looked = new Set();
    if (isLively) this.#echoAt = at + ECHO_MS;
    return isLively;
  }

  #isRare(at: number): boolean {
    const [oldest = -Infinity] = this.#news;
    if (this.#news.length >= MAX_NEWS && at - oldest < NEWS_WITHIN_MS) return false;
    this.#news.push(at);
    if (this.#news.length > MAX_NEWS) this.#news.shift();
    return true;
  }

  #backOff(document: string): void {
    const known = this.#documents.get(document);
    if (known) this.#documents.set(document, { ...known, pauseMs: Math.min(2 * known.pauseMs, MAX_PAUSE_MS) });
  }
}
