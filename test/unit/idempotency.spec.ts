/** Creations with an Idempotency-Key over a store that cannot keep the answer. */
import { expect, test } from "@playwright/test";
import { pino } from "pino";
import { createSessionSchema } from "../../src/protocol/rest.ts";
import { type Created, Idempotency } from "../../src/session/idempotency.ts";
import { openMemoryStorage } from "../../src/storage/storage.ts";

const BODY = createSessionSchema.parse({ url: "http://127.0.0.1/" });

test("[R10] a repeat gets the session that was made, also where the answer could not be stored", async () => {
  const storage = openMemoryStorage();
  const { sessions: store } = storage;
  const { saveAnswer } = store;
  Object.assign(store, {
    saveAnswer: () => {
      throw new Error("disk full");
    },
  });
  const answers = new Idempotency(store, pino({ level: "silent" }));
  let made = 0;
  const create = async () => ({ uid: `uid-${++made}`, answer: { session_id: "one" } }) as Created;
  expect((await answers.get("key", BODY, create)).uid).toBe("uid-1");
  expect((await answers.get("key", BODY, create)).uid).toBe("uid-1");
  const other = createSessionSchema.parse({ url: "http://127.0.0.1/other" });
  await expect(answers.get("key", other, create)).rejects.toMatchObject({ code: "invalid_message" });
  Object.assign(store, { saveAnswer });
  expect((await answers.get("key 2", BODY, create)).uid).toBe("uid-2");
  expect(store.answer("key 2")?.uid).toBe("uid-2");
  storage.close();
});

test("[R10] a creation that was refused is tried anew by a repeat", async () => {
  const storage = openMemoryStorage();
  const { sessions: store } = storage;
  const answers = new Idempotency(store, pino({ level: "silent" }));
  await expect(answers.get("key", BODY, () => Promise.reject(new Error("disk full")))).rejects.toThrow("disk full");
  const created = { uid: "uid-1", answer: { session_id: "one" } } as Created;
  expect(await answers.get("key", BODY, async () => created)).toEqual(created);
  storage.close();
});
