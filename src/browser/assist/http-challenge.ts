/** Reads what a site says with the answer 401: how to sign in, and to what. */

const MAX_REALM_LENGTH = 200;
/** The schemes that take a user name and a password. */
const SCHEME = /(?:^|[\n,])\s*(basic|digest)(?:\s+|\s*$)/i;
const REALM = /(?:^|[\s,])realm\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/i;

/**
 * The realm that a user name and a password are wanted for, empty where the site gives none; null where they are not
 * wanted. `headers` are as CDP has them: several of one name are joined by line breaks.
 */
export function challengeOf(headers: Readonly<Record<string, string>>): { readonly realm: string } | null {
  const text = Object.entries(headers).find(([name]) => name.toLowerCase() === "www-authenticate")?.[1] ?? "";
  const scheme = SCHEME.exec(text);
  if (!scheme) return null;
  const [, quoted, bare = ""] = REALM.exec(text.slice(scheme.index)) ?? [];
  return { realm: (quoted?.replace(/\\(.)/g, "$1") ?? bare).slice(0, MAX_REALM_LENGTH) };
}
