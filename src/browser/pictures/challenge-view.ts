/** Where the challenge is and which part of the page a view of it shows. It follows the scans, but not every flicker. */
import type { CaptchaInfo, Rect, Size } from "../../protocol/common.ts";
import { hasMoved, isShown, viewOf, wholePage } from "./view-geometry.ts";

/** After this long without a challenge the view shows the whole page again. */
const LOST_CHALLENGE_MS = 1_500;

export class ChallengeView {
  /** While true, the view stays where it is even without a challenge (plain clients, [W20]). */
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

  /** Returns whether this is another size than before. */
  resize(viewport: Size): boolean {
    const { width, height } = this.#viewport;
    if (viewport.width === width && viewport.height === height) return false;
    this.#viewport = viewport;
    this.#update();
    return true;
  }

  /** Takes the challenge that a scan has found. Returns whether the view has changed. */
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
