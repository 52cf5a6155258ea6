/** Takes a session back that nobody wants any more, also one whose creation is still under way. */
import { delay } from "./delay.ts";
import { CaptchaRemoteError } from "./errors.ts";

/** Once nobody wants the session any more, ending it is a courtesy. */
const GOODBYE_MS = 5_000;
/** The request that ends a session may overtake the one that makes it: it is sent again after so long. */
const AGAIN_MS = 300;
/** A server refuses before it opens any page; whoever has not been refused by then is not going to be. */
const REFUSAL_MS = 1_000;

export interface Creation {
  /** The id that was asked for; without one, only the answer can tell it. */
  readonly id: string | undefined;
  /** Whether nobody else can have a session with this id, as it was drawn for this one. */
  readonly isDrawn: boolean;
  readonly answer: Promise<{ readonly session_id: string }>;
}

/** What has become of a creation. `lost`: no server has answered, so that there may be a session all the same. */
type Fate = "made" | "refused" | "lost" | "open";

/**
 * Ends what the creation has made or is going to make, within 5 s. A session that was somebody's before, under an id
 * that the caller has chosen, is left alone. Where no id is known yet, the answer is waited for in the background: the
 * creation has a limit of its own. Never rejects.
 */
export async function abandon(
  { id, isDrawn, answer }: Creation,
  cancel: (id: string, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const end = (known: string, signal = AbortSignal.timeout(GOODBYE_MS)) => cancel(known, signal).catch(() => {});
  if (id === undefined) {
    void answer.then(({ session_id }) => end(session_id)).catch(() => {});
    return;
  }
  const within = AbortSignal.timeout(GOODBYE_MS);
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
