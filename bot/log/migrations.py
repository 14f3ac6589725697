"""The schema of the log, one step after another. docs/log.md lists the columns."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (  # 1: sessions, turns, decisions, feedback; replays, which are now in a file of their own
        # AUTOINCREMENT: the number of a session that was erased is never given to another.
        """CREATE TABLE sessions (
            id INTEGER PRIMARY KEY AUTOINCREMENT, started_at TEXT NOT NULL, channel TEXT NOT NULL,
            model TEXT NOT NULL, index_digest TEXT NOT NULL)""",
        """CREATE TABLE turns (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
            number INTEGER NOT NULL, at TEXT NOT NULL, message TEXT NOT NULL, reply TEXT NOT NULL,
            ms REAL NOT NULL, timings TEXT NOT NULL, UNIQUE (session_id, number))""",
        """CREATE TABLE decisions (
            turn_id INTEGER PRIMARY KEY REFERENCES turns ON DELETE CASCADE,
            kind TEXT NOT NULL, template TEXT, citations TEXT NOT NULL, evidence TEXT NOT NULL,
            intent TEXT, confidence REAL, model TEXT NOT NULL, index_digest TEXT NOT NULL)""",
        """CREATE TABLE feedback (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            turn_id INTEGER NOT NULL REFERENCES turns ON DELETE CASCADE,
            verdict TEXT NOT NULL CHECK (verdict IN ('good', 'bad', 'intent')),
            note TEXT NOT NULL, at TEXT NOT NULL)""",
        "CREATE INDEX feedback_turn ON feedback (turn_id)",
        """CREATE TABLE replays (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, chats TEXT NOT NULL,
            model TEXT NOT NULL, index_digest TEXT NOT NULL, report TEXT)""",
        """CREATE TABLE replay_turns (
            replay_id INTEGER NOT NULL REFERENCES replays ON DELETE CASCADE,
            conversation TEXT NOT NULL, turn INTEGER NOT NULL, message TEXT NOT NULL,
            gold_intents TEXT NOT NULL, intent TEXT, confidence REAL, correct INTEGER,
            decision TEXT NOT NULL, template TEXT, rank INTEGER,
            PRIMARY KEY (replay_id, conversation, turn)) WITHOUT ROWID""",
    ),
    (  # 2: full text. Trigrams, because Chinese has no spaces; the words themselves stay in turns.
        """CREATE VIRTUAL TABLE turns_text USING fts5 (
            message, reply, content = 'turns', content_rowid = 'id', tokenize = 'trigram')""",
        """CREATE TRIGGER turns_text_added AFTER INSERT ON turns BEGIN
            INSERT INTO turns_text (rowid, message, reply) VALUES (new.id, new.message, new.reply);
        END""",
        """CREATE TRIGGER turns_text_removed AFTER DELETE ON turns BEGIN
            INSERT INTO turns_text (turns_text, rowid, message, reply)
            VALUES ('delete', old.id, old.message, old.reply);
        END""",
        """CREATE TRIGGER turns_text_changed AFTER UPDATE OF message, reply ON turns BEGIN
            INSERT INTO turns_text (turns_text, rowid, message, reply)
            VALUES ('delete', old.id, old.message, old.reply);
            INSERT INTO turns_text (rowid, message, reply) VALUES (new.id, new.message, new.reply);
        END""",
        "INSERT INTO turns_text (turns_text) VALUES ('rebuild')",
    ),
)
"""Each is applied once, in order; a released one is never edited, only followed by another."""

SCHEMA = len(MIGRATIONS)
