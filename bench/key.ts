/** The bench's bot comes with a key, as bots do. */
import { randomBytes } from "node:crypto";
import { SCOPES } from "../src/auth/caller.ts";

const SECRET = randomBytes(24).toString("base64url");

export const BENCH_KEY = SECRET;
/** For API_KEYS: a bot's, and that of ops. */
export const BENCH_KEY_SPEC = `bench:${SECRET}:${SCOPES.join("+")}`;
export const BEARER = { authorization: `Bearer ${SECRET}` };
