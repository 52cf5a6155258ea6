/** Random keys and ids, in Node and in browsers. Not `randomUUID`, which browsers have on https only. */

const BYTES = 16;

/** For an Idempotency-Key: 32 hexadecimal digits. */
export function randomKey(): string {
  return Array.from(draw(), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A session's id in the server's own form: 22 characters. It must be impossible to guess, as with AUTH=off it opens the session. */
export function randomId(): string {
  const text = btoa(String.fromCharCode(...draw()));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function draw(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(BYTES));
}
