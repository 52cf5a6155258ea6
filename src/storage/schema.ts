/** The schema of the database, version by version, and what records of older versions lack. */
import type { IdempotentAnswer, SessionRecord } from "../session/ports/store.ts";

/**
 * Each entry brings the schema one version forward; never edit one that was released. What a version looked like is in
 * test/contract/schemas/: a new one gets its file there.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE sessions (
     uid TEXT PRIMARY KEY,
     session_id TEXT NOT NULL,
     state TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     ended_at INTEGER,
     record TEXT NOT NULL,
     storage_state TEXT
   ) STRICT;
   CREATE INDEX sessions_by_id ON sessions (session_id, created_at);
   CREATE INDEX sessions_by_state ON sessions (state, created_at);
   CREATE TABLE idempotent_answers (
     key TEXT PRIMARY KEY,
     created_at INTEGER NOT NULL,
     answer TEXT NOT NULL
   ) STRICT;`,
  // AUTOINCREMENT: a position is never given twice, also when the newest rows are gone.
  `CREATE TABLE events (
     position INTEGER PRIMARY KEY AUTOINCREMENT,
     uid TEXT NOT NULL,
     type TEXT NOT NULL,
     at INTEGER NOT NULL,
     event TEXT NOT NULL
   ) STRICT;
   CREATE INDEX events_by_session ON events (uid, position);
   CREATE UNIQUE INDEX one_end_a_session ON events (uid) WHERE type = 'session.ended';
   CREATE TABLE callbacks (
     uid TEXT PRIMARY KEY,
     url TEXT NOT NULL,
     host TEXT NOT NULL,
     secret TEXT
   ) STRICT;
   CREATE TABLE deliveries (
     id TEXT PRIMARY KEY,
     uid TEXT NOT NULL,
     type TEXT NOT NULL,
     body TEXT NOT NULL,
     tries INTEGER NOT NULL DEFAULT 0,
     first_tried_at INTEGER,
     next_at INTEGER,
     last_error TEXT
   ) STRICT;
   CREATE INDEX deliveries_by_time ON deliveries (next_at) WHERE next_at IS NOT NULL;
   CREATE INDEX deliveries_by_session ON deliveries (uid);`,
  // Who may do what, and who did. Of keys only hashes are kept, of links only what they may open.
  `ALTER TABLE sessions ADD COLUMN owner TEXT;
   ALTER TABLE callbacks ADD COLUMN allow TEXT NOT NULL DEFAULT '[]';
   CREATE INDEX sessions_by_owner ON sessions (owner, created_at);
   CREATE TABLE api_keys (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     hash TEXT NOT NULL UNIQUE,
     grants TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     revoked_at INTEGER
   ) STRICT;
   CREATE UNIQUE INDEX one_living_key_a_name ON api_keys (name) WHERE revoked_at IS NULL;
   CREATE TABLE operator_links (
     id TEXT PRIMARY KEY,
     uid TEXT NOT NULL,
     role TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     revoked_at INTEGER
   ) STRICT;
   CREATE INDEX operator_links_by_session ON operator_links (uid);
   CREATE TABLE audit (
     seq INTEGER PRIMARY KEY,
     at INTEGER NOT NULL,
     entry TEXT NOT NULL,
     hash TEXT NOT NULL
   ) STRICT;
   CREATE INDEX audit_by_session ON audit (json_extract(entry, '$.session_id'), seq);
   CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
     WHEN NEW.seq <> (SELECT ifnull(max(seq), 0) + 1 FROM audit) BEGIN SELECT RAISE(ABORT, 'append only'); END;
   CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
   CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;`,
  // What living sessions need to come back to their pages, part by part: each is written when it changes.
  `CREATE TABLE page_memory (
     uid TEXT NOT NULL,
     part TEXT NOT NULL,
     value TEXT NOT NULL,
     PRIMARY KEY (uid, part)
   ) STRICT, WITHOUT ROWID;`,
  // Whose events are, for readers of many sessions; and the ends that such a reader has not acknowledged.
  `ALTER TABLE events ADD COLUMN owner TEXT;
   ALTER TABLE events ADD COLUMN label TEXT;
   UPDATE events SET (owner, label) =
     (SELECT owner, json_extract(record, '$.label') FROM sessions WHERE sessions.uid = events.uid);
   CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;
   CREATE TABLE unacknowledged (
     reader TEXT NOT NULL,
     position INTEGER NOT NULL,
     PRIMARY KEY (reader, position)
   ) STRICT, WITHOUT ROWID;`,
];

/**
 * Takes out of the page requests that are kept for a restart what earlier versions kept there a second time: secrets of
 * callbacks and what belongs to the session's record. Not a migration, so that the version before still opens the
 * database; what that writes goes at the next start.
 */
export const WIPE_PAGE_REQUESTS = `
  UPDATE page_memory
  SET value = json_remove(value, '$.callback_url', '$.callback_secret', '$.metadata', '$.label', '$.instructions',
    '$.timeout_seconds', '$.legacy_open')
  WHERE part = 'request' AND EXISTS (SELECT 1 FROM json_each(page_memory.value) WHERE key IN
    ('callback_url', 'callback_secret', 'metadata', 'label', 'instructions', 'timeout_seconds', 'legacy_open'));`;

/** Text that was written here; the schema's version vouches for its shape. */
export function parseOwn<T>(text: unknown): T {
  return JSON.parse(String(text)) as T;
}

/** Older ones lack what came later: sessions from before there were keys are nobody's, for one. */
export function parseRecord(text: unknown): SessionRecord {
  return {
    owner: null,
    legacy_open: false,
    proxy_port: null,
    captcha_info: null,
    operator_came: false,
    traceparent: null,
    ...parseOwn<Partial<SessionRecord>>(text),
  } as SessionRecord;
}

/** From before there were links: its session is not known any more, so it gets none. */
export function parseAnswer(text: unknown): IdempotentAnswer {
  return { uid: "", ...parseOwn<Partial<IdempotentAnswer>>(text) } as IdempotentAnswer;
}
