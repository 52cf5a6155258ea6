// When a lost line is tried again: the six states with their moves, the classes of loss, and how each profile waits.

export type ConnectionStateName = "DISCONNECTED" | "CONNECTING" | "CONNECTED" | "RECONNECTING" | "FAILED" | "CLOSED";

/** Each state's moves; `RECONNECTING` stays itself from one try to the next. `FAILED` and `CLOSED` are for good.
 * @type {Readonly<Record<ConnectionStateName, readonly ConnectionStateName[]>>} */
export const MOVES: Readonly<Record<ConnectionStateName, readonly ConnectionStateName[]>> = {
  DISCONNECTED: ["CONNECTING", "CLOSED"],
  CONNECTING: ["CONNECTED", "RECONNECTING", "FAILED", "CLOSED"],
  CONNECTED: ["RECONNECTING", "FAILED", "CLOSED"],
  RECONNECTING: ["RECONNECTING", "CONNECTED", "FAILED", "CLOSED"],
  FAILED: [],
  CLOSED: [],
};

/** Why a line was lost, as far as that says when it is worth trying again. @typedef {"network" | "closed" | "authentication" | "server"} LossClass */
export type LossClass = "network" | "closed" | "authentication" | "server";

/**
 */
export interface RetryRule {
  firstMs: number;
  longestMs: number;
  tries: number;
  atOnce?: boolean;
}

export type Profile = Readonly<Record<LossClass, Readonly<RetryRule>>>;

/** `bot`: nobody is waiting in front of a screen, so the server is spared. `operator`: somebody is.
 * @type {Readonly<Record<"bot" | "operator", Profile>>} */
export const PROFILES: Readonly<Record<"bot" | "operator", Profile>> = {
  bot: {
    network: { firstMs: 10_000, longestMs: 60_000, tries: 5 },
    closed: { firstMs: 3_000, longestMs: 15_000, tries: 3 },
    authentication: { firstMs: 5_000, longestMs: 6_000, tries: 1 },
    server: { firstMs: 30_000, longestMs: 36_000, tries: 3 },
  },
  operator: {
    // A server that is started again is found within 1.5 s, however long it was away.
    network: { firstMs: 500, longestMs: 1_500, tries: Number.POSITIVE_INFINITY, atOnce: true },
    closed: { firstMs: 500, longestMs: 5_000, tries: Number.POSITIVE_INFINITY, atOnce: true },
    authentication: { firstMs: 500, longestMs: 1_000, tries: 1 },
    // A server that says "full" or "too many" is not asked again sooner, whoever waits.
    server: { firstMs: 8_000, longestMs: 12_000, tries: Number.POSITIVE_INFINITY },
  },
};

/** No person notices this, and a crowd whose server came back does not arrive in one moment. */
const AT_ONCE_SPREAD_MS = 200;

/** The server will say the same thing again however often it is asked: not allowed, unknown. */
const REFUSED_CLOSE_CODES = new Set([4403, 4404]);
/** The session has ended, so there is nothing to come back to. */
const OVER_CLOSE_CODE = 4410;
const AUTHENTICATION_CLOSE_CODE = 4401;
/** Something went wrong in the server, it is full, or it was asked too often. */
const SERVER_CLOSE_CODES = new Set([1011, 1013, 4429]);
/** What a WebSocket says where the line broke without a word. */
export const NO_CLOSE_FRAME = 1006;

/**
 * What a lost socket means.
 * @param {number} closeCode
 * @returns {LossClass | "refused" | "over"} the last two are final
 */
export function classOf(closeCode: number): LossClass | "refused" | "over" {
  if (closeCode === OVER_CLOSE_CODE) return "over";
  if (REFUSED_CLOSE_CODES.has(closeCode)) return "refused";
  if (closeCode === AUTHENTICATION_CLOSE_CODE) return "authentication";
  if (SERVER_CLOSE_CODES.has(closeCode)) return "server";
  return closeCode === NO_CLOSE_FRAME ? "network" : "closed";
}

/**
 * How long to wait before a try: always between the rule's first and longest wait, growing, and at random in the upper
 * half of what it has grown to, so that a crowd does not come back at once.
 * @param {RetryRule} rule
 * @param {number} attempt 1 for the first try of this class in a row
 * @param {() => number} [random] 0 to 1
 * @returns {number} ms
 */
export function waitBefore(rule: RetryRule, attempt: number, random: () => number = Math.random): number {
  const { firstMs, longestMs, atOnce } = rule;
  if (atOnce && attempt <= 1) return Math.round(AT_ONCE_SPREAD_MS * random());
  const grown = Math.min(longestMs, firstMs * 2 ** Math.max(atOnce ? attempt - 1 : attempt, 0));
  const least = Math.max(firstMs, grown / 2);
  return Math.round(least + (grown - least) * random());
}

/**
 * A profile with some of its numbers replaced.
 * @param {"bot" | "operator"} name
 * @param {Partial<Record<LossClass, Partial<RetryRule>>>} [changes]
 * @returns {Profile}
 */
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

/** Counts the tries of one line, each kind of loss by itself: a server that throws everybody out again is not hammered. */
export class Retries {
  /** Tries in a row, by what they were for. @type {Map<LossClass, number>} */
  readonly #profile: Profile;
  readonly #random: (() => number) | undefined;
  readonly #counts = new Map<LossClass, number>();

  constructor(profile: Profile, random?: () => number) {
    this.#profile = profile;
    this.#random = random;
  }

  /**
   * The next try after this loss.
   * @param {LossClass} loss
   * @returns {{ attempt: number, waitMs: number } | null} `attempt` counts those for other losses too; null: used up
   */
  next(loss: LossClass): { attempt: number; waitMs: number } | null {
    const rule = this.#profile[loss];
    const count = (this.#counts.get(loss) ?? 0) + 1;
    if (count > rule.tries) return null;
    this.#counts.set(loss, count);
    const attempt = [...this.#counts.values()].reduce((sum, one) => sum + one, 0);
    return { attempt, waitMs: waitBefore(rule, count, this.#random) };
  }

  /** The last one was out of turn: it does not count. @param {LossClass} loss */
  forgive(loss: LossClass): void {
    this.#counts.set(loss, (this.#counts.get(loss) ?? 1) - 1);
  }

  /** The line has held. */
  clear(): void {
    this.#counts.clear();
  }
}
