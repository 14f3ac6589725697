"""Every turn, with the decision behind it, committed before its reply is shown.

The invariant: a reply that anyone has seen has its turn in the database, and every turn has its
decision with all scores, its timings, and the versions of the model and the index behind it.
`SessionLog.record` returns after COMMIT, so whoever calls it first and shows the reply second
keeps that promise, even when killed in between.
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

from bot.database import connect, in_words, storable, transaction
from bot.decision import Decision, Reading, citations_json, evidence_json, template_of
from bot.errors import BotError
from bot.log.migrations import MIGRATIONS

Verdict = Literal["good", "bad", "intent"]


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn as it is logged.

    `ms` is the time from the message to the reply, `timings` its parts in milliseconds;
    `model` and `index_digest` are the versions that decided. `at` is ISO 8601 in UTC, now if "".
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


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as `sessions()` lists it, with the number of its turns."""

    id: int
    started_at: str
    channel: str
    model: str
    index_digest: str
    turns: int


class SessionLog:
    """The log of one workspace; open it with `SessionLog.open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the log, made or brought to the present schema first where that is needed.

        Raises:
            BotError: it is no database, a newer version's, damaged, or cannot be written.
        """
        return cls(path, connect(path, MIGRATIONS))

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
        with self._transaction() as connection:
            try:
                cursor = connection.execute(_INSERT_TURN, _turn_row(turn))
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                    raise
                raise BotError(
                    f"session {turn.session} was erased from {self.path}; begin a new chat"
                ) from error
            assert cursor.lastrowid is not None
            connection.execute(_INSERT_DECISION, (cursor.lastrowid, *_decision_row(turn)))
        return cursor.lastrowid

    def feedback(self, session: int, number: int, verdict: Verdict, note: str = "") -> None:
        """Keep what a person said of a turn; for "intent" the note is the right intent."""
        with in_words(self.path):
            found = self._connection.execute(
                "SELECT id FROM turns WHERE session_id = ? AND number = ?", (session, number)
            ).fetchone()
        if found is None:
            raise BotError(f"session {session} has no turn {number}; it cannot be judged")
        row = (found[0], verdict, storable(note), _now())
        self._insert("feedback", "turn_id, verdict, note, at", row)

    def sessions(self, limit: int = -1) -> list[SessionRow]:
        """The sessions, latest first; all of them unless a limit is given."""
        rows = self._rows(
            """SELECT id, started_at, channel, model, index_digest,
                      (SELECT count(*) FROM turns WHERE session_id = sessions.id)
               FROM sessions ORDER BY id DESC LIMIT ?""",
            (limit,),
        )
        return [SessionRow(*row) for row in rows]

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
            yield self._connection


_INSERT_TURN = """INSERT INTO turns (session_id, number, at, message, reply, ms, timings)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_INSERT_DECISION = "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _turn_row(turn: TurnRecord) -> tuple[Any, ...]:
    timings = {name: round(ms, 3) for name, ms in turn.timings.items()}
    spoken = (storable(turn.message), storable(turn.reply))
    return (turn.session, turn.number, turn.at or _now(), *spoken, turn.ms, _json(timings))


def _decision_row(turn: TurnRecord) -> tuple[Any, ...]:
    decision, intents = turn.decision, turn.reading.intents
    intent = (intents[0].name, float(intents[0].score)) if intents else (None, None)
    cited, evidence = _json(citations_json(decision)), _json(evidence_json(decision))
    chosen = (decision.kind, template_of(decision), cited, evidence)
    return (*chosen, *intent, turn.model, turn.index_digest)


def _json(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
