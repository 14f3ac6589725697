-- A frontdesk.db of schema 1, as Frontdesk 0.1 wrote it.
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE decisions (
            turn_id INTEGER PRIMARY KEY REFERENCES turns ON DELETE CASCADE,
            kind TEXT NOT NULL, template TEXT, citations TEXT NOT NULL, evidence TEXT NOT NULL,
            intent TEXT, confidence REAL, model TEXT NOT NULL, index_digest TEXT NOT NULL);
INSERT INTO "decisions" VALUES(1,'template','track','[]','{"rule":"intent-certain","entities":{},"intents":[{"name":"track","score":0.9},{"name":"cancel","score":0.06}],"runner_up":{"name":"cancel","score":0.06},"margin":0.84,"templates":[{"name":"track","score":0.7}],"passages":[{"article":"returns","passage":7,"score":0.8}],"thresholds":{"intent":0.8,"template":null,"passage":0.6,"max_wrong":0.05}}','track',0.9,'v1','ab');
INSERT INTO "decisions" VALUES(2,'template','track','[]','{"rule":"intent-certain","entities":{},"intents":[{"name":"track","score":0.9},{"name":"cancel","score":0.06}],"runner_up":{"name":"cancel","score":0.06},"margin":0.84,"templates":[{"name":"track","score":0.7}],"passages":[{"article":"returns","passage":7,"score":0.8}],"thresholds":{"intent":0.8,"template":null,"passage":0.6,"max_wrong":0.05}}','track',0.9,'v1','ab');
INSERT INTO "decisions" VALUES(3,'template','track','[]','{"rule":"intent-certain","entities":{},"intents":[{"name":"track","score":0.9},{"name":"cancel","score":0.06}],"runner_up":{"name":"cancel","score":0.06},"margin":0.84,"templates":[{"name":"track","score":0.7}],"passages":[{"article":"returns","passage":7,"score":0.8}],"thresholds":{"intent":0.8,"template":null,"passage":0.6,"max_wrong":0.05}}','track',0.9,'v1','ab');
INSERT INTO "decisions" VALUES(4,'template','track','[]','{"rule":"intent-certain","entities":{},"intents":[{"name":"track","score":0.9},{"name":"cancel","score":0.06}],"runner_up":{"name":"cancel","score":0.06},"margin":0.84,"templates":[{"name":"track","score":0.7}],"passages":[{"article":"returns","passage":7,"score":0.8}],"thresholds":{"intent":0.8,"template":null,"passage":0.6,"max_wrong":0.05}}','track',0.9,'v1','ab');
CREATE TABLE feedback (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            turn_id INTEGER NOT NULL REFERENCES turns ON DELETE CASCADE,
            verdict TEXT NOT NULL CHECK (verdict IN ('good', 'bad', 'intent')),
            note TEXT NOT NULL, at TEXT NOT NULL);
INSERT INTO "feedback" VALUES(1,2,'bad','too short','2026-11-27T16:36:11.777+00:00');
INSERT INTO "feedback" VALUES(2,3,'intent','cancel','2026-11-27T16:36:11.777+00:00');
CREATE TABLE replay_turns (
            replay_id INTEGER NOT NULL REFERENCES replays ON DELETE CASCADE,
            conversation TEXT NOT NULL, turn INTEGER NOT NULL, message TEXT NOT NULL,
            gold_intents TEXT NOT NULL, intent TEXT, confidence REAL, correct INTEGER,
            decision TEXT NOT NULL, template TEXT, rank INTEGER,
            PRIMARY KEY (replay_id, conversation, turn)) WITHOUT ROWID;
CREATE TABLE replays (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, chats TEXT NOT NULL,
            model TEXT NOT NULL, index_digest TEXT NOT NULL, report TEXT);
CREATE TABLE sessions (
            id INTEGER PRIMARY KEY AUTOINCREMENT, started_at TEXT NOT NULL, channel TEXT NOT NULL,
            model TEXT NOT NULL, index_digest TEXT NOT NULL);
INSERT INTO "sessions" VALUES(1,'2026-11-27T16:36:11.776+00:00','terminal','v1','ab');
INSERT INTO "sessions" VALUES(2,'2026-11-27T16:36:11.776+00:00','pipe','v1','ab');
CREATE TABLE turns (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
            number INTEGER NOT NULL, at TEXT NOT NULL, message TEXT NOT NULL, reply TEXT NOT NULL,
            ms REAL NOT NULL, timings TEXT NOT NULL, UNIQUE (session_id, number));
INSERT INTO "turns" VALUES(1,1,1,'2025-01-02T03:04:05.000+00:00','where is TT-1?','On its way.',4.5,'{"encode":3.2}');
INSERT INTO "turns" VALUES(2,1,2,'2025-01-02T03:05:05.000+00:00','我要退款','好的。',4.5,'{}');
INSERT INTO "turns" VALUES(3,2,1,'2025-01-02T03:04:05.000+00:00','where is TT-1?','On its way.',4.5,'{"encode":3.2}');
INSERT INTO "turns" VALUES(4,2,2,'2025-01-02T03:05:05.000+00:00','我要退款','好的。',4.5,'{}');
CREATE INDEX feedback_turn ON feedback (turn_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('sessions',2);
INSERT INTO "sqlite_sequence" VALUES('turns',4);
INSERT INTO "sqlite_sequence" VALUES('feedback',2);
COMMIT;
