/** Secrets for another use than links, derived from the ring of link secrets, so that they survive restarts as well. */
import { hkdfSync } from "node:crypto";
import type { KeyRing, RingKey } from "./key-ring.ts";

const SECRET_BYTES = 32;

/** Secrets by id. What one signs stays valid while `find` knows its id. */
export interface DerivedKeys {
  readonly current: RingKey;
  find(kid: string): RingKey | undefined;
}

/** Derives a secret of 32 bytes from each of the ring, for one use: it signs nothing that another use takes. */
export function derivedKeys(ring: KeyRing, use: string): DerivedKeys {
  const derived = ({ kid, secret }: RingKey): RingKey => ({
    kid,
    secret: new Uint8Array(hkdfSync("sha256", secret, "", use, SECRET_BYTES)),
  });
  return {
    get current() {
      return derived(ring.current);
    },
    find(kid) {
      const key = ring.find(kid);
      return key && derived(key);
    },
  };
}
