"""The turns of the log as values: those of a session, the last ones, those with certain words."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bot.errors import BotError
from bot.privacy import Privacy
from bot.sessions.migrations import MIGRATIONS, READABLE
from bot.storage.database import connect, connect_to_read, in_words, refuse_half

SESSION = "session-"
"""Before the number of a session: the name of a conversation of the live log."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person said of a turn: `good`, `bad`, or `intent` with the right one as its note."""

    verdict: str
    note: str


@dataclass(frozen=True, slots=True)
class LoggedTurn:
    """A turn with its decision and what people said of it; the columns of docs/log.md."""

    session: int
    number: int
    at: str
    message: str
    reply: str
    ms: float
    timings: Mapping[str, float]
    kind: str
    template: str | None
    citations: Sequence[Mapping[str, Any]]
    evidence: Mapping[str, Any]
    intent: str | None
    confidence: float | None
    model: str
    index_digest: str
    feedback: tuple[Judgement, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The log, for reading alone: it need not be writable. One of too old a schema is brought to
    the present one first.

    Raises:
        BotError: nobody has chatted yet, the database cannot be read, or its schema is too old
            and it may not be written.
    """
    _require(path)
    with in_words(path), closing(connect_to_read(path, MIGRATIONS, READABLE)) as connection:
        yield connection


@contextmanager
def opened_to_change(path: Path) -> Iterator[sqlite3.Connection]:
    """The log, to be changed. Raises BotError as `opened` does, or where it may not be written."""
    _require(path)
    with in_words(path), closing(connect(path, MIGRATIONS)) as connection:
        yield connection


def _require(path: Path) -> None:
    refuse_half(path)
    if not path.is_file():
        raise BotError(f"{path} is not there: nobody has chatted yet; run `frontdesk chat` first")


def of_session(
    connection: sqlite3.Connection, session: int, last: int | None = None
) -> list[LoggedTurn]:
    """The turns of a session in order, or its last ones. BotError where there is no session."""
    if not connection.execute("SELECT 1 FROM sessions WHERE id = ?", (session,)).fetchone():
        raise BotError(f"the log has no session {session}; `frontdesk log show` has the last turns")
    return _turns(connection, "session_id = ?", [session], last)[::-1]


def last_of_all(connection: sqlite3.Connection, last: int) -> list[LoggedTurn]:
    """The last turns of all sessions, in the order in which they were said."""
    return _turns(connection, "1", [], last)[::-1]


def with_words(connection: sqlite3.Connection, words: Iterable[str], most: int) -> list[LoggedTurn]:
    """The turns that hold all the words in message or reply, the latest first.

    A word may have spaces in it, and is found inside others ("return" in "returned"). Those of
    three characters or more are found by the index, shorter ones by looking at what is left.
    """
    wanted = [word for word in words if word.strip()]
    if not wanted:
        raise BotError("there is nothing to search for; give a word")
    conditions = [_BY_INDEX if _is_indexed(word) else _BY_LOOKING for word in wanted]
    values = [_quoted(word) if _is_indexed(word) else word for word in wanted]
    return _turns(connection, " AND ".join(conditions), values, most)


_BY_INDEX = "turns.id IN (SELECT rowid FROM turns_text WHERE turns_text MATCH ?)"
_BY_LOOKING = "instr(lower(message || char(10) || reply), lower(?))"


def _is_indexed(word: str) -> bool:
    """The index is of three characters in a row, so it knows no shorter word."""
    return len(word) >= 3


def _quoted(word: str) -> str:
    """The word as FTS5 takes it, whatever is in it."""
    return '"' + word.replace('"', '""') + '"'


_COLUMNS = """session_id, number, at, message, reply, ms, timings, kind, template, citations,
    evidence, intent, confidence, decisions.model, decisions.index_digest,
    (SELECT json_group_array(json_array(verdict, note))
     FROM (SELECT verdict, note FROM feedback WHERE turn_id = turns.id ORDER BY id))"""
_READ = f"SELECT {_COLUMNS} FROM turns JOIN decisions ON turn_id = turns.id"


def _turns(
    connection: sqlite3.Connection, condition: str, values: Sequence[object], most: int | None
) -> list[LoggedTurn]:
    """The latest first."""
    query = f"{_READ} WHERE {condition} ORDER BY turns.id DESC LIMIT ?"
    limit = -1 if most is None else most
    return [_turn(row) for row in connection.execute(query, (*values, limit))]


def _turn(row: Sequence[Any]) -> LoggedTurn:
    *plain, feedback = row
    try:
        for place in (6, 9, 10):  # timings, citations, evidence
            plain[place] = json.loads(plain[place])
    except ValueError:
        raise BotError(
            f"session {row[0]}, turn {row[1]} cannot be read; `frontdesk log verify` says why"
        ) from None
    plain.append(tuple(Judgement(*said) for said in json.loads(feedback)))
    return LoggedTurn(*plain)


def masked(turn: LoggedTurn, privacy: Privacy) -> LoggedTurn:
    """The turn without personal data: rows of a log that was not masked as it was written."""
    return replace(
        turn,
        message=privacy.text(turn.message),
        reply=privacy.text(turn.reply),
        evidence=privacy.evidence(turn.evidence),
        feedback=tuple(replace(said, note=privacy.text(said.note)) for said in turn.feedback),
    )
