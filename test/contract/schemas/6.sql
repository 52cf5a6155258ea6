-- Schema 6, with rows as servers of that version wrote them. Bots report on the verdicts of their sessions.

CREATE TABLE sessions (
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
) STRICT;

CREATE TABLE events (
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
CREATE INDEX deliveries_by_session ON deliveries (uid);

ALTER TABLE sessions ADD COLUMN owner TEXT;
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
CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;

CREATE TABLE page_memory (
  uid TEXT NOT NULL,
  part TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (uid, part)
) STRICT, WITHOUT ROWID;

ALTER TABLE events ADD COLUMN owner TEXT;
ALTER TABLE events ADD COLUMN label TEXT;
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE unacknowledged (
  reader TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (reader, position)
) STRICT, WITHOUT ROWID;
ALTER TABLE sessions ADD COLUMN report TEXT;

PRAGMA user_version = 6;

INSERT INTO sessions (uid, session_id, state, created_at, ended_at, record, storage_state, owner, report)
  VALUES ('uid-living', 'living', 'waiting', 1893456000000, NULL, '{"uid":"uid-living","legacy_open":false,"session_id":"living","state":"waiting","reason":null,"verified":null,"owner":"key-1","evidence":[],"contradicted_by":[],"note":null,"label":"Überschrift 验证码","instructions":null,"metadata":{"order":7},"url":"https://site.example/?q=''","viewport":{"width":1280,"height":720},"proxy_port":40123,"captcha_info":null,"challenge_kind":null,"needs_person":true,"operator_came":false,"traceparent":null,"created_at":1893456000000,"expires_at":1893456180000,"ended_at":null}', NULL, 'key-1', NULL);
INSERT INTO sessions (uid, session_id, state, created_at, ended_at, record, storage_state, owner, report)
  VALUES ('uid-ended', 'ended', 'solved', 1893456000000, 1893456005000, '{"uid":"uid-ended","legacy_open":true,"session_id":"ended","state":"solved","reason":"rules_met","verified":"checked","owner":"key-1","evidence":[{"rule":"gone .box","frame":null,"since":"2030-01-01T00:00:00.000Z"}],"contradicted_by":[],"note":null,"label":"Überschrift 验证码","instructions":null,"metadata":{"order":7},"url":"https://site.example/?q=''","viewport":{"width":1280,"height":720},"proxy_port":40123,"captcha_info":null,"challenge_kind":"generic","needs_person":false,"operator_came":true,"traceparent":null,"created_at":1893456000000,"expires_at":1893456180000,"ended_at":1893456005000}', '{"cookies":[{"name":"pass","value":"ü"}],"origins":[]}', 'key-1', '{"correct":false,"note":"Überschrift 🧩","reported_at":"2030-01-01T00:01:00.000Z"}');
INSERT INTO idempotent_answers (key, created_at, answer)
  VALUES ('key-1 try-1', 1893456000000, '{"body_hash":"h","uid":"uid-living","answer":{"session_id":"living","state":"waiting","control_url":"http://127.0.0.1:3000/api/captcha/control/living","ws_url":"ws://127.0.0.1:3000/api/captcha/ws/living","status_url":"http://127.0.0.1:3000/api/captcha/status/living","expires_at":"2030-01-01T00:03:00.000Z","captcha_info":null,"viewport":{"width":1280,"height":720}}}');
INSERT INTO events (position, uid, owner, label, type, at, event)
  VALUES (1, 'uid-living', 'key-1', 'Überschrift 验证码', 'session.operator_joined', 1893456001000, '{"id":"evt_joined","type":"session.operator_joined","timestamp":"2030-01-01T00:00:01.000Z","data":{"session_id":"living","operator":"operator-1","operators":1,"first":true}}');
INSERT INTO events (position, uid, owner, label, type, at, event)
  VALUES (2, 'uid-ended', 'key-1', 'Überschrift 验证码', 'session.ended', 1893456005000, '{"id":"evt_uid-ended_ended","type":"session.ended","timestamp":"2030-01-01T00:00:05.000Z","data":{"session_id":"ended","outcome":"solved","reason":"rules_met","verified":"checked","evidence":[{"rule":"gone .box","frame":null,"since":"2030-01-01T00:00:00.000Z"}],"contradicted_by":[],"note":null,"duration_ms":5000,"has_storage_state":true}}');
INSERT INTO callbacks (uid, url, host, secret, allow)
  VALUES ('uid-living', 'https://hooks.example:8443/x', 'hooks.example:8443', 'whsec_abc', '["10.0.0.0/8"]');
INSERT INTO deliveries (id, uid, type, body, tries, first_tried_at, next_at, last_error)
  VALUES ('evt_joined', 'uid-living', 'session.operator_joined', '{"id":"evt_joined","type":"session.operator_joined","timestamp":"2030-01-01T00:00:01.000Z","data":{"session_id":"living","operator":"operator-1","operators":1,"first":true}}', 1, 1893456001001, 1893456002000, 'answered 500');
INSERT INTO api_keys (id, name, hash, grants, created_at, revoked_at)
  VALUES ('key-1', 'shop', '0000000000000000000000000000000000000000000000000000000000000000', '{"scopes":["sessions:create"],"labels":[],"cdp_allow":null,"url_allow":[]}', 1893456000000, NULL);
INSERT INTO operator_links (id, uid, role, created_at, expires_at, revoked_at)
  VALUES ('link-1', 'uid-living', 'control', 1893456000000, 4102444800000, NULL);
INSERT INTO audit (seq, at, entry, hash)
  VALUES (1, 1893456000000, '{"who":"key:key-1","address":"127.0.0.1","action":"session.create","session_id":"living","uid":"uid-living","detail":null}', '61c468822dbd7547ca73a804ec0b952e7e3556412407ac135785b5c9a654eff0');
INSERT INTO audit (seq, at, entry, hash)
  VALUES (2, 1893456000001, '{"who":"key:key-1","address":"127.0.0.1","action":"session.end","session_id":"ended","uid":"uid-ended","detail":null}', 'ccd948e9e6747cbeef2bb82a17c3ba5903c4e9928f1a71ce5bb954686a6a4d81');
INSERT INTO page_memory (uid, part, value)
  VALUES ('uid-living', 'held', '{"x":1.5,"y":2,"buttons":1}');
INSERT INTO page_memory (uid, part, value)
  VALUES ('uid-living', 'done', '{"client":7}');
INSERT INTO unacknowledged (reader, position)
  VALUES ('key:key-1 bot-1', 2);
