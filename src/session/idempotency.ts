/** [R10] Creations with an Idempotency-Key: a repeat gets the first answer, also while that is still being made. */
import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { AppError } from "../errors.ts";
import type { CreateSession } from "../protocol/rest.ts";
import type { CreatedAnswer, IdempotentAnswers } from "./ports/store.ts";

/** A session that was made, and what was answered. */
export interface Created {
  readonly uid: string;
  readonly answer: CreatedAnswer;
}

export class Idempotency {
  readonly #store: IdempotentAnswers;
  readonly #log: Logger;
  /** Those that are being made, and those that could not be stored: few, as nothing is made while nothing can be written. */
  readonly #pending = new Map<string, { readonly bodyHash: string; readonly created: Promise<Created> }>();

  constructor(store: IdempotentAnswers, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** What was made under this key, or what `create` makes now. Throws invalid_message where another body came with it. */
  async get(key: string, body: CreateSession, create: () => Promise<Created>): Promise<Created> {
    const bodyHash = createHash("sha256").update(JSON.stringify(body)).digest("hex");
    const stored = this.#store.answer(key);
    const first = stored ? { bodyHash: stored.body_hash, created: Promise.resolve(stored) } : this.#pending.get(key);
    if (first) {
      if (first.bodyHash === bodyHash) return first.created;
      throw new AppError("invalid_message", { field: "idempotency-key", why: "already used with another body" });
    }
    const created = create();
    this.#pending.set(key, { bodyHash, created });
    try {
      const made = await created;
      if (this.#isStored(key, bodyHash, made)) this.#pending.delete(key);
      return made;
    } catch (error) {
      this.#pending.delete(key);
      throw error;
    }
  }

  /** Stores it, if that can be done. The session lives: a refusal now would have the bot make another one. */
  #isStored(key: string, body_hash: string, made: Created): boolean {
    try {
      this.#store.saveAnswer(key, { body_hash, ...made }, Date.now());
      return true;
    } catch (error) {
      this.#log.error({ err: error }, "an answer to an Idempotency-Key could not be stored");
      return false;
    }
  }
}
