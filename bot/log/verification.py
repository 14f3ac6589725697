"""Whether a log keeps its invariant, shown on the file alone and without changing it.

A reply is shown only after its turn is committed: that is a promise of `bot.sessions`, and its
tests kill it to see. What a database can show is the rest: each turn has its decision, evidence,
model and index, nothing is missing between two turns, and what is kept can be read. The last turns
of a session leave no trace if somebody takes them away with their decisions.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import BotError
from bot.log.erasure import ERASING
from bot.sessions.migrations import SCHEMA
from bot.storage.database import in_words, read_only, refuse_half, schema_version

if TYPE_CHECKING:
    from bot.console import Progress


@dataclass(frozen=True, slots=True)
class Breach:
    """What is wrong with which turn of which session; None: with all of it."""

    session: int | None
    turn: int | None
    what: str

    def __str__(self) -> str:
        where = [("session", self.session), ("turn", self.turn)]
        named = ", ".join(f"{name} {number}" for name, number in where if number is not None)
        return f"{named}: {self.what}" if named else self.what


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at and found. `notes` are worth knowing and break nothing; the counts are
    None where the table cannot be read."""

    database: str
    schema: int
    sessions: int | None
    turns: int | None
    breaches: tuple[Breach, ...]
    notes: tuple[Breach, ...]

    @property
    def holds(self) -> bool:
        return not self.breaches

    def as_json(self) -> dict[str, Any]:
        """The object of `log verify --json`."""
        return {"holds": self.holds, **asdict(self)}


@dataclass(frozen=True, slots=True)
class _Check:
    """A query for (session, turn) of each row that is not as it should be."""

    what: str
    query: str
    since: int = 1


_DECIDED = "FROM turns JOIN decisions ON turn_id = turns.id"
_OF_SESSION = "FROM turns WHERE turns.session_id = states.session_id"
_IN_ORDER = "OVER (PARTITION BY session_id ORDER BY number)"
_CHECKS = (
    _Check(
        "its model or index is not named",
        "SELECT id, NULL FROM sessions WHERE model = '' OR index_digest = ''",
    ),
    _Check(
        "the turn before it is missing",
        f"""SELECT session_id, min(number) FROM
            (SELECT session_id, number, row_number() {_IN_ORDER} AS place FROM turns)
            WHERE number <> place GROUP BY session_id""",
    ),
    _Check(
        "it was written before the turn that precedes it",
        f"""SELECT session_id, number FROM
            (SELECT session_id, number, id, lag(id) {_IN_ORDER} AS previous FROM turns)
            WHERE id < previous""",
    ),
    _Check(
        "it has no decision",
        """SELECT session_id, number FROM turns
            WHERE NOT EXISTS (SELECT 1 FROM decisions WHERE turn_id = turns.id)""",
    ),
    *(
        _Check(f"its {name} cannot be read", f"SELECT session_id, number {_DECIDED} WHERE {wrong}")
        for name, wrong in (
            ("timings", "NOT json_valid(timings)"),
            ("citations", "NOT json_valid(citations)"),
            ("evidence", "NOT json_valid(evidence)"),
            ("time", "julianday(at) IS NULL"),
        )
    ),
    _Check(
        "its decision has no evidence",
        f"""SELECT session_id, number {_DECIDED} WHERE CASE WHEN json_valid(evidence)
            THEN coalesce(json_extract(evidence, '$.rule'), '') = '' ELSE 0 END""",
    ),
    _Check(
        "its decision does not name the model or the index",
        f"SELECT session_id, number {_DECIDED} WHERE model = '' OR index_digest = ''",
    ),
    _Check(
        "what the bot remembers is not what it remembered after the last turn",
        f"""SELECT session_id, turn FROM states
            WHERE turn <> (SELECT coalesce(max(number), 0) {_OF_SESSION})""",
        since=3,
    ),
    _Check(
        "what the bot remembers cannot be read",
        "SELECT session_id, turn FROM states WHERE NOT json_valid(state) OR encoder = ''",
        since=3,
    ),
    _Check(
        "it hands over, and no handoff of it is in the queue",
        f"""SELECT session_id, number {_DECIDED} WHERE kind = 'handoff' AND NOT EXISTS
            (SELECT 1 FROM handoffs AS h WHERE h.session_id = turns.session_id
                AND h.turn = turns.number)""",
        since=4,
    ),
    _Check(
        "its handoff is of a turn that is not there",
        """SELECT session_id, turn FROM handoffs AS h WHERE NOT EXISTS
            (SELECT 1 FROM turns WHERE session_id = h.session_id AND number = h.turn)""",
        since=4,
    ),
    _Check(
        "the summary of its handoff cannot be read",
        "SELECT session_id, turn FROM handoffs WHERE NOT json_valid(summary)",
        since=4,
    ),
    _Check(
        "search does not find it",
        """SELECT session_id, number FROM turns
            WHERE id NOT IN (SELECT id FROM turns_text_docsize)""",
        since=2,
    ),
    _Check(
        "search still holds words of a turn that was erased",
        "SELECT NULL, NULL FROM turns_text_docsize WHERE id NOT IN (SELECT id FROM turns)",
        since=2,
    ),
)
_ERASING = _Check(
    "its erasure was interrupted; the next `frontdesk log forget` or `prune` finishes it",
    f"SELECT id, NULL FROM sessions WHERE channel = '{ERASING}'",
)
_CLOCK = _Check(
    "the clock was set back before it",
    f"""SELECT session_id, number FROM (SELECT session_id, number, at,
            coalesce(lag(at) {_IN_ORDER}, started_at) AS previous
        FROM turns JOIN sessions ON sessions.id = session_id)
        WHERE julianday(at) < julianday(previous)""",
)
_Step = Callable[[sqlite3.Connection], Iterator[Breach]]


