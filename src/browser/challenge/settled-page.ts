/** [R33] Whether a page on which no challenge is found has come to rest, so that the search for one may end early. */
import type { ChallengeKind } from "../../config.ts";
import type { PageFrames } from "../tabs/frames.ts";
import { refreshDelayMs } from "../tabs/navigation-cause.ts";
import type { Tab } from "../tabs/tab.ts";
import { hasScriptFrom, unchangedMs } from "./in-page-changes.ts";
import { KIND_SCRIPTS } from "./kinds/scripts.ts";
import type { PageScan } from "./scan-page.ts";

/** A page that has drawn nothing new and asked for nothing new for so long waits for something that nobody knows. */
const SETTLED_MS = 300;
/** A page that asks to be refreshed so soon is an interstitial. */
const REFRESH_WITHIN_MS = 5_000;

export class SettledPage {
  readonly #tab: Tab;
  readonly #frames: PageFrames;
  readonly #scripts: readonly (readonly string[])[];
  /** A script of a known kind was loaded: it may draw its challenge at any time. */
  #mayDraw = false;

  constructor(tab: Tab, frames: PageFrames, kinds: readonly ChallengeKind[]) {
    this.#tab = tab;
    this.#frames = frames;
    const entries = [...KIND_SCRIPTS, ...kinds.flatMap((kind) => kind.frame_urls)];
    this.#scripts = entries.map((entry) => entry.toLowerCase().split(" & "));
  }

  /** Looks once, after this scan. Call it after each: changes are seen from the first call on. Never rejects. */
  async look(scan: PageScan): Promise<boolean> {
    if (this.#mayDraw) return false;
    const frames = scan.frames.map(({ frame }) => frame);
    try {
      const unchanged = await Promise.all(frames.map((frame) => this.#frames.run(frame, unchangedMs, undefined)));
      const isQuiet = Math.min(this.#tab.networkQuietMs, ...unchanged) >= SETTLED_MS;
      if (!isQuiet || scan.silent.length > 0 || this.#isAboutToGo(scan)) return false;
      const loaded = await Promise.all(frames.map((frame) => this.#frames.run(frame, hasScriptFrom, this.#scripts)));
      this.#mayDraw = loaded.includes(true);
      return !this.#mayDraw;
    } catch {
      // A frame that does not answer, or has another document now, is not at rest.
      return false;
    }
  }

  #isAboutToGo({ frames }: PageScan): boolean {
    return frames.some(({ frame, answer }) => {
      const asked = [...answer.refreshes.map(refreshDelayMs), this.#tab.refreshDelayOf(frame.loaderId)];
      return asked.some((delay) => delay !== null && delay < REFRESH_WITHIN_MS);
    });
  }
}
