"""The rows of the live log that are new: read and never written, a batch at a time.

The database is opened anew for each look, for reading alone, so no writer ever waits for a monitor,
and a log that is replaced, migrated or vacuumed meanwhile does no harm. The texts of messages and
replies are not read.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bot.errors import BotError
from bot.sessions.migrations import SCHEMA
from bot.storage.database import in_words, read_only, schema_version

T = TypeVar("T")
BATCH = 20_000
"""Turns of one read: the write-ahead log of busy writers grows no longer than that takes."""


class Turn(NamedTuple):
    """What is watched of a turn. `at` is in seconds since 1970; `sentiment` and `intent` are None
    where the model knows none."""

    id: int
    at: float
    session: int
    kind: str
    intent: str | None
    sentiment: str | None
    ms: float


class Feedback(NamedTuple):
    """A judgement of a turn: `verdict` is `good`, `bad` or `intent`; `intent` is the turn's."""

    id: int
    at: float
    session: int
    intent: str | None
    verdict: str


@dataclass(slots=True)
class Place:
    """How far the log has been read: the last turn and the last judgement."""

    turn: int = 0
    feedback: int = 0


_SECONDS = "(julianday({}.at) - 2440587.5) * 86400"
_TURNS = f"""SELECT turns.id, {_SECONDS.format("turns")}, session_id, kind, intent,
    CASE WHEN json_valid(evidence) THEN json_extract(evidence, '$.sentiment') END, ms
    FROM turns JOIN decisions ON turn_id = turns.id
    WHERE turns.id > ? ORDER BY turns.id LIMIT ?"""
_FEEDBACK = f"""SELECT feedback.id, {_SECONDS.format("feedback")}, session_id, intent, verdict
    FROM feedback JOIN turns ON turns.id = feedback.turn_id
    JOIN decisions ON decisions.turn_id = turns.id
    WHERE feedback.id > ? ORDER BY feedback.id LIMIT ?"""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The log, for reading alone.

    Raises:
        BotError: it is no log, a newer version's, damaged, or kept locked.
    """
    with in_words(path), closing(read_only(path)) as connection:
        if not schema_version(connection, path, SCHEMA):
            raise BotError(f"{path} is no log of Frontdesk: it has no schema version; move it away")
        yield connection


def beginning(connection: sqlite3.Connection, moment: float) -> Place:
    """The place before the first turn and the first judgement of `moment`, by bisection: ids and
    times grow together, as far as clocks are right."""
    return Place(_before(connection, "turns", moment), _before(connection, "feedback", moment))


def _before(connection: sqlite3.Connection, table: str, moment: float) -> int:
    query = f"SELECT id, {_SECONDS.format(table)} FROM {table} WHERE id > ? ORDER BY id LIMIT 1"
    low, high = 0, last(connection, table)
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(query, (middle,)).fetchone()
        if found is None or (found[1] or 0.0) >= moment:
            high = middle
        else:
            low = found[0]
    return low


def last(connection: sqlite3.Connection, table: str) -> int:
    """The id of the last row there is or was in `turns` or `feedback`."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
    return int((found.fetchone() or (0,))[0])


def turns(connection: sqlite3.Connection, after: int) -> Iterator[Turn]:
    """The turns after that id, in their order. One whose time cannot be read is left out."""
    return _rows(connection, _TURNS, after, Turn._make)


def feedback(connection: sqlite3.Connection, after: int) -> Iterator[Feedback]:
    """The judgements after that id, in their order."""
    return _rows(connection, _FEEDBACK, after, Feedback._make)


def _rows(
    connection: sqlite3.Connection, query: str, after: int, make: Callable[[Sequence[Any]], T]
) -> Iterator[T]:
    while True:
        batch: Sequence[Sequence[Any]] = connection.execute(query, (after, BATCH)).fetchall()
        yield from (make(row) for row in batch if row[1] is not None)
        if len(batch) < BATCH:
            return
        after = batch[-1][0]
