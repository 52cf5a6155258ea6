/** How keys are written, made and kept: `name:secret[:scope+scope] [option=value,value ...]`, of which only a hash stays. */
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { urlPatternSchema } from "../egress/destination.ts";
import { cdpPatternSchema } from "../protocol/cdp-pattern.ts";
import { type Grants, SCOPES, type Scope } from "./caller.ts";

/** What begins a key that was made here; it helps people, and scanners for lost secrets, to know one. */
const PREFIX = "crk_";
const SECRET_BYTES = 32;
/** What a key is good for when nothing is said: all that a bot needs. */
const BOT_SCOPES: readonly Scope[] = ["sessions:create", "sessions:read", "sessions:control"];
/** A shorter one may be guessed. */
const SHORT_SECRET = 16;

export const keyNameSchema = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "a name is 1 to 64 of A-Z a-z 0-9 . _ -");
const secretSchema = z
  .string()
  .regex(/^[A-Za-z0-9._~+/=-]{1,256}$/, "a secret is 1 to 256 of A-Z a-z 0-9 . _ ~ + / = -");

/** A key as it is kept. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  /** SHA-256, hex. */
  readonly hash: string;
  readonly grants: Grants;
}

/** A key of the configuration: its id is its name, so that what it made stays its own over restarts. */
export interface ConfiguredKey extends KeyRecord {
  readonly isShort: boolean;
}

/** What `keys add`, or a line of API_KEYS_FILE, may say about a key. Every field is comma-separated text. */
export const grantsSchema = z.strictObject({
  scopes: list(z.enum(SCOPES, `a scope is one of ${SCOPES.join(", ")}`)).default([...BOT_SCOPES]),
  labels: list(z.string().max(200)).default([]),
  cdp_allow: list(asText(cdpPatternSchema)).nullable().default(null),
  url_allow: list(asText(urlPatternSchema)).default([]),
});

export function newSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString("base64url");
}

export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/**
 * One key of API_KEYS or of a line of API_KEYS_FILE. Scopes hold colons themselves: what follows the second one is
 * theirs. Throws an Error that names the key, never its secret.
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

/** All keys of a text, separated as told. Throws an Error: a key that is none, or a name that is there twice. */
export function parseKeySpecs(text: string, separator: "," | "\n"): ConfiguredKey[] {
  const specs = text.split(separator).map((line) => line.trim());
  const keys = specs.filter((line) => line !== "" && !line.startsWith("#")).map(parseKeySpec);
  assertDistinct(keys);
  return keys;
}

/** Throws an Error where two keys share a name or a secret: nobody could tell them apart. */
export function assertDistinct(keys: readonly KeyRecord[]): void {
  for (const [index, key] of keys.entries()) {
    const twin = keys.slice(0, index).find(({ name, hash }) => name === key.name || hash === key.hash);
    if (twin?.name === key.name) throw new Error(`${key.name}: there are two keys of this name`);
    if (twin) throw new Error(`${key.name}: the secret of ${twin.name}`);
  }
}

/** Kept as it was written: what was read of it may be more than JSON can hold. */
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
