"""Every turn, with the decision behind it, committed before its reply is shown.

The invariant: a reply that anyone has seen has its turn in the database, and every turn has its
decision with all scores, its timings, and the versions of the model and the index behind it.
`SessionLog.record` returns after COMMIT, so whoever calls it first and shows the reply second
keeps that promise, even when killed in between. Personal data is masked on the way to the file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from bot.decision import Decision, Handoff, Reading, template_of
from bot.errors import BotError
from bot.evidence import citations_json, evidence_json
from bot.privacy import Privacy, Said, names
from bot.sessions.handover import keep_up, person_awaited
from bot.sessions.migrations import MIGRATIONS
from bot.storage.database import connect, in_words, refuse_damaged, storable, transaction

Verdict = Literal["good", "bad", "intent"]


@dataclass(frozen=True, slots=True)
class SavedState:
    """A state as JSON, and the fingerprint of the encoder that made the vectors in it."""

    encoder: str
    state: str


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn as it is logged.

    `ms` is the time from the message to the reply, `timings` its parts in milliseconds;
    `model` and `index_digest` are the versions that decided. `at` is ISO 8601 in UTC, now if "".
    `state` is what the bot remembers from then on, if the session is to be resumed.
    """

    session: int
    number: int
    message: str
    reply: str
    decision: Decision
    reading: Reading
    ms: float
    model: str
    index_digest: str
    timings: Mapping[str, float] = field(default_factory=dict)
    at: str = ""
    state: SavedState | None = None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as `sessions()` lists it: the number of its turns, when the last one was and what
    the customer wrote in the first; both are "" where there is none."""

    id: int
    started_at: str
    channel: str
    model: str
    index_digest: str
    turns: int
    last_at: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """How a session was left: the number of its last turn, 0 where it has none, and what the bot
    remembered after it, where that is kept."""

    turn: int
    saved: SavedState | None


class SessionLog:
    """The log of one workspace; open it with `SessionLog.open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, privacy: Privacy) -> None:
        self.path = path
        self.privacy = privacy
        self._connection = connection
        self._file = _identity(path)

    @classmethod
    def open(cls, path: Path, privacy: Privacy | None = None) -> Self:
        """Open the log, made or brought to the present schema first where that is needed.

        `privacy` says what of the workspace's own is masked beside what always is.

        Raises:
            BotError: it is no database, a newer version's, damaged, or cannot be written.
        """
        connection = connect(path, MIGRATIONS)
        try:
            refuse_damaged(connection, path)
        except BotError:
            connection.close()
            raise
        return cls(path, connection, privacy or Privacy())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; the log cannot be used afterwards."""
        self._connection.close()

    def start_session(self, *, channel: str, model: str, index_digest: str) -> int:
        """Begin a conversation and give its number."""
        row = (_now(), channel, model, index_digest)
        return self._insert("sessions", "started_at, channel, model, index_digest", row)

    def record(self, turn: TurnRecord) -> int:
        """Commit a turn with its decision, and give the turn's id. Show the reply only then.

        Raises:
            BotError: it could not be written, or its session was erased; nothing of it is kept.
        """
        said, decided = _turn_row(turn, self.privacy), _decision_row(turn, self.privacy)
        state = _state_row(turn, turn.state, self.privacy) if turn.state else None
        with self._transaction() as connection:
            try:
                cursor = connection.execute(_INSERT_TURN, said)
            except sqlite3.IntegrityError as error:
                raise self._in_conflict(turn, error) from error
            assert cursor.lastrowid is not None
            connection.execute(_INSERT_DECISION, (cursor.lastrowid, *decided))
            keep_up(connection, turn.session, turn.number, said[2], turn.decision)
            if state is not None:
                connection.execute(_REPLACE_STATE, state)
        return cursor.lastrowid

    def _in_conflict(self, turn: TurnRecord, error: sqlite3.IntegrityError) -> Exception:
        """What it means that the turn does not fit into the log."""
        session = turn.session
        if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            return BotError(f"session {session} was erased from {self.path}; begin a new chat")
        if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            return BotError(
                f"session {session} went on elsewhere: its turn {turn.number} is written already,"
                " and this message is not answered; resume the session to go on from there"
            )
        return error

    def person_awaited(self, session: int) -> bool:
        """Whether a person who was called to this session is on the way, or there."""
        with in_words(self.path):
            return person_awaited(self._connection, session)

    def feedback(self, session: int, number: int, verdict: Verdict, note: str = "") -> None:
        """Keep what a person said of a turn; for "intent" the note is the right intent."""
        with in_words(self.path):
            found = self._connection.execute(
                "SELECT id FROM turns WHERE session_id = ? AND number = ?", (session, number)
            ).fetchone()
        if found is None:
            raise BotError(f"session {session} has no turn {number}; it cannot be judged")
        said = note if verdict == "intent" else self.privacy.text(note)
        row = (found[0], verdict, storable(said), _now())
        self._insert("feedback", "turn_id, verdict, note, at", row)

    def sessions(self, limit: int = -1) -> list[SessionRow]:
        """The sessions, latest first; all of them unless a limit is given."""
        rows = self._rows(f"{_SELECT_SESSIONS} ORDER BY id DESC LIMIT ?", (limit,))
        return [SessionRow(*row) for row in rows]

    def talks(self, channel: str, limit: int) -> list[SessionRow]:
        """The sessions of a channel that have a turn, the last used first."""
        rows = self._rows(
            f"""{_SELECT_SESSIONS} WHERE channel = ? AND last_at <> ''
                ORDER BY (SELECT id {_OF_SESSION} ORDER BY number DESC LIMIT 1) DESC LIMIT ?""",
            (channel, limit),
        )
        return [SessionRow(*row) for row in rows]

    def left(self, session: int) -> Left | None:
        """How the session was left, as of one moment; None where there is no such session. A state
        that is not that of the last turn counts as none."""
        rows = self._rows(
            """SELECT last, encoder, state FROM
                (SELECT id, (SELECT coalesce(max(number), 0) FROM turns
                    WHERE session_id = sessions.id) AS last FROM sessions WHERE id = ?)
                LEFT JOIN states ON session_id = id AND turn = last""",
            (session,),
        )
        for last, encoder, state in rows:
            return Left(last, None if state is None else SavedState(encoder, state))
        return None

    def turns(self, session: int) -> list[dict[str, Any]]:
        """The turns of a session in order, each with its decision; JSON columns are parsed."""
        rows = self._rows(
            """SELECT number, at, message, reply, ms, timings, kind, template, citations, evidence,
                      intent, confidence, model, index_digest
               FROM turns JOIN decisions ON turn_id = turns.id
               WHERE session_id = ? ORDER BY number""",
            (session,),
        )
        names = (
            "number", "at", "message", "reply", "ms", "timings", "kind", "template", "citations",
            "evidence", "intent", "confidence", "model", "index_digest",
        )  # fmt: skip
        parsed = {"timings", "citations", "evidence"}
        return [
            {name: json.loads(value) if name in parsed else value
             for name, value in zip(names, row, strict=True)}
            for row in rows
        ]  # fmt: skip

    def _insert(self, table: str, columns: str, row: Sequence[Any]) -> int:
        places = ", ".join("?" * len(row))
        with self._transaction() as connection:
            cursor = connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _rows(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with in_words(self.path):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with in_words(self.path), transaction(self._connection):
            if _identity(self.path) != self._file:
                # SQLite would go on writing into a file that nobody can find any more.
                raise BotError(
                    f"{self.path} was moved or removed while it was open; put it back, or begin the"
                    " chat anew"
                )
            yield self._connection


_OF_SESSION = "FROM turns WHERE session_id = sessions.id"
_SELECT_SESSIONS = f"""SELECT id, started_at, channel, model, index_digest,
    (SELECT count(*) {_OF_SESSION}),
    coalesce((SELECT at {_OF_SESSION} ORDER BY number DESC LIMIT 1), '') AS last_at,
    coalesce((SELECT message {_OF_SESSION} ORDER BY number LIMIT 1), '')
    FROM sessions"""
_INSERT_TURN = """INSERT INTO turns (session_id, number, at, message, reply, ms, timings)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_REPLACE_STATE = "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?)"
_INSERT_DECISION = "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _turn_row(turn: TurnRecord, privacy: Privacy) -> tuple[Any, ...]:
    timings = {name: round(ms, 3) for name, ms in turn.timings.items()}
    spoken = (storable(privacy.text(text, _names(turn))) for text in (turn.message, turn.reply))
    return (turn.session, turn.number, turn.at or _now(), *spoken, turn.ms, _json(timings))


def _decision_row(turn: TurnRecord, privacy: Privacy) -> tuple[Any, ...]:
    decision, intents = turn.decision, turn.reading.intents
    intent = (intents[0].name, float(intents[0].score)) if intents else (None, None)
    evidence = privacy.evidence(evidence_json(decision), _names(turn))
    chosen = (decision.kind, template_of(decision), _json(citations_json(decision)))
    return (*chosen, _json(evidence), *intent, turn.model, turn.index_digest)


def _state_row(turn: TurnRecord, saved: SavedState, privacy: Privacy) -> tuple[Any, ...]:
    state = privacy.state(saved.state, _names(turn))
    return (turn.session, turn.number, saved.encoder, state)


def _names(turn: TurnRecord) -> Said:
    """Those in the message, and those that earlier turns left behind."""
    slots = getattr(turn.decision, "slots", {})
    told = turn.decision.summary.slots if isinstance(turn.decision, Handoff) else {}
    return names((*turn.reading.entities.items(), *slots.items(), *told.items()))


def _json(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
