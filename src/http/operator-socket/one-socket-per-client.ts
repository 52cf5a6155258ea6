/** [W31] A client has one socket: its new one ends its last one, which may be dead without knowing it yet. */
export class OneSocketPerClient {
  /** What ends the socket, by client. */
  readonly #ends = new Map<string, () => void>();

  /** Ends the client's last socket. `end` ends this one. Returns a function that forgets it, to be called on its close. */
  begin(client: string, end: () => void): () => void {
    this.#ends.get(client)?.();
    this.#ends.set(client, end);
    return () => {
      if (this.#ends.get(client) === end) this.#ends.delete(client);
    };
  }
}
