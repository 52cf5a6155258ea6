/** How many operator sockets and event streams are open: from one address, and in all. */
import { AppError } from "../errors.ts";
import { addressKey } from "./address-key.ts";

export interface ConnectionBounds {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

export class Connections {
  readonly #bounds: ConnectionBounds;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds;
  }

  /**
   * Takes a place for a connection from this address (request.ip) and answers how to give it back, once.
   * AppError: capacity (the server is full), rate_limited (the address has its share).
   */
  take(ip: string | undefined): () => void {
    this.check(ip);
    const key = addressKey(ip);
    this.#count(key, 1);
    let held = true;
    return () => {
      if (held) this.#count(key, -1);
      held = false;
    };
  }

  /** Throws as take() would, and takes nothing. */
  check(ip: string | undefined): void {
    const { maxConnections, maxConnectionsPerAddress } = this.#bounds;
    if (this.#total >= maxConnections) {
      throw new AppError("capacity", { limit: "connections" }, { message: "All connections are taken." });
    }
    if ((this.#byAddress.get(addressKey(ip)) ?? 0) >= maxConnectionsPerAddress) {
      const message = "Too many connections from one address.";
      throw new AppError("rate_limited", { limit: "connections_per_address" }, { message });
    }
  }

  /** An address without a connection is not remembered. */
  #count(key: string, by: 1 | -1): void {
    this.#total += by;
    const count = (this.#byAddress.get(key) ?? 0) + by;
    if (count > 0) this.#byAddress.set(key, count);
    else this.#byAddress.delete(key);
  }
}
