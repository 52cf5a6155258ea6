/** Bounds how many operator sockets, events sockets and event streams are open: from one address, of one key, in all. */
import { AppError } from "../../errors.ts";
import { addressKey } from "./address-key.ts";

export interface ConnectionBounds {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Events sockets and streams of many sessions. */
  readonly maxEventConnectionsPerKey?: number;
}

/** How many each name has; a name with none is forgotten. */
class Counts {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string, by: 1 | -1): void {
    const count = this.of(name) + by;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
  }
}

export class ConnectionLimits {
  readonly #bounds: ConnectionBounds;
  readonly #ofAddresses = new Counts();
  readonly #ofKeys = new Counts();
  #total = 0;

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds;
  }

  /**
   * Counts a connection from this address (request.ip). Returns a function that releases it, once.
   * Throws AppError: capacity (the server is full), rate_limited (the address has its share).
   */
  take(ip: string | undefined): () => void {
    this.check(ip);
    const address = addressKey(ip);
    this.#total += 1;
    this.#ofAddresses.add(address, 1);
    return once(() => {
      this.#total -= 1;
      this.#ofAddresses.add(address, -1);
    });
  }

  /** Throws as take() would, and counts nothing. */
  check(ip: string | undefined): void {
    const { maxConnections, maxConnectionsPerAddress } = this.#bounds;
    if (this.#total >= maxConnections) {
      throw new AppError("capacity", { limit: "connections" }, { message: "All connections are taken." });
    }
    if (this.#ofAddresses.of(addressKey(ip)) >= maxConnectionsPerAddress) {
      const message = "Too many connections from one address.";
      throw new AppError("rate_limited", { limit: "connections_per_address" }, { message });
    }
  }

  /** Counts a connection that take() has counted already, by the id of its key too. Throws AppError rate_limited. */
  takeOfKey(id: string): () => void {
    const { maxEventConnectionsPerKey = Infinity } = this.#bounds;
    if (this.#ofKeys.of(id) >= maxEventConnectionsPerKey) {
      const message = "Too many connections with one key.";
      throw new AppError("rate_limited", { limit: "event_connections_per_key" }, { message });
    }
    this.#ofKeys.add(id, 1);
    return once(() => this.#ofKeys.add(id, -1));
  }
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}
