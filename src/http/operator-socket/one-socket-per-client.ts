/** [W31] One line a client: where it comes on a new one, its last is dead, whether that knows it yet or not. */
export class OneSocketPerClient {
  /** What ends the line, by client. */
  readonly #ends = new Map<string, () => void>();

  /** Ends the client's last line, and `end` is for this one. Answers what takes that back, once this one is over. */
  begin(client: string, end: () => void): () => void {
    this.#ends.get(client)?.();
    this.#ends.set(client, end);
    return () => {
      if (this.#ends.get(client) === end) this.#ends.delete(client);
    };
  }
}