def verify(path: Path, progress: "Progress | None" = None) -> Verified:
    """Look for all that breaks the invariant in a log, as it is at this moment.

    Raises:
        BotError: it is not there, is no log, or is a newer version's.
    """
    refuse_half(path)
    if not path.is_file():
        raise BotError(f"{path} is not there; name a database, or run `frontdesk chat` first")
    with in_words(path), closing(read_only(path)) as connection:
        schema = _schema(connection, path)
        connection.execute("BEGIN")  # one moment, whoever goes on writing
        breaches, notes = _breaches(connection, schema, progress), _notes(connection)
        interrupted = {note.session for note in notes if note.what == _ERASING.what}
        return Verified(
            database=str(path),
            schema=schema,
            sessions=_count(connection, "sessions"),
            turns=_count(connection, "turns"),
            breaches=tuple(one for one in breaches if one.session not in interrupted),
            notes=notes,
        )


def _breaches(
    connection: sqlite3.Connection, schema: int, progress: "Progress | None"
) -> Iterator[Breach]:
    checks = [check for check in _CHECKS if check.since <= schema]
    steps: list[tuple[str, _Step]] = [
        ("the file", _of_the_file),
        ("which rows belong together", _orphans),
        *((f'"{check.what}"', partial(_found, check)) for check in checks),
    ]
    for done, (what, step) in enumerate(steps, start=1):
        yield from _tolerantly(what, step, connection)
        if progress:
            progress("verify", done, len(steps))


def _notes(connection: sqlite3.Connection) -> tuple[Breach, ...]:
    steps = [(f'"{note.what}"', partial(_found, note)) for note in (_CLOCK, _ERASING)]
    return tuple(note for what, step in steps for note in _tolerantly(what, step, connection))


def _tolerantly(what: str, step: _Step, connection: sqlite3.Connection) -> list[Breach]:
    """What a step finds; that it cannot look for it is a finding too."""
    try:
        return list(step(connection))
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
            raise
        return [Breach(None, None, f"{what} cannot be checked: {error}")]


def _schema(connection: sqlite3.Connection, path: Path) -> int:
    try:
        version = schema_version(connection, path, SCHEMA)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        raise BotError(
            f"{path} is damaged so much that nothing in it can be read; restore it from a copy, or"
            " move it away"
        ) from error
    if not version:
        raise BotError(f"{path} is no log of Frontdesk: it has no schema version; name another")
    return version


def _of_the_file(connection: sqlite3.Connection) -> Iterator[Breach]:
    damage = _damage(connection, "PRAGMA integrity_check")
    yield from (Breach(None, None, f"the file is damaged: {what}") for what in damage)
    if damage:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
        for (table,) in connection.execute(query).fetchall():
            if _damage(connection, f"PRAGMA quick_check('{table}')"):
                yield Breach(None, None, f"the table {table} is damaged")


def _damage(connection: sqlite3.Connection, check: str) -> list[str]:
    try:
        return [" ".join(what.split()) for (what,) in connection.execute(check) if what != "ok"]
    except sqlite3.DatabaseError as error:  # so much that SQLite cannot even go through it
        return [str(error)]


def _orphans(connection: sqlite3.Connection) -> Iterator[Breach]:
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        session, turn = (_turn(connection, row) if table == "turns" else None) or (None, None)
        yield Breach(session, turn, f"row {row} of {table} belongs to no row of {parent}")


def _turn(connection: sqlite3.Connection, row: int) -> tuple[int, int] | None:
    query = "SELECT session_id, number FROM turns WHERE id = ?"
    found: tuple[int, int] | None = connection.execute(query, (row,)).fetchone()
    return found


def _found(check: _Check, connection: sqlite3.Connection) -> Iterator[Breach]:
    rows = connection.execute(check.query)
    return (Breach(session, turn, check.what) for session, turn in rows)


def _count(connection: sqlite3.Connection, table: str) -> int | None:
    try:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    except sqlite3.DatabaseError:  # what is wrong is found again, and told, by the checks
        return None
    return count
