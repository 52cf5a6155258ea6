-- Schema 2, with rows as servers of that version wrote them. With events and webhooks. Records are as before.

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

PRAGMA user_version = 2;

INSERT INTO sessions (uid, session_id, state, created_at, ended_at, record, storage_state)
  VALUES ('uid-living', 'living', 'waiting', 1893456000000, NULL, '{"uid":"uid-living","session_id":"living","state":"waiting","reason":null,"verified":null,"evidence":[],"note":null,"label":"Überschrift 验证码","instructions":null,"metadata":{"order":7},"url":"https://site.example/?q=''","viewport":{"width":1280,"height":720},"created_at":1893456000000,"expires_at":1893456180000,"ended_at":null}', NULL);
INSERT INTO sessions (uid, session_id, state, created_at, ended_at, record, storage_state)
  VALUES ('uid-ended', 'ended', 'solved', 1893456000000, 1893456005000, '{"uid":"uid-ended","session_id":"ended","state":"solved","reason":"rules_met","verified":"checked","evidence":[{"rule":"gone .box","frame":null,"since":"2030-01-01T00:00:00.000Z"}],"note":null,"label":"Überschrift 验证码","instructions":null,"metadata":{"order":7},"url":"https://site.example/?q=''","viewport":{"width":1280,"height":720},"created_at":1893456000000,"expires_at":1893456180000,"ended_at":1893456005000}', '{"cookies":[{"name":"pass","value":"ü"}],"origins":[]}');
INSERT INTO idempotent_answers (key, created_at, answer)
  VALUES ('key-1 try-1', 1893456000000, '{"body_hash":"h","answer":{"session_id":"living","state":"waiting","control_url":"http://127.0.0.1:3000/api/captcha/control/living","ws_url":"ws://127.0.0.1:3000/api/captcha/ws/living","status_url":"http://127.0.0.1:3000/api/captcha/status/living","expires_at":"2030-01-01T00:03:00.000Z","captcha_info":null,"viewport":{"width":1280,"height":720}}}');
INSERT INTO events (position, uid, type, at, event)
  VALUES (1, 'uid-living', 'session.operator_joined', 1893456001000, '{"id":"evt_joined","type":"session.operator_joined","timestamp":"2030-01-01T00:00:01.000Z","data":{"session_id":"living","operator":"operator-1","operators":1,"first":true}}');
INSERT INTO events (position, uid, type, at, event)
  VALUES (2, 'uid-ended', 'session.ended', 1893456005000, '{"id":"evt_uid-ended_ended","type":"session.ended","timestamp":"2030-01-01T00:00:05.000Z","data":{"session_id":"ended","outcome":"solved","reason":"rules_met","verified":"checked","evidence":[{"rule":"gone .box","frame":null,"since":"2030-01-01T00:00:00.000Z"}],"note":null,"duration_ms":5000,"has_storage_state":true}}');
INSERT INTO callbacks (uid, url, host, secret)
  VALUES ('uid-living', 'https://hooks.example:8443/x', 'hooks.example:8443', 'whsec_abc');
INSERT INTO deliveries (id, uid, type, body, tries, first_tried_at, next_at, last_error)
  VALUES ('evt_joined', 'uid-living', 'session.operator_joined', '{"id":"evt_joined","type":"session.operator_joined","timestamp":"2030-01-01T00:00:01.000Z","data":{"session_id":"living","operator":"operator-1","operators":1,"first":true}}', 1, 1893456001001, 1893456002000, 'answered 500');
