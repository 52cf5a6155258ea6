/** The key that the first start makes where nobody could have one. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SCOPES } from "./caller.ts";
import { newSecret } from "./key-spec.ts";
import type { Keys } from "./keys.ts";

const NAME = "first";
const FILE = "first-key";

/** Where the key is told: on a terminal in text, else in a file that its owner alone can read. */
export type FirstKey = { readonly secret: string } | { readonly path: string };

/** Makes a key that may do everything; null where there are keys already. */
export function makeFirstKey(keys: Keys, dataDir: string, isTerminal: boolean): FirstKey | null {
  if (keys.hasAny) return null;
  const secret = newSecret();
  const path = join(dataDir, FILE);
  // First: a key that nobody was told of could never be told again.
  if (!isTerminal) {
    writeFileSync(path, `${secret}\n`, { mode: 0o600 });
    chmodSync(path, 0o600);
  }
  keys.add(NAME, { scopes: SCOPES, labels: [], cdp_allow: null, url_allow: [] }, secret);
  return isTerminal ? { secret } : { path };
}
