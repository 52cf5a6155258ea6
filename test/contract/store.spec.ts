/** The storages there are, each held to the contract of every port, and what is special to SQLite. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test as base, expect } from "@playwright/test";
import { toAppError } from "../../src/errors.ts";
import { openMemoryStorage, openStorage } from "../../src/storage/storage.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { auditContract } from "./audit-contract.ts";
import { feedContract } from "./feed-contract.ts";
import { keysContract } from "./keys-contract.ts";
import type { StorageKind } from "./storage-test.ts";
import { sessionRecord, storeContract } from "./store-contract.ts";

async function sqliteFactory() {
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  return {
    open: () => openStorage(join(folder, "made", "when", "missing")),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const KINDS: Readonly<Record<string, StorageKind>> = {
  SQLite: { makeFactory: sqliteFactory, durable: true },
  memory: { makeFactory: async () => ({ open: openMemoryStorage, remove: async () => {} }), durable: false },
};
for (const [name, kind] of Object.entries(KINDS)) {
  for (const contract of [storeContract, feedContract, keysContract, auditContract]) contract(name, kind);
}

const PAGE_BYTES = 4_096;

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
});

test("a second server on the same DATA_DIR is refused with a sentence, until the first has ended", ({ folder }) => {
  const first = openStorage(folder);
  first.sessions.save(sessionRecord());
  expect(() => openStorage(folder)).toThrow(`Another server already uses ${folder}; stop it or set DATA_DIR.`);
  expect(first.sessions.find("one")).toEqual(sessionRecord());
  first.close();
  const second = openStorage(folder);
  expect(second.sessions.find("one")).toEqual(sessionRecord());
  second.close();
});

test("a database of a newer version is left alone", ({ folder }) => {
  openStorage(folder).close();
  const db = new DatabaseSync(join(folder, "sessions.db"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  expect(() => openStorage(folder)).toThrow("newer version (schema 99)");
  // Neither refusal keeps the folder.
  expect(() => openStorage(folder)).toThrow("newer version (schema 99)");
});

/** Each is told with the path and what to do, and the folder is free again when it has been done. */
const PROBLEMS: readonly { name: string; spoil: (folder: string) => Promise<void>; why: RegExp }[] = [
  {
    name: "a database that is none",
    spoil: (folder) => writeFile(join(folder, "sessions.db"), "Dear diary, ".repeat(1_000)),
    why: /sessions\.db is damaged: move it away to begin anew, .*or put a backup in their place\.$/,
  },
  {
    name: "a database with a damaged page that nobody has asked for yet",
    spoil: spoilPage,
    why: /sessions\.db is damaged: move it away to begin anew/,
  },
  {
    name: "a folder in the database's place",
    spoil: (folder) => mkdir(join(folder, "sessions.db")),
    why: /sessions\.db cannot be written \(EISDIR\): see who may write there, or set DATA_DIR\.$/,
  },
  {
    name: "a lock that is none",
    spoil: (folder) => writeFile(join(folder, "server.lock"), "Dear diary, ".repeat(1_000)),
    why: /server\.lock is damaged: remove it, nothing is kept in it\.$/,
  },
  {
    name: "a folder in the lock's place",
    spoil: (folder) => mkdir(join(folder, "server.lock")),
    why: /server\.lock cannot be written \(EISDIR\)/,
  },
];

for (const { name, spoil, why } of PROBLEMS) {
  test(`[S5] ${name} is refused with a sentence`, async ({ folder }) => {
    await spoil(folder);
    expect(() => openStorage(folder)).toThrow(why);
    expect(() => openStorage(folder)).toThrow(folder);
    for (const file of ["sessions.db", "server.lock"]) await rm(join(folder, file), { recursive: true, force: true });
    openStorage(folder).close();
  });
}

/** The last page but one: of the audit trail, which no server reads as a whole. */
async function spoilPage(folder: string): Promise<void> {
  const storage = openStorage(folder);
  const entry = {
    who: "x".repeat(200),
    address: null,
    action: "session.end",
    session_id: "one",
    uid: "uid-1",
  } as const;
  for (let count = 0; count < 100; count += 1) storage.audit.append({ ...entry, detail: null }, count);
  storage.close();
  const path = join(folder, "sessions.db");
  const bytes = await readFile(path);
  bytes.fill(0x5a, bytes.length - 2 * PAGE_BYTES, bytes.length - PAGE_BYTES);
  await writeFile(path, bytes);
}

test("a database that another program has locked is told as such", ({ folder }) => {
  openStorage(folder).close();
  const other = new DatabaseSync(join(folder, "sessions.db"));
  other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  expect(() => openStorage(folder)).toThrow("sessions.db is locked by another program: end that, and start again.");
  other.close();
});

for (const [name, pathIn] of [
  ["that is a file", (folder: string) => join(folder, "file")],
  ["below a file", (folder: string) => join(folder, "file", "data")],
  ["where nobody can make one", () => "/proc/captcha-remote"],
] as const) {
  test(`[S5] a DATA_DIR ${name} is refused with a sentence`, async ({ folder }) => {
    await writeFile(join(folder, "file"), "");
    const path = pathIn(folder);
    const why = /cannot be made a folder \(E\w+\): set DATA_DIR to one that can be written\.$/;
    expect(() => openStorage(path)).toThrow(why);
    expect(() => openStorage(path)).toThrow(path);
  });
}

test("what SQLite cannot write is storage_unavailable, what it does not understand is a defect of ours", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (x)");
  const { page_count } = db.prepare("PRAGMA page_count").get() ?? {};
  db.exec(`PRAGMA max_page_count = ${page_count}`);
  const codeOf = (sql: string) => {
    try {
      db.exec(sql);
    } catch (error) {
      return toAppError(error).code;
    }
    return "nothing";
  };
  expect(codeOf("INSERT INTO t VALUES (zeroblob(100000))")).toBe("storage_unavailable");
  expect(codeOf("INSERT INTO t VALUES")).toBe("internal");
  db.exec("PRAGMA query_only = ON");
  expect(codeOf("INSERT INTO t VALUES (1)")).toBe("storage_unavailable");
  db.close();
});

test("a DATA_DIR that is made is nobody else's to read", async ({ folder }) => {
  const path = join(folder, "new");
  openStorage(path).close();
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});
