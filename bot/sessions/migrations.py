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
    (  # 3: what the bot remembers of each session after its last turn, so that a chat can go on
        """CREATE TABLE states (
            session_id INTEGER PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
            turn INTEGER NOT NULL, encoder TEXT NOT NULL, state TEXT NOT NULL)""",
    ),
    (  # 4: the queue of conversations that a person is to take over; those of before are closed
        """CREATE TABLE handoffs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
            turn INTEGER NOT NULL, at TEXT NOT NULL, reason TEXT NOT NULL, summary TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'waiting'
                CHECK (status IN ('waiting', 'taken', 'closed')),
            taken_by TEXT NOT NULL DEFAULT '', taken_at TEXT NOT NULL DEFAULT '',
            closed_at TEXT NOT NULL DEFAULT '')""",
        "CREATE INDEX handoffs_session ON handoffs (session_id)",
        "CREATE INDEX handoffs_status ON handoffs (status, id)",
        """INSERT INTO handoffs (session_id, turn, at, reason, summary, status, closed_at)
            SELECT session_id, number, at,
                coalesce(json_extract(evidence, '$.reason'), 'unknown'),
                coalesce(json_extract(evidence, '$.summary'), '{}'), 'closed', at
            FROM turns JOIN decisions ON turn_id = turns.id
            WHERE kind = 'handoff' AND json_valid(evidence) ORDER BY turns.id""",
    ),
    (  # 5: what is known of a customer is kept for a colleague until the handoff is closed
        """CREATE TRIGGER handoffs_closed AFTER UPDATE OF status ON handoffs
            WHEN new.status = 'closed' AND json_valid(new.summary) BEGIN
            UPDATE handoffs SET summary = json_set(summary, '$.slots', json(
                (SELECT json_group_object(key, '[' || key || ']')
                 FROM json_each(new.summary, '$.slots')))) WHERE id = new.id;
        END""",
    ),
)
"""Each is applied once, in order; a released one is never edited, only followed by another."""

SCHEMA = len(MIGRATIONS)
READABLE = 4
"""The oldest schema that is read as it is."""
