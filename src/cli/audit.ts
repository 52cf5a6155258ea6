/** `captcha-remote audit`: checks or prints the audit trail. It may run beside a server. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Noted, Verification } from "../audit/chain.ts";
import { ConfigError, configFromProcess } from "../config.ts";
import { attachStorage } from "../storage/storage.ts";
import { type Command, takeOptions } from "./command.ts";

/** Entries that `list` prints without --limit. */
const LISTED = 50;
const MAX_LISTED = 100_000;

const WHY: Readonly<Record<Extract<Verification, { kind: "broken" }>["why"], string>> = {
  changed: "it, or its hash, is not as it was written",
  missing: "it is missing",
  out_of_order: "it stands where no entry can",
  not_as_noted: "the chain is whole, but its hash is not the noted one: all of it was written anew",
};

export const auditCommand: Command = {
  usage: [
    ["audit verify", "checks the chain of the audit trail"],
    ["audit verify --noted SEQ:HASH", "... and that an entry noted earlier is still in it"],
    ["audit list --limit N", `prints the newest entries, ${LISTED} or N, oldest first`],
  ],
  run([verb = "", ...argv], write) {
    const { own, rest } = takeOptions(argv, ["noted", "limit"]);
    if (verb !== "verify" && verb !== "list") throw new ConfigError(["audit: verify or list"]);
    const noted = own.noted === undefined ? undefined : notedOf(own.noted);
    const limit = limitOf(own.limit ?? String(LISTED));
    const { dataDir } = configFromProcess(rest);
    // Opening would create a database, and its empty trail would pass as whole.
    if (!existsSync(join(dataDir, "sessions.db"))) throw new ConfigError([`DATA_DIR: no database in ${dataDir}`]);
    const storage = attachStorage(dataDir);
    try {
      const { audit } = storage;
      return verb === "verify" ? verify(audit, noted, write) : list(audit, limit, write);
    } finally {
      storage.close();
    }
  },
};

function verify(entries: AuditLog, noted: Noted | undefined, write: (text: string) => void): number {
  const found = entries.verify(noted);
  if (found.kind === "whole") {
    const toNote = found.entries === 0 ? "" : ` To note down elsewhere: ${found.entries}:${found.hash}`;
    write(`The audit trail is whole: ${found.entries} entries.${toNote}\n`);
    return 0;
  }
  write(`The audit trail is broken at entry ${found.seq}: ${WHY[found.why]}.\n`);
  return 1;
}

/** Prints one line of JSON for each entry, oldest first. */
function list(entries: AuditLog, limit: number, write: (text: string) => void): number {
  for (const { at, ...entry } of entries.page({ limit }).reverse()) {
    write(`${JSON.stringify({ at: new Date(at).toISOString(), ...entry })}\n`);
  }
  return 0;
}

function notedOf(text: string): Noted {
  const [, seq, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) throw new ConfigError(["--noted: SEQ:HASH, as verify has printed it"]);
  return { seq: Number(seq), hash };
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LISTED) return limit;
  throw new ConfigError([`--limit: a whole number from 1 to ${MAX_LISTED}`]);
}
