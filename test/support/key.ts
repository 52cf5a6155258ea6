/** The key that the tests' bots use: it may do everything, as the first key of a new server. */
import { SCOPES, type Scope } from "../../src/auth/caller.ts";
import type { KeyStore } from "../../src/auth/key-store.ts";
import { makeKey } from "../../src/auth/keys.ts";

export const TEST_KEY = "crk_of-the-tests-0123456789abcdef";
/** For API_KEYS. */
export const TEST_KEY_SPEC = `test:${TEST_KEY}:${SCOPES.join("+")}`;
export const BEARER = { authorization: `Bearer ${TEST_KEY}` };

/** Takes the key away again from what sends it by itself. */
export const NO_KEY = { authorization: undefined };

/** A request by the tests' bot. */
export function fetchAsBot(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, headers: { ...BEARER, ...(init.headers as Record<string, string> | undefined) } });
}

/** Adds a key, as the command `keys add` does; by itself it may do everything. */
export function addKey(keys: KeyStore, name: string, scopes: readonly Scope[] = SCOPES): ReturnType<typeof makeKey> {
  const made = makeKey(name, { scopes, labels: [], cdp_allow: null, url_allow: [] });
  keys.add(made.key);
  return made;
}
