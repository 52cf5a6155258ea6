/** Databases of every version there was: brought forward, with all that was in them. */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { test as base, expect } from "@playwright/test";
import { attachDatabase } from "../../src/storage/database.ts";
import { MIGRATIONS } from "../../src/storage/schema.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { sessionRecord } from "./store-contract.ts";

const SCHEMAS = fileURLToPath(new URL("schemas/", import.meta.url));
const VERSIONS = MIGRATIONS.map((_, index) => index + 1);
const DAY = Date.UTC(2030, 0, 1);

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
});

function fixtureOf(version: number): string {
  return readFileSync(join(SCHEMAS, `${version}.sql`), "utf8");
}

/** Tables, indexes and triggers by name, as SQL without its layout. */
function schemaOf(db: DatabaseSync): Record<string, string> {
  const rows = db.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").all();
  return Object.fromEntries(rows.map(({ name, sql }) => [String(name), String(sql).replace(/\s+/g, " ")]));
}

/** What this SQL makes of an empty database. */
function schemaAfter(sql: string): Record<string, string> {
  const db = new DatabaseSync(":memory:");
  db.exec(sql);
  const schema = schemaOf(db);
  db.close();
  return schema;
}

test("secrets that earlier versions kept beside a page's request are wiped at the start", async ({ folder }) => {
  const path = join(folder, "sessions.db");
  const old = new DatabaseSync(path);
  old.exec(fixtureOf(5));
  const request = { session_id: "living", url: "https://site.example/", viewport: { width: 1280, height: 720 } };
  const [secret, metadata] = ["whsec_kept-a-second-time", "order-kept-a-second-time"];
  const more = { callback_url: "https://hooks.example/", callback_secret: secret, metadata: { metadata }, label: "x" };
  old
    .prepare("INSERT INTO page_memory (uid, part, value) VALUES ('uid-living', 'request', ?)")
    .run(JSON.stringify({ ...request, ...more, instructions: "Slide it.", timeout_seconds: 60, legacy_open: true }));
  old.close();

  const storage = openStorage(folder);
  const { sessions: store } = storage;
  expect(store.resumeState("uid-living").request).toEqual(request);
  // The first sweep of a server.
  store.removeEndedBefore(0);
  const kept = Buffer.concat(await Promise.all([path, `${path}-wal`].map((file) => readFile(file))));
  expect([secret, metadata].filter((text) => kept.includes(text))).toEqual([]);
  // The one copy that webhooks need.
  expect(storage.deliveries.next({ ids: [], hosts: [] })).toMatchObject({ secret: "whsec_abc" });
  storage.close();
});

test("every version has its file in test/contract/schemas", () => {
  expect(readdirSync(SCHEMAS).toSorted()).toEqual(VERSIONS.map((version) => `${version}.sql`));
});

for (const version of VERSIONS) {
  test(`the migrations to schema ${version} are what they were when it came`, () => {
    expect(schemaAfter(MIGRATIONS.slice(0, version).join(""))).toEqual(schemaAfter(fixtureOf(version)));
  });

  test(`[S5] a database of schema ${version} is brought forward with all that is in it`, async ({ folder }) => {
    const path = join(folder, "sessions.db");
    const old = new DatabaseSync(path);
    old.exec(fixtureOf(version));
    old.close();

    const storage = openStorage(folder);
    const { sessions: store } = storage;
    const since = { owner: "key-1", proxy_port: 40_123 };
    const common = { label: "Überschrift 验证码", metadata: { order: 7 }, url: "https://site.example/?q='" };
    const living = { ...common, ...(version >= 3 ? since : {}), uid: "uid-living", session_id: "living" };
    expect(store.find("living")).toEqual(sessionRecord(living));
    const ended = store.find("ended");
    expect(ended).toMatchObject({ state: "solved", verified: "checked", ended_at: DAY + 5_000 });
    expect(ended).toMatchObject({ owner: version >= 3 ? "key-1" : null, legacy_open: version >= 3 });
    const scope = { owner: "key-1", operates: "none" } as const;
    expect(store.list({ states: ["waiting", "solved"], scope, limit: 10 })).toHaveLength(version >= 3 ? 2 : 0);
    expect(store.storageState("uid-ended")).toEqual({ cookies: [{ name: "pass", value: "ü" }], origins: [] });
    const report = { correct: false, note: "Überschrift 🧩", reported_at: new Date(DAY + 60_000).toISOString() };
    expect(store.report("uid-ended")).toEqual(version >= 6 ? report : undefined);
    const history = store.history({ scope: null, limit: 10 });
    expect(history.map(({ correct }) => correct)).toEqual([version >= 6 ? false : null]);
    const answer = { body_hash: "h", uid: version >= 3 ? "uid-living" : "", answer: { session_id: "living" } };
    expect(store.answer("key-1 try-1")).toMatchObject(answer);

    // The end from before there were events is told now, in the shape of today.
    expect(store.missedEnds()).toEqual(version >= 2 ? [] : [ended]);
    const end = storage.events.last("uid-ended");
    expect(end?.event.type).toBe(version >= 2 ? "session.ended" : undefined);
    const subject = { uid: "uid-ended", owner: version >= 3 ? "key-1" : null, label: common.label };
    if (end) expect(end).toMatchObject({ subject, event: { data: { outcome: "solved", contradicted_by: [] } } });
    expect(storage.acknowledgements.waiting("key:key-1 bot-1")).toEqual(version >= 5 ? [end] : []);
    const allow = version >= 3 ? ["10.0.0.0/8"] : [];
    const waiting = { id: "evt_joined", tries: 1, secret: "whsec_abc", allow, next_at: DAY + 2_000 };
    const next = storage.deliveries.next({ ids: [], hosts: [] });
    if (version >= 2) expect(next).toMatchObject(waiting);
    else expect(next).toBeUndefined();

    expect(storage.audit.verify()).toMatchObject({ kind: "whole", entries: version >= 3 ? 2 : 0 });
    expect(store.resumeState("uid-living")).toEqual(
      version >= 4 ? { held: { x: 1.5, y: 2, buttons: 1 }, done: { client: 7 } } : {},
    );
    expect(storage.keys.list().map(({ name }) => name)).toEqual(version >= 3 ? ["shop"] : []);
    storage.close();

    const db = attachDatabase(folder);
    expect(schemaOf(db)).toEqual(schemaAfter(MIGRATIONS.join("")));
    db.close();
  });
}
