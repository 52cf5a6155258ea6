/** [W61] The port between a bot that crops its own page and the session that has this page. */
import type { Code } from "../../errors.ts";
import type { Clip } from "../../protocol/relay-terms.ts";

/** The bot's own hand on its page. */
export interface CropHelper {
  readonly targetId: string;
  /** Device px per CSS px. */
  readonly density: number;
  readonly touch: boolean;
  /**
   * Makes pictures show `clip` and no more; null: the whole page. `again`: also if that is what was set last. Rejects if
   * the bot cannot, does not answer in time, or is gone.
   */
  set(clip: Clip | null, again: boolean): Promise<void>;
  /** Calls the listener each time the bot has set the part again unasked, as after a screenshot of its own. */
  onRenewed(listener: () => void): void;
  /** Closes its socket with the code's own close code; null: it is not needed any more. */
  close(code: Code | null): void;
}

export interface Crops {
  /**
   * [R32] Lets the bot crop the page of its session from now on, in place of one that came before. Returns a function that
   * ends it. Throws AppError session_not_found, session_ended, timeout (the page is not ready), invalid_message (it is not
   * a page that `cdp` named, or another one).
   */
  takeCropHelper(sessionId: string, helper: CropHelper): Promise<() => void>;
}
