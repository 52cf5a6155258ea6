/** The stores there are, each held to the one contract, and what is special to SQLite. */
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test as base, expect } from "@playwright/test";
import { openSqliteStore } from "../../src/session/sqlite-store.ts";
import { TEST_FOLDER_PREFIX } from "../fixtures.ts";
import { sessionRecord, storeContract } from "./store-contract.ts";

async function sqliteFactory() {
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  return {
    open: () => openSqliteStore(join(folder, "made", "when", "missing")),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

storeContract("SQLite", sqliteFactory);

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
});

test("a second server on the same DATA_DIR is refused with a sentence, until the first has ended", ({ folder }) => {
  const first = openSqliteStore(folder);
  first.save(sessionRecord());
  expect(() => openSqliteStore(folder)).toThrow(`Another server already uses ${folder}; stop it or set DATA_DIR.`);
  expect(first.find("one")).toEqual(sessionRecord());
  first.close();
  const second = openSqliteStore(folder);
  expect(second.find("one")).toEqual(sessionRecord());
  second.close();
});

test("a database of a newer version is left alone", ({ folder }) => {
  openSqliteStore(folder).close();
  const db = new DatabaseSync(join(folder, "sessions.db"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  expect(() => openSqliteStore(folder)).toThrow("newer version (schema 99)");
  // Neither refusal keeps the folder.
  expect(() => openSqliteStore(folder)).toThrow("newer version (schema 99)");
});

test("a database from before events is brought up to date with what is in it", ({ folder }) => {
  const old = openSqliteStore(folder);
  old.save(sessionRecord({ state: "solved", ended_at: 1 }));
  old.close();
  const db = new DatabaseSync(join(folder, "sessions.db"));
  for (const table of ["events", "callbacks", "deliveries", "api_keys", "operator_links", "audit", "page_memory"]) {
    db.exec(`DROP TABLE ${table}`);
  }
  db.exec("DROP INDEX sessions_by_owner; ALTER TABLE sessions DROP COLUMN owner; PRAGMA user_version = 1");
  db.close();
  const store = openSqliteStore(folder);
  expect(store.find("one")?.state).toBe("solved");
  expect(store.events.untold().map(({ uid }) => uid)).toEqual(["uid-1"]);
  store.close();
});

test("a DATA_DIR that is a file is refused", async ({ folder }) => {
  const path = join(folder, "file");
  await writeFile(path, "");
  expect(() => openSqliteStore(path)).toThrow();
});

test("a DATA_DIR that is made is nobody else's to read", async ({ folder }) => {
  const path = join(folder, "new");
  openSqliteStore(path).close();
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});
