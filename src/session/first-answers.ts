/** [R10] Creations with an Idempotency-Key: a repeat gets the first answer, also while that is still being made. */
import { createHash } from "node:crypto";
import { AppError } from "../errors.ts";
import type { CreateSession, SessionAnswer } from "../protocol/rest.ts";
import type { SessionStore } from "./store.ts";

/** A session that was made, and what was answered: without its link, which is a secret and made again when asked for. */
export interface Created {
  readonly uid: string;
  readonly answer: SessionAnswer;
}

export class FirstAnswers {
  readonly #store: Pick<SessionStore, "answer" | "saveAnswer">;
  readonly #underWay = new Map<string, { readonly bodyHash: string; readonly created: Promise<Created> }>();

  constructor(store: Pick<SessionStore, "answer" | "saveAnswer">) {
    this.#store = store;
  }

  /** What was made under this key, or what `create` makes now. Throws invalid_message where another body came with it. */
  async get(key: string, body: CreateSession, create: () => Promise<Created>): Promise<Created> {
    const bodyHash = createHash("sha256").update(JSON.stringify(body)).digest("hex");
    const stored = this.#store.answer(key);
    const first = stored ? { bodyHash: stored.body_hash, created: Promise.resolve(stored) } : this.#underWay.get(key);
    if (first) {
      if (first.bodyHash === bodyHash) return first.created;
      throw new AppError("invalid_message", { field: "idempotency-key", why: "already used with another body" });
    }
    const created = create();
    this.#underWay.set(key, { bodyHash, created });
    try {
      this.#store.saveAnswer(key, { body_hash: bodyHash, ...(await created) }, Date.now());
      return await created;
    } finally {
      this.#underWay.delete(key);
    }
  }
}
