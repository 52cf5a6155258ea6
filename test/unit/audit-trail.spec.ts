/** The audit trail without a database: the chain, what one client may fill it with, and a store that cannot write. */
import { createHash } from "node:crypto";
import { expect, test } from "@playwright/test";
import { type Logger, pino } from "pino";
import { Allowance } from "../../src/audit/allowance.ts";
import type { AuditEntry, AuditLog } from "../../src/audit/audit-log.ts";
import { checkChain, FIRST_LINK, linkHash, type Row } from "../../src/audit/chain.ts";
import { type Act, AuditTrail } from "../../src/audit/trail.ts";

function chainOf(count: number): Row[] {
  const rows: Row[] = [];
  for (let seq = 1; seq <= count; seq += 1) {
    const row = { seq: String(seq), at: String(1_000 + seq), entry: `{"n":${seq}}` };
    rows.push({ ...row, hash: linkHash(rows.at(-1)?.hash ?? FIRST_LINK, row) });
  }
  return rows;
}

test("[R17] a hash can be computed by anybody: SHA-256 over four lines", () => {
  const expected = createHash("sha256").update("before\n7\n1700\n{}").digest("hex");
  expect(linkHash("before", { seq: "7", at: "1700", entry: "{}" })).toBe(expected);
});

test("[R17] a chain is whole, also an empty one", () => {
  expect(checkChain([])).toEqual({ kind: "whole", entries: 0, hash: FIRST_LINK });
  const rows = chainOf(3);
  expect(checkChain(rows)).toEqual({ kind: "whole", entries: 3, hash: rows[2]?.hash });
});

test("[R17] an entry that was noted is still there, or the chain is another one, or was cut", () => {
  const rows = chainOf(5);
  const hash = String(rows[2]?.hash);
  expect(checkChain(rows, { seq: 3, hash })).toMatchObject({ kind: "whole" });
  expect(checkChain(rows, { seq: 4, hash })).toEqual({ kind: "broken", seq: "4", why: "not_as_noted" });
  expect(checkChain(rows.slice(0, 2), { seq: 3, hash })).toEqual({ kind: "broken", seq: "3", why: "missing" });
});

test("[R17] what a client repeats quickly is left out after 60 a minute, and counted", () => {
  const allowance = new Allowance();
  const ask = (action: Parameters<Allowance["ask"]>[1], now: number, id = "one") => allowance.ask(id, action, now);
  for (let count = 0; count < 60; count += 1) expect(ask("control.take", count).allowed).toBe(true);
  for (let count = 0; count < 5; count += 1) expect(ask("control.release", 100).allowed).toBe(false);
  // Of another session, and what nobody can repeat.
  expect(ask("control.take", 100, "two")).toEqual({ allowed: true, leftOut: 0 });
  expect(ask("finish.done", 100)).toEqual({ allowed: true, leftOut: 5 });
  expect(ask("control.take", 200).allowed).toBe(false);
  expect(ask("control.take", 60_201)).toEqual({ allowed: true, leftOut: 1 });
  for (let count = 0; count < 60; count += 1) ask("control.take", 60_202);
  expect(ask("session.end", 60_203)).toEqual({ allowed: true, leftOut: 1 });
});

const ACT: Act = { who: "key:1", address: "127.0.0.1", action: "session.cancel", session_id: "one" };

class FailingLog implements AuditLog {
  fails = false;
  readonly kept: AuditEntry[] = [];

  append(entry: AuditEntry): void {
    if (this.fails) throw new Error("disk full");
    this.kept.push(entry);
  }
  page(): [] {
    return [];
  }
  verify(): never {
    throw new Error("not here");
  }
}

function trailOn(entries: AuditLog): { trail: AuditTrail; lines: string[] } {
  const lines: string[] = [];
  const log: Logger = pino({}, { write: (line: string) => lines.push(line) });
  return { trail: new AuditTrail({ entries, uidOf: (id) => `uid of ${id}`, log }), lines };
}

test("[R17] a store that cannot write stops nobody: it is told, and written in order once it can", () => {
  const entries = new FailingLog();
  const { trail, lines } = trailOn(entries);
  entries.fails = true;
  trail.record({ ...ACT, session_id: "a" });
  trail.record({ ...ACT, session_id: "b" });
  expect(entries.kept).toEqual([]);
  expect(lines).toHaveLength(2);
  expect(lines.join()).toContain("audit entry could not be written");
  entries.fails = false;
  trail.record({ ...ACT, session_id: "c" });
  expect(entries.kept.map(({ session_id, uid }) => [session_id, uid])).toEqual([
    ["a", "uid of a"],
    ["b", "uid of b"],
    ["c", "uid of c"],
  ]);
});

test("[R17] what waits for a store is bounded, and what is given up is told", () => {
  const entries = new FailingLog();
  const { trail, lines } = trailOn(entries);
  entries.fails = true;
  for (let count = 0; count < 1_005; count += 1) trail.record({ ...ACT, session_id: `s${count}` });
  expect(lines.filter((line) => line.includes("audit entry lost"))).toHaveLength(5);
  entries.fails = false;
  trail.close();
  expect(entries.kept.map(({ session_id }) => session_id)).toEqual(
    Array.from({ length: 1_000 }, (_none, index) => `s${index}`),
  );
});

test("[R17] texts are cut, whoever gave them", () => {
  const entries = new FailingLog();
  const { trail } = trailOn(entries);
  trail.record({
    ...ACT,
    who: "w".repeat(1_000),
    address: "a".repeat(1_000),
    detail: { text: "t".repeat(1_000), n: 1 },
  });
  expect(entries.kept[0]).toMatchObject({
    who: "w".repeat(200),
    address: "a".repeat(200),
    detail: { text: "t".repeat(200), n: 1 },
  });
});
