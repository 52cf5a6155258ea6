/** The bench's bot comes with a key, as bots do. */
import { randomBytes } from "node:crypto";

const SECRET = randomBytes(24).toString("base64url");

/** For API_KEYS. */
export const BENCH_KEY_SPEC = `bench:${SECRET}`;
export const BEARER = { authorization: `Bearer ${SECRET}` };
