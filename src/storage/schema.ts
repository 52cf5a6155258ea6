/** The schema of the database, version by version, and the defaults of records from older versions. */
import type { FeedEvent } from "../protocol/events.ts";
import type { IdempotentAnswer, SessionRecord } from "../session/ports/store.ts";

/**
 * Each entry migrates the schema by one version; never edit a released one. test/contract/schemas/ has the schema of
 * each version: add a file there for a new one.
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
  // AUTOINCREMENT: a position is never used twice, also if the newest rows were removed.
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
  // Keys, links and the audit trail. Only hashes of keys are stored, and no tokens of links.
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
  // The resume state of living sessions, part by part: each is written when it changes.
  `CREATE TABLE page_memory (
     uid TEXT NOT NULL,
     part TEXT NOT NULL,
     value TEXT NOT NULL,
     PRIMARY KEY (uid, part)
   ) STRICT, WITHOUT ROWID;`,
  // The owner and label of events, for readers of many sessions; and the ends that such a reader has not acknowledged.
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
  // The bot's report on the verdict: beside the record, which lists are made of, because its note is the bot's own.
  "ALTER TABLE sessions ADD COLUMN report TEXT;",
];

/**
 * Removes from stored page requests what earlier versions stored there a second time: secrets of callbacks and fields
 * of the session's record. It is not a migration, so that the version before still opens the database; what that
 * version writes is removed at the next start.
 */
export const WIPE_PAGE_REQUESTS = `
  UPDATE page_memory
  SET value = json_remove(value, '$.callback_url', '$.callback_secret', '$.metadata', '$.label', '$.instructions',
    '$.timeout_seconds', '$.legacy_open')
  WHERE part = 'request' AND EXISTS (SELECT 1 FROM json_each(page_memory.value) WHERE key IN
    ('callback_url', 'callback_secret', 'metadata', 'label', 'instructions', 'timeout_seconds', 'legacy_open'));`;

/** Parses JSON that the server wrote itself; the schema's version vouches for its shape. */
export function parseOwn<T>(text: unknown): T {
  return JSON.parse(String(text)) as T;
}

/**
 * Parses a record; fields that an older version did not write get defaults: sessions from before there were keys have
 * no owner.
 */
export function parseRecord(text: unknown): SessionRecord {
  const own = parseOwn<Partial<SessionRecord>>(text);
  return {
    owner: null,
    legacy_open: false,
    proxy_port: null,
    captcha_info: null,
    challenge_kind: null,
    // Earlier versions announced every session as soon as its page was ready.
    needs_person: own.state === "waiting" || own.state === "active",
    operator_came: false,
    traceparent: null,
    contradicted_by: [],
    ...own,
  } as SessionRecord;
}

/** Parses an event; an end that an older version wrote says nothing of contradictions, because there were none. */
export function parseEvent<E extends FeedEvent>(text: unknown): E {
  const event = parseOwn<E>(text);
  if (event.type === "session.ended") event.data.contradicted_by ??= [];
  return event;
}

/** Parses a stored answer. One from before there were links has no uid, so it gets no link. */
export function parseAnswer(text: unknown): IdempotentAnswer {
  return { uid: "", ...parseOwn<Partial<IdempotentAnswer>>(text) } as IdempotentAnswer;
}
