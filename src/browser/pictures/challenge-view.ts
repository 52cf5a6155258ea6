/** Where the challenge is and what a view of it shows: it follows what is found, but not at every flicker. */
import type { CaptchaInfo, Rect, Size } from "../../protocol/common.ts";
import { hasMoved, isShown, viewOf, wholePage } from "./view-geometry.ts";

/** A challenge that is gone for longer than this is not coming back: show the whole page again. */
const LOST_CHALLENGE_MS = 1_500;

export class ChallengeView {
  /** After a view was shown it stays, even without a challenge, while this is true (plain clients, [W20]). */
  isKept = false;
  #viewport: Size;
  #challenge: CaptchaInfo | null = null;
  #rect: Rect;
  #missingSince: number | null = null;

  constructor(viewport: Size) {
    this.#viewport = viewport;
    this.#rect = wholePage(viewport);
  }

  get viewport(): Size {
    return this.#viewport;
  }

  get challenge(): CaptchaInfo | null {
    return this.#challenge;
  }

  /** The challenge, or the whole page where there is none; CSS px of the page. */
  get rect(): Rect {
    return this.#rect;
  }

  /** Whether that is another size than before. */
  resize(viewport: Size): boolean {
    const { width, height } = this.#viewport;
    if (viewport.width === width && viewport.height === height) return false;
    this.#viewport = viewport;
    this.#update();
    return true;
  }

  /** What a look has found. Whether the view is another one now. */
  follow(challenge: CaptchaInfo | null): boolean {
    const found = challenge && isShown(challenge, this.#viewport) ? challenge : null;
    if (found) this.#missingSince = null;
    else if (this.#challenge) {
      this.#missingSince ??= performance.now();
      if (this.isKept || performance.now() - this.#missingSince < LOST_CHALLENGE_MS) return false;
    }
    if (!hasMoved(this.#challenge, found)) return false;
    this.#challenge = found;
    this.#update();
    return true;
  }

  #update(): void {
    this.#rect = this.#challenge ? viewOf(this.#challenge, this.#viewport) : wholePage(this.#viewport);
  }
}
