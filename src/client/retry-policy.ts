/** When a lost connection is tried again: the six states with their moves, the classes of loss, and how each profile waits. */

export type ConnectionStateName = "DISCONNECTED" | "CONNECTING" | "CONNECTED" | "RECONNECTING" | "FAILED" | "CLOSED";

/** Each state's moves; `RECONNECTING` stays itself from one attempt to the next. `FAILED` and `CLOSED` are for good. */
export const MOVES: Readonly<Record<ConnectionStateName, readonly ConnectionStateName[]>> = {
  DISCONNECTED: ["CONNECTING", "CLOSED"],
  CONNECTING: ["CONNECTED", "RECONNECTING", "FAILED", "CLOSED"],
  CONNECTED: ["RECONNECTING", "FAILED", "CLOSED"],
  RECONNECTING: ["RECONNECTING", "CONNECTED", "FAILED", "CLOSED"],
  FAILED: [],
  CLOSED: [],
};

/** Why a connection was lost, as far as that decides when another attempt is worth it. */
export type LossClass = "network" | "closed" | "authentication" | "server";

export interface RetryRule {
  /** The shortest wait. */
  firstMs: number;
  /** Waits grow up to here. */
  longestMs: number;
  /** So many attempts in a row, then no more; Infinity: never gives up. */
  tries: number;
  /** The first attempt comes without a wait. */
  atOnce?: boolean;
}

export type Profile = Readonly<Record<LossClass, Readonly<RetryRule>>>;

/** `bot`: nobody waits in front of a screen, so the server is spared. `operator`: a person waits. */
export const PROFILES: Readonly<Record<"bot" | "operator", Profile>> = {
  bot: {
    network: { firstMs: 10_000, longestMs: 60_000, tries: 5 },
    closed: { firstMs: 3_000, longestMs: 15_000, tries: 3 },
    authentication: { firstMs: 5_000, longestMs: 6_000, tries: 1 },
    server: { firstMs: 30_000, longestMs: 36_000, tries: 3 },
  },
  operator: {
    // A restarted server is found within 1.5 s, however long it was down.
    network: { firstMs: 500, longestMs: 1_500, tries: Number.POSITIVE_INFINITY, atOnce: true },
    closed: { firstMs: 500, longestMs: 5_000, tries: Number.POSITIVE_INFINITY, atOnce: true },
    authentication: { firstMs: 500, longestMs: 1_000, tries: 1 },
    // A server that answers "full" or "too many" is not asked sooner, although a person waits.
    server: { firstMs: 8_000, longestMs: 12_000, tries: Number.POSITIVE_INFINITY },
  },
};

/** Too short for a person to notice; it spreads the clients of a restarted server, which would all connect in one moment. */
const AT_ONCE_SPREAD_MS = 200;

/** The server would answer every attempt the same: not allowed, unknown. */
const REFUSED_CLOSE_CODES = new Set([4403, 4404]);
/** The session has ended, so there is nothing to reconnect to. */
const OVER_CLOSE_CODE = 4410;
const AUTHENTICATION_CLOSE_CODE = 4401;
/** The server failed, is full, or was asked too often. */
const SERVER_CLOSE_CODES = new Set([1011, 1013, 4429]);
/** The code that a WebSocket reports when the connection broke without a close frame. */
export const NO_CLOSE_FRAME = 1006;

/** What a close code means; `refused` and `over` are final. */
export function classOf(closeCode: number): LossClass | "refused" | "over" {
  if (closeCode === OVER_CLOSE_CODE) return "over";
  if (REFUSED_CLOSE_CODES.has(closeCode)) return "refused";
  if (closeCode === AUTHENTICATION_CLOSE_CODE) return "authentication";
  if (SERVER_CLOSE_CODES.has(closeCode)) return "server";
  return closeCode === NO_CLOSE_FRAME ? "network" : "closed";
}

/**
 * Ms to wait before an attempt: always between the rule's first and longest wait, growing, and at random in the upper half
 * of what it has grown to, so that many clients do not reconnect at once. `attempt` is 1 for the first one of this class in
 * a row; `random` returns 0 to 1.
 */
export function waitBefore(rule: RetryRule, attempt: number, random: () => number = Math.random): number {
  const { firstMs, longestMs, atOnce } = rule;
  if (atOnce && attempt <= 1) return Math.round(AT_ONCE_SPREAD_MS * random());
  const grown = Math.min(longestMs, firstMs * 2 ** Math.max(atOnce ? attempt - 1 : attempt, 0));
  const least = Math.max(firstMs, grown / 2);
  return Math.round(least + (grown - least) * random());
}

/** A profile with some of its numbers replaced. */
export function profileWith(
  name: "bot" | "operator",
  changes: Partial<Record<LossClass, Partial<RetryRule>>> = {},
): Profile {
  const base = PROFILES[name];
  return {
    network: { ...base.network, ...changes.network },
    closed: { ...base.closed, ...changes.closed },
    authentication: { ...base.authentication, ...changes.authentication },
    server: { ...base.server, ...changes.server },
  };
}

/** Counts the attempts of one connection, each class of loss by itself: a server that closes every socket is not hammered. */
export class Retries {
  readonly #profile: Profile;
  readonly #random: (() => number) | undefined;
  /** Attempts in a row, by the loss that they were for. */
  readonly #counts = new Map<LossClass, number>();

  /** `random` returns 0 to 1. */
  constructor(profile: Profile, random?: () => number) {
    this.#profile = profile;
    this.#random = random;
  }

  /** The next attempt after this loss; `attempt` counts those for other losses too. Null: all are used up. */
  next(loss: LossClass): { attempt: number; waitMs: number } | null {
    const rule = this.#profile[loss];
    const count = (this.#counts.get(loss) ?? 0) + 1;
    if (count > rule.tries) return null;
    this.#counts.set(loss, count);
    const attempt = [...this.#counts.values()].reduce((sum, one) => sum + one, 0);
    return { attempt, waitMs: waitBefore(rule, count, this.#random) };
  }

  /** The last attempt came out of turn: it does not count. */
  forgive(loss: LossClass): void {
    this.#counts.set(loss, (this.#counts.get(loss) ?? 1) - 1);
  }

  /** The connection has held. */
  clear(): void {
    this.#counts.clear();
  }
}
