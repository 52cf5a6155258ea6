/** `captcha-remote keys`: adds, lists and revokes API keys. A running server sees the change, as it reads the database at each request. */
import { grantsSchema, keyNameSchema } from "../auth/key-spec.ts";
import type { KeyRow, KeyStore } from "../auth/key-store.ts";
import { makeKey } from "../auth/keys.ts";
import { ConfigError, configFromProcess } from "../config.ts";
import { type AttachedStorage, attachStorage } from "../storage/storage.ts";
import { type Command, takeOptions } from "./command.ts";
import { recordCommand } from "./record.ts";

const OPTIONS = ["scopes", "labels", "url-allow", "key-cdp-allow"] as const;

export const keysCommand: Command = {
  usage: [
    ["keys add NAME", "makes a key for a bot, and prints it this once"],
    ["keys add NAME --scopes A,B", "... with scopes of its own, such as ops or operate"],
    ["keys add NAME --labels A,B", "... whose operate is about sessions of these labels"],
    ["keys add NAME --url-allow A,B", "... whose pages may reach these private addresses"],
    ["keys add NAME --key-cdp-allow A,B", "... with debugging endpoints of its own in place of CDP_ALLOW"],
    ["keys list", "prints all keys, without their secrets"],
    ["keys revoke NAME", "revokes a key, by its name or its id"],
  ],
  run([verb = "", ...argv], write) {
    const { own, rest } = takeOptions(argv, OPTIONS);
    const name = rest[0] !== undefined && !rest[0].startsWith("-") ? rest[0] : undefined;
    const { dataDir } = configFromProcess(name === undefined ? rest : rest.slice(1));
    const storage = attachStorage(dataDir);
    try {
      write(answer(storage, verb, name, own));
      return 0;
    } finally {
      storage.close();
    }
  },
};

type Options = Partial<Record<string, string>>;
type RecordKey = (action: "key.add" | "key.revoke", key: KeyRow) => void;

/** Runs the verb and returns the text to print. A key and its entry in the audit trail are written together or not at all. */
function answer(storage: AttachedStorage, verb: string, name: string | undefined, own: Options): string {
  const { keys, audit } = storage;
  const record: RecordKey = (action, { id, name: key }) => recordCommand(audit, action, { id, name: key });
  if (verb === "list" && name === undefined) return keys.list().map(lineOf).join("") || "There are no keys yet.\n";
  if (name === undefined) throw new ConfigError(["keys: add NAME, list, or revoke NAME"]);
  if (verb === "revoke") return storage.inOneStep(() => revoke(keys, name, record));
  if (verb === "add") return storage.inOneStep(() => add(keys, name, own, record));
  throw new ConfigError(["keys: add NAME, list, or revoke NAME"]);
}

function add(keys: KeyStore, name: string, own: Options, record: RecordKey): string {
  const named = keyNameSchema.safeParse(name);
  if (!named.success) throw new ConfigError([`keys add: ${named.error.issues[0]?.message}`]);
  const { scopes, labels, "url-allow": url_allow, "key-cdp-allow": cdp_allow } = own;
  const grants = grantsSchema.safeParse({ scopes, labels, url_allow, cdp_allow });
  if (!grants.success) {
    throw new ConfigError(grants.error.issues.map(({ path, message }) => `keys add: ${path.join(".")}: ${message}`));
  }
  if (keys.list().some((key) => key.name === name && key.revoked_at === null)) {
    throw new ConfigError([`keys add: a living key is called ${name}`]);
  }
  const { key, secret } = makeKey(name, grants.data);
  keys.add(key);
  record("key.add", key);
  return `${secret}\n\nThe key "${name}" (${key.grants.scopes.join(", ")}). Only a hash of it is kept.\n`;
}

function revoke(keys: KeyStore, name: string, record: RecordKey): string {
  const key = keys.revoke(name, Date.now());
  if (!key) throw new ConfigError([`keys revoke: there is no living key ${name}`]);
  record("key.revoke", key);
  return `Revoked the key "${key.name}" (${key.id}). Its sessions go on to their end.\n`;
}

/** One line of `keys list`. */
function lineOf({ id, name, grants, created_at, revoked_at }: KeyRow): string {
  const lists = Object.entries(grants).flatMap(([what, list]) => (list?.length ? [`${what}=${list.join(",")}`] : []));
  const state = revoked_at === null ? [] : [`revoked ${new Date(revoked_at).toISOString()}`];
  return `${[name, id, `made ${new Date(created_at).toISOString()}`, ...lists, ...state].join("  ")}\n`;
}
