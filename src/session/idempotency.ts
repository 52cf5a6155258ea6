/**
 * [R10] Creations with an Idempotency-Key: a repeat gets the first answer, also while the first creation is under way.
 */
import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { AppError } from "../errors.ts";
import type { CreateSession } from "../protocol/rest.ts";
import type { CreatedAnswer, IdempotentAnswers } from "./ports/store.ts";

/** A created session, and the answer to its creation. */
export interface Created {
  readonly uid: string;
  readonly answer: CreatedAnswer;
}

export class Idempotency {
  readonly #store: IdempotentAnswers;
  readonly #log: Logger;
  /**
   * Creations under way, and answers that could not be stored. These are few: nothing is created while the store cannot
   * write.
   */
  readonly #pending = new Map<string, { readonly bodyHash: string; readonly created: Promise<Created> }>();

  constructor(store: IdempotentAnswers, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * The session that was created under this key, or else the one that `create` makes now. Throws invalid_message if the
   * key was used with another body, and as `create` does.
   */
  async get(key: string, body: CreateSession, create: () => Promise<Created>): Promise<Created> {
    // A password may be so short that its hash gives it away: a repeat with another one is the same request.
    const hashed = { ...body, http_credentials: body.http_credentials?.username };
    const bodyHash = createHash("sha256").update(JSON.stringify(hashed)).digest("hex");
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

  /**
   * Stores the answer; false if the store fails. The creation succeeds all the same: a refusal would make the bot
   * create another session.
   */
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
