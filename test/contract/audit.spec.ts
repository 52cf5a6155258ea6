/** The audit trail in SQLite: what its triggers refuse, what its chain shows, and two processes on one chain. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { test as base, expect } from "@playwright/test";
import { FIRST_LINK, linkHash } from "../../src/audit/chain.ts";
import { SqliteAuditLog } from "../../src/storage/audit-log.ts";
import { attachDatabase, inOneStep } from "../../src/storage/database.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { watchProgram } from "../support/programs.ts";
import { auditEntry } from "./audit-contract.ts";

const AT = Date.UTC(2030, 0, 1);

const test = base.extend<{ folder: string; db: DatabaseSync; audit: SqliteAuditLog }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
  db: async ({ folder }, use) => {
    const db = attachDatabase(folder);
    await use(db);
    db.close();
  },
  audit: async ({ db }, use) => use(new SqliteAuditLog(db)),
});

/** As somebody with the file and a tool would. */
function roundTheTriggers(db: DatabaseSync, sql: string): void {
  const triggers = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit'").all();
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  db.exec(sql);
}

function fill(audit: SqliteAuditLog, count: number): void {
  for (let index = 1; index <= count; index += 1) audit.append(auditEntry({ session_id: `s${index}` }), AT + index);
}

test("[R17] the entries of one session are found without reading all", ({ audit, db }) => {
  fill(audit, 3);
  const plan = db
    .prepare(
      "EXPLAIN QUERY PLAN SELECT seq FROM audit WHERE seq < 9 AND json_extract(entry, '$.session_id') = 'one' ORDER BY seq DESC",
    )
    .all();
  expect(JSON.stringify(plan)).toContain("audit_by_session");
});

test("[R17] a chain longer than what is read at once is whole", ({ audit, db }) => {
  inOneStep(db, () => fill(audit, 2_500));
  const [newest] = audit.page({ limit: 1 });
  expect(audit.verify()).toEqual({ kind: "whole", entries: 2_500, hash: newest?.hash });
  expect(audit.verify({ seq: 2_500, hash: String(newest?.hash) })).toMatchObject({ kind: "whole" });
});

test("[R17] the table refuses to be changed or cut", ({ audit, db }) => {
  fill(audit, 3);
  for (const sql of ["UPDATE audit SET at = 1", "DELETE FROM audit WHERE seq = 2", "DELETE FROM audit"]) {
    expect(() => db.exec(sql)).toThrow("append only");
  }
  expect(() => db.exec("INSERT OR REPLACE INTO audit VALUES (2, 1, '{}', '')")).toThrow("append only");
  expect(() => db.exec("INSERT INTO audit VALUES (9, 1, '{}', '')")).toThrow("append only");
  expect(audit.verify()).toMatchObject({ kind: "whole", entries: 3 });
});

for (const [what, sql, seq, why] of [
  ["the entry", `UPDATE audit SET entry = replace(entry, 'key:k1', 'key:k2') WHERE seq = 3`, "3", "changed"],
  ["the time", "UPDATE audit SET at = at + 1 WHERE seq = 3", "3", "changed"],
  ["a time beyond all numbers", "UPDATE audit SET at = 9223372036854775807 WHERE seq = 3", "3", "changed"],
  ["the hash", "UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE seq = 3", "3", "changed"],
  ["the first entry", "UPDATE audit SET at = 0 WHERE seq = 1", "1", "changed"],
  ["the last entry", "UPDATE audit SET at = 0 WHERE seq = 5", "5", "changed"],
  ["one is taken out", "DELETE FROM audit WHERE seq = 3", "3", "missing"],
  ["the first are taken out", "DELETE FROM audit WHERE seq < 3", "1", "missing"],
  [
    "one is taken out and the others moved up",
    "DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3",
    "3",
    "changed",
  ],
  [
    "two are exchanged",
    "UPDATE audit SET seq = -9 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = -9",
    "2",
    "changed",
  ],
  [
    "one is put before the first",
    "INSERT INTO audit SELECT 0, at, entry, hash FROM audit WHERE seq = 1",
    "0",
    "out_of_order",
  ],
  [
    "one is put far behind",
    "INSERT INTO audit SELECT 9007199254740993, at, entry, hash FROM audit WHERE seq = 1",
    "6",
    "missing",
  ],
] as const) {
  test(`[R17] tampering shows: ${what}`, ({ audit, db }) => {
    fill(audit, 5);
    roundTheTriggers(db, sql);
    expect(audit.verify()).toEqual({ kind: "broken", seq, why });
  });
}

