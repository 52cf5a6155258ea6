-- Schema 1, with rows as servers of that version wrote them. The first servers: sessions and answers.

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

PRAGMA user_version = 1;

INSERT INTO sessions (uid, session_id, state, created_at, ended_at, record, storage_state)
  VALUES ('uid-living', 'living', 'waiting', 1893456000000, NULL, '{"uid":"uid-living","session_id":"living","state":"waiting","reason":null,"verified":null,"evidence":[],"note":null,"label":"Überschrift 验证码","instructions":null,"metadata":{"order":7},"url":"https://site.example/?q=''","viewport":{"width":1280,"height":720},"created_at":1893456000000,"expires_at":1893456180000,"ended_at":null}', NULL);
INSERT INTO sessions (uid, session_id, state, created_at, ended_at, record, storage_state)
  VALUES ('uid-ended', 'ended', 'solved', 1893456000000, 1893456005000, '{"uid":"uid-ended","session_id":"ended","state":"solved","reason":"rules_met","verified":"checked","evidence":[{"rule":"gone .box","frame":null,"since":"2030-01-01T00:00:00.000Z"}],"note":null,"label":"Überschrift 验证码","instructions":null,"metadata":{"order":7},"url":"https://site.example/?q=''","viewport":{"width":1280,"height":720},"created_at":1893456000000,"expires_at":1893456180000,"ended_at":1893456005000}', '{"cookies":[{"name":"pass","value":"ü"}],"origins":[]}');
INSERT INTO idempotent_answers (key, created_at, answer)
  VALUES ('key-1 try-1', 1893456000000, '{"body_hash":"h","answer":{"session_id":"living","state":"waiting","control_url":"http://127.0.0.1:3000/api/captcha/control/living","ws_url":"ws://127.0.0.1:3000/api/captcha/ws/living","status_url":"http://127.0.0.1:3000/api/captcha/status/living","expires_at":"2030-01-01T00:03:00.000Z","captcha_info":null,"viewport":{"width":1280,"height":720}}}');
