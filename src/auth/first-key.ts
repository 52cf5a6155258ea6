/** The first key: the server makes it at its first start if there is none. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SCOPES } from "./caller.ts";
import { newSecret } from "./key-spec.ts";
import type { Keys } from "./keys.ts";

const NAME = "first";
const FILE = "first-key";

/** How the key is handed over: as text on a terminal, else in a file that only its owner can read. */
export type FirstKey = { readonly secret: string } | { readonly path: string };

/** Makes a key with all scopes; null if there are keys already. Throws if the file cannot be written. */
export function makeFirstKey(keys: Keys, dataDir: string, isTerminal: boolean): FirstKey | null {
  if (keys.hasAny) return null;
  const secret = newSecret();
  const path = join(dataDir, FILE);
  // The file comes first: if writing it failed after the key was added, nobody could ever read the secret.
  if (!isTerminal) {
    writeFileSync(path, `${secret}\n`, { mode: 0o600 });
    chmodSync(path, 0o600);
  }
  keys.add(NAME, { scopes: SCOPES, labels: [], cdp_allow: null, url_allow: [] }, secret);
  return isTerminal ? { secret } : { path };
}