test("[R17] what the chain alone does not show: a cut end, and a chain made anew; a noted hash shows both", ({
  audit,
  db,
}) => {
  fill(audit, 5);
  const [newest] = audit.page({ limit: 1 });
  const noted = { seq: 5, hash: String(newest?.hash) };
  roundTheTriggers(db, "DELETE FROM audit WHERE seq > 3");
  expect(audit.verify()).toMatchObject({ kind: "whole", entries: 3 });
  expect(audit.verify(noted)).toEqual({ kind: "broken", seq: "4", why: "missing" });
  fill(audit, 2);
  expect(audit.verify()).toMatchObject({ kind: "whole", entries: 5 });
  expect(audit.verify(noted)).toEqual({ kind: "broken", seq: "5", why: "not_as_noted" });
});

test("[R17] an entry that belongs to a step of its caller comes and goes with it", ({ audit, db }) => {
  inOneStep(db, () => audit.append(auditEntry(), AT));
  expect(() =>
    inOneStep(db, () => {
      audit.append(auditEntry(), AT);
      throw new Error("no key after all");
    }),
  ).toThrow("no key after all");
  expect(audit.verify()).toMatchObject({ kind: "whole", entries: 1 });
});

const WRITER = `
  const { attachDatabase } = await import(process.argv[1] + "database.ts");
  const { SqliteAuditLog } = await import(process.argv[1] + "audit-log.ts");
  const db = attachDatabase(process.argv[2]);
  const audit = new SqliteAuditLog(db);
  const who = "process:" + process.pid;
  const entry = { who, address: null, action: "key.add", session_id: null, uid: null, detail: null };
  process.stdout.write("ready");
  for await (const _chunk of process.stdin);
  for (let count = 0; count < 200; count += 1) {
    audit.append(entry, Date.now());
    // At a pace that lets the other one in between.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  db.close();
`;

test("[R17] a server and a command beside it write one chain", async ({ audit, folder }) => {
  const source = fileURLToPath(new URL("../../src/storage/", import.meta.url));
  const children = [1, 2].map(() => spawn(process.execPath, ["--input-type=module", "-e", WRITER, source, folder]));
  const programs = children.map(watchProgram);
  for (const { out } of programs) await expect.poll(out).toContain("ready");
  for (const { stdin } of children) stdin.end();
  for (const { exitCode, out } of programs) expect(await exitCode, out()).toBe(0);
  expect(audit.verify()).toMatchObject({ kind: "whole", entries: 400 });
  const writers = audit.page({ limit: 400 }).map(({ who }) => who);
  expect(new Set(writers).size).toBe(2);
  // They took turns, or the test has shown nothing.
  const turns = writers.filter((who, index) => index > 0 && who !== writers[index - 1]).length;
  expect(turns).toBeGreaterThan(1);
});

test("[R17] what a hash is over can be read from the table", ({ audit, db }) => {
  fill(audit, 1);
  const row = db.prepare("SELECT seq, at, entry, hash FROM audit").get();
  const facts = { seq: String(row?.["seq"]), at: String(row?.["at"]), entry: String(row?.["entry"]) };
  expect(row?.["hash"]).toBe(linkHash(FIRST_LINK, facts));
});
