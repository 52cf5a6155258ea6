/** [R28] The relays of this server: each has a random id that only its own key may use. */
import { timingSafeEqual } from "node:crypto";
import { AppError } from "../../errors.ts";
import type { FormerRelay, RelayHello, RelayResume } from "../../protocol/relay.ts";
import { RELAY_RECONNECT_SECONDS } from "../../protocol/relay-terms.ts";
import type { Lender, RelaySeat, RelaySocket, Relays } from "../../session/ports/relays.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { Relay } from "./relay.ts";

export interface RelayBounds {
  /** The most relays of one key. */
  readonly maxRelays: number;
  readonly maxMessageBytes: number;
}

/** A relay of an earlier server, whose session waits for its bot. */
export interface AwaitedRelay extends FormerRelay {
  readonly owner: string | null;
  readonly targetId: string;
}

export class RelayRegistry implements Relays {
  readonly #bounds: RelayBounds;
  readonly #relays = new Map<string, Relay>();
  /** By the relay's id. */
  readonly #awaited = new Map<string, AwaitedRelay & { readonly arrived: () => void }>();

  constructor(bounds: RelayBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#relays.size;
  }

  begin(hello: RelayHello, { owner, onEnd }: Lender, socket: RelaySocket): RelaySeat {
    const own = [...this.#relays.values()].filter((relay) => relay.owner === owner);
    if (own.length >= this.#bounds.maxRelays) throw new AppError("capacity", { limit: "relays_per_key" });
    const former = this.#formerOf(hello, owner);
    const relay = new Relay({
      hello,
      former,
      owner,
      maxFrameBytes: this.#bounds.maxMessageBytes,
      onEnd: (reason) => {
        this.#relays.delete(relay.id);
        onEnd(reason);
      },
    });
    this.#relays.set(relay.id, relay);
    const seat = this.#seat(relay, socket, 0);
    former?.arrived();
    return seat;
  }

  /**
   * [W57] Waits for the bot that lent a page to an earlier server. Resolves once it lends that page again, under the same
   * id. AppError browser_lost: it has not come in time.
   */
  async whenBack(awaited: AwaitedRelay, signal: AbortSignal): Promise<void> {
    const { promise: back, resolve: arrived } = Promise.withResolvers<void>();
    this.#awaited.set(awaited.relay, { ...awaited, arrived });
    try {
      await withDeadline(back, RELAY_RECONNECT_SECONDS * 1_000, "the bot of a relay", signal);
    } catch (cause) {
      throw new AppError("browser_lost", undefined, { cause });
    } finally {
      this.#awaited.delete(awaited.relay);
    }
  }

  resume({ relay: id, secret, received }: RelayResume, owner: string | null, socket: RelaySocket): RelaySeat {
    const relay = this.#own(id, owner);
    if (!isSame(relay.secret, secret)) throw notFound();
    return this.#seat(relay, socket, received);
  }

  /** The relay with this id, if it is this key's. Throws AppError relay_not_found. */
  find(id: string, owner: string | null): Relay {
    return this.#own(id, owner);
  }

  close(): void {
    for (const relay of [...this.#relays.values()]) relay.end("shutting_down");
  }

  #seat(relay: Relay, socket: RelaySocket, theirReceived: number): RelaySeat {
    relay.replaceSocket(socket);
    return {
      welcome: {
        type: "welcome",
        relay: relay.id,
        secret: relay.secret,
        received: relay.received,
        max_frame_bytes: this.#bounds.maxMessageBytes,
        reconnect_seconds: RELAY_RECONNECT_SECONDS,
      },
      begin: () => relay.begin(socket, theirReceived),
      take: (frame) => relay.take(socket, frame),
      roundTrip: (ms) => relay.roundTrip(ms),
      left: () => relay.left(socket),
    };
  }

  /** The awaited relay, if this bot is the one that had it, and lends the same page. */
  #formerOf({ again, target_id }: RelayHello, owner: string | null) {
    const awaited = again && this.#awaited.get(again.relay);
    const isIts = awaited && awaited.owner === owner && awaited.targetId === target_id;
    return isIts && isSame(awaited.secret, again.secret) ? awaited : undefined;
  }

  /** Another key's relay and none look alike. */
  #own(id: string, owner: string | null): Relay {
    const relay = this.#relays.get(id);
    if (!relay || relay.owner !== owner) throw notFound();
    return relay;
  }
}

function notFound(): AppError {
  return new AppError("relay_not_found", { field: "relay" });
}

function isSame(secret: string, given: string): boolean {
  const [own, other] = [Buffer.from(secret), Buffer.from(given)];
  return own.length === other.length && timingSafeEqual(own, other);
}
