/**
 * The notation of keys, `name:secret[:scope+scope] [option=value,value ...]`, and their records, which keep only a hash
 * of the secret.
 */
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { urlPatternSchema } from "../egress/destination.ts";
import { cdpPatternSchema } from "../protocol/cdp-pattern.ts";
import { type Grants, SCOPES, type Scope } from "./caller.ts";

/** The prefix of generated keys: people, and scanners for leaked secrets, recognise them by it. */
const PREFIX = "crk_";
const SECRET_BYTES = 32;
/** The default scopes of a key: all that a bot needs. */
const BOT_SCOPES: readonly Scope[] = ["sessions:create", "sessions:read", "sessions:control"];
/** A shorter secret may be guessed. */
const SHORT_SECRET = 16;

export const keyNameSchema = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "a name is 1 to 64 of A-Z a-z 0-9 . _ -");
const secretSchema = z
  .string()
  .regex(/^[A-Za-z0-9._~+/=-]{1,256}$/, "a secret is 1 to 256 of A-Z a-z 0-9 . _ ~ + / = -");

/** A key as it is stored. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  /** SHA-256, hex. */
  readonly hash: string;
  readonly grants: Grants;
}

/** A key of the configuration: its id derives from its name, so that it still owns its sessions after a restart. */
export interface ConfiguredKey extends KeyRecord {
  readonly isShort: boolean;
}

/** The options of `keys add` and of a line of API_KEYS_FILE. Each is comma-separated text. */
export const grantsSchema = z.strictObject({
  scopes: list(z.enum(SCOPES, `a scope is one of ${SCOPES.join(", ")}`)).default([...BOT_SCOPES]),
  labels: list(z.string().max(200)).default([]),
  cdp_allow: list(asText(cdpPatternSchema)).nullable().default(null),
  url_allow: list(asText(urlPatternSchema)).default([]),
});

/** A random secret of 32 bytes, in base64url behind the prefix. */
export function newSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString("base64url");
}

/** SHA-256 in hex. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/**
 * Parses one key of API_KEYS or one line of API_KEYS_FILE. Scopes contain colons themselves, so all that follows the
 * second colon is scopes. Throws an Error that names the key, never its secret.
 */
export function parseKeySpec(text: string): ConfiguredKey {
  const [spec = "", ...options] = text.trim().split(/\s+/);
  const [name = "", secret = "", ...scopes] = spec.split(":");
  const problem = (what: string) => new Error(`${keyNameSchema.safeParse(name).success ? name : "a key"}: ${what}`);
  const checked = z.object({ name: keyNameSchema, secret: secretSchema }).safeParse({ name, secret });
  if (!checked.success) throw problem(checked.error.issues[0]?.message ?? "not name:secret");
  const given = new Map<string, string>(scopes.length > 0 ? [["scopes", scopes.join(":").replaceAll("+", ",")]] : []);
  for (const option of options) {
    const equals = option.indexOf("=");
    if (equals < 1) throw problem("what follows the key is not option=value");
    given.set(option.slice(0, equals), option.slice(equals + 1));
  }
  const grants = grantsSchema.safeParse(Object.fromEntries(given));
  if (!grants.success) {
    const issue = grants.error.issues[0];
    throw problem(`${issue?.path.join(".") || "options"}: ${issue?.message}`);
  }
  return {
    id: `config:${name}`,
    name,
    hash: hashOf(secret),
    grants: grants.data,
    isShort: secret.length < SHORT_SECRET,
  };
}

/**
 * Parses all keys of a text; empty items and those that begin with # are skipped. Throws as parseKeySpec() and
 * assertDistinct() do.
 */
export function parseKeySpecs(text: string, separator: "," | "\n"): ConfiguredKey[] {
  const specs = text.split(separator).map((line) => line.trim());
  const keys = specs.filter((line) => line !== "" && !line.startsWith("#")).map(parseKeySpec);
  assertDistinct(keys);
  return keys;
}

/** Throws an Error if two keys share a name or a secret: they could not be told apart. */
export function assertDistinct(keys: readonly KeyRecord[]): void {
  for (const [index, key] of keys.entries()) {
    const twin = keys.slice(0, index).find(({ name, hash }) => name === key.name || hash === key.hash);
    if (twin?.name === key.name) throw new Error(`${key.name}: there are two keys of this name`);
    if (twin) throw new Error(`${key.name}: the secret of ${twin.name}`);
  }
}

/** Checks a pattern but keeps its text: the parsed pattern may not be representable in JSON. */
function asText(pattern: z.ZodType<unknown, string>) {
  return z.string().superRefine((text, context) => {
    const read = pattern.safeParse(text);
    if (!read.success) context.addIssue({ code: "custom", message: read.error.issues[0]?.message ?? "not a pattern" });
  });
}

/** Comma-separated text as a list. */
function list<T extends z.ZodType<string, string>>(item: T) {
  return z
    .string()
    .transform((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    )
    .pipe(z.array(item));
}
