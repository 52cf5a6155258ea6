/** The API key of the bench's bot. */
import { randomBytes } from "node:crypto";
import { SCOPES } from "../src/auth/caller.ts";

const SECRET = randomBytes(24).toString("base64url");

export const BENCH_KEY = SECRET;
/** The value of API_KEYS: the bot's key, and one for ops. */
export const BENCH_KEY_SPEC = `bench:${SECRET}:${SCOPES.join("+")}`;
export const BEARER = { authorization: `Bearer ${SECRET}` };
