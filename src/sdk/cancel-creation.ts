/** Cancels a session that the caller no longer wants, also one whose creation is still under way. */
import { delay } from "./delay.ts";
import { CaptchaRemoteError } from "./errors.ts";

/** The limit of all attempts together. It is short, as cancelling is a courtesy to the server. */
const CANCEL_WITHIN_MS = 5_000;
/** Pause before the cancellation is sent again, as it may overtake the creation. */
const AGAIN_MS = 300;
/** A server refuses before it opens any page: a creation that is not refused within this time will not be. */
const REFUSAL_MS = 1_000;

export interface Creation {
  /** The id that was asked for; without one only the answer has it. */
  readonly id: string | undefined;
  /** The id was drawn for this creation: no other session can have it. */
  readonly isDrawn: boolean;
  readonly answer: Promise<{ readonly session_id: string }>;
}

/** The outcome of a creation. `lost`: no server has answered, so there may be a session all the same. */
type Fate = "made" | "refused" | "lost" | "open";

/**
 * Cancels the session that the creation has made or is going to make, within 5 s. A session that existed before, under an
 * id that the caller has chosen, is left alone. Without an id it waits for the answer in the background: the creation has
 * a limit of its own. Never rejects.
 */
export async function cancelCreation(
  { id, isDrawn, answer }: Creation,
  cancel: (id: string, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const end = (known: string, signal = AbortSignal.timeout(CANCEL_WITHIN_MS)) => cancel(known, signal).catch(() => {});
  if (id === undefined) {
    void answer.then(({ session_id }) => end(session_id)).catch(() => {});
    return;
  }
  const within = AbortSignal.timeout(CANCEL_WITHIN_MS);
  const settled = answer.then((): Fate => "made", fateOf);
  const soon = (ms: number) =>
    Promise.race([
      settled,
      delay(ms, within).then(
        () => "open" as const,
        () => "open" as const,
      ),
    ]);
  let fate: Fate = await soon(isDrawn ? 0 : REFUSAL_MS);
  while (fate !== "refused" && !within.aborted) {
    await end(id, within);
    if (fate === "made") return;
    if (fate === "lost") {
      await delay(AGAIN_MS, within).catch(() => {});
      return end(id, within);
    }
    fate = await soon(AGAIN_MS);
  }
}

function fateOf(error: unknown): Fate {
  const isAnswer = error instanceof CaptchaRemoteError && error.status !== null && error.code !== "server_unreachable";
  return isAnswer ? "refused" : "lost";
}
