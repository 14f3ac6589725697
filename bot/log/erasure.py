"""Sessions erased from a workspace's databases so that no byte of them is left there.

Deleting a row leaves its bytes in the file, in the full text and in the write-ahead log. So the
pages are overwritten (secure_delete), the full text is merged, which drops what its deleted rows
left, the file is written anew (VACUUM), and the write-ahead log is emptied.

Chats go on meanwhile: rows go and the full text is merged a little at a time, with pauses in which
others write. Only VACUUM cannot be divided. The sessions are marked first, so that the next
erasure, whichever it is, finishes one that was interrupted.
"""

import re
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from bot.console import silent
from bot.errors import BotError
from bot.log.reading import SESSION
from bot.replay.store import MIGRATIONS as REPLAYS
from bot.storage.database import connect, in_words, refuse_damaged, transaction

if TYPE_CHECKING:
    from bot.console import Progress

PATIENCE_S = 30.0
"""How long the erasing of the last bytes waits for readers and writers."""
BATCH, PAGES, MOST_PAUSE_S = 100, 64, 0.05
"""Turns erased, and pages of the full text merged, in one transaction; the longest pause after."""
ERASING = "erasing"
"""The channel of a session that is being erased."""
_MARKED = f"channel = '{ERASING}'"
_SESSIONS = f"SELECT id FROM sessions WHERE {_MARKED}"


@dataclass(frozen=True, slots=True)
class Doomed:
    """Sessions that are to be erased, with all that people wrote in them."""

    sessions: frozenset[int]
    turns: int
    texts: frozenset[str]


def numbered(connection: sqlite3.Connection, sessions: Iterable[int]) -> Doomed:
    """The sessions of these numbers; those that are erased already are passed over.

    Raises:
        BotError: there was never one of that number.
    """
    wanted = set(sessions)
    query = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'sessions'"
    most = connection.execute(query).fetchone()[0]
    for session in sorted(wanted):
        if not 0 < session <= most:
            raise BotError(f"the log has no session {session}; nothing was erased")
    return _doomed(connection, wanted & _ids(connection, "SELECT id FROM sessions"))


def of_customer(connection: sqlite3.Connection, text: str) -> Doomed:
    """The sessions in which the customer wrote this text, or somebody noted it of a turn, or a slot
    has it; A to Z count as a to z.

    Raises:
        BotError: the text is empty.
    """
    if not text.strip():
        raise BotError("an empty text is in every session; name what the customer wrote")
    query = """SELECT session_id FROM turns WHERE instr(lower(message), lower(?1))
        UNION SELECT session_id FROM turns JOIN feedback ON turn_id = turns.id
        WHERE instr(lower(note), lower(?1))
        UNION SELECT session_id FROM
            (SELECT session_id, state AS kept FROM states UNION ALL
             SELECT session_id, summary FROM handoffs), json_tree(iif(json_valid(kept), kept, '{}'))
        WHERE path LIKE '%.slots%' AND instr(lower(atom), lower(?1))"""
    return _doomed(connection, _ids(connection, query, text))


def older_than(connection: sqlite3.Connection, moment: datetime) -> Doomed:
    """The sessions whose last turn, or beginning where there is none, was before `moment`.

    Clocks err, and numbers do not: a session began no earlier than those of lower numbers, and one
    that claims to be of the future ended when the next began, or now.
    """
    now, limit = _julian(connection, datetime.now(UTC)), _julian(connection, moment)
    query = """SELECT id, coalesce(julianday(started_at), 1e9), coalesce(
        (SELECT max(julianday(at)) FROM turns WHERE session_id = sessions.id),
        julianday(started_at), 1e9) FROM sessions ORDER BY id"""
    ends = _ends(connection.execute(query).fetchall(), now)
    return _doomed(connection, {session for session, ended in ends if ended < limit})


def _ends(rows: Sequence[tuple[int, float, float]], now: float) -> Iterator[tuple[int, float]]:
    """(session, when it ended) from (session, when it began, its last turn), the latest first."""
    begun = [*accumulate((start if start <= now else 0.0 for _, start, _ in rows), max)]
    following = now
    for (session, start, last), earliest in zip(reversed(rows), reversed(begun), strict=True):
        yield session, max(earliest, last) if last <= now else following
        following = following if start > now else earliest


def _julian(connection: sqlite3.Connection, moment: datetime) -> float:
    """In days, as SQLite counts them."""
    found: float = connection.execute("SELECT julianday(?)", (moment.isoformat(),)).fetchone()[0]
    return found


def age(text: str) -> timedelta:
    """How long "90d", "12w" or "36h" is.

    Raises:
        BotError: it is none of these.
    """
    found = re.fullmatch(r"([0-9]{1,5})([hdw])", text.strip())
    if not found:
        raise BotError(f"{text!r} is no age; write it as 90d, 12w or 36h")
    unit = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
    return int(found[1]) * unit[found[2]]


def _ids(connection: sqlite3.Connection, query: str, *values: str) -> set[int]:
    return {row[0] for row in connection.execute(query, values)}


def _doomed(connection: sqlite3.Connection, sessions: Collection[int]) -> Doomed:
    """These sessions, and those whose erasure was interrupted."""
    texts, turns = set[str](), 0
    sessions = {*sessions, *_ids(connection, _SESSIONS)}
    for session in sessions:
        said = connection.execute("SELECT message FROM turns WHERE session_id = ?", (session,))
        messages = [message for (message,) in said]
        noted = """SELECT note FROM feedback JOIN turns ON turns.id = turn_id
            WHERE session_id = ? AND verdict <> 'intent'"""
        texts.update(messages, (note for (note,) in connection.execute(noted, (session,))))
        turns += len(messages)
    return Doomed(frozenset(sessions), turns, frozenset(texts))


def erase(
    connection: sqlite3.Connection, path: Path, doomed: Doomed, progress: "Progress" = silent
) -> None:
    """Erase the sessions from the log in `path`. No byte of them is in its files afterwards.

    Raises:
        BotError: another program reads the log and does not let go of old pages, or the file is
            damaged.
    """
    refuse_damaged(connection, path)
    connection.execute("PRAGMA secure_delete = ON")
    with transaction(connection):
        mark = "UPDATE sessions SET channel = ? WHERE id = ?"
        connection.executemany(mark, ((ERASING, session) for session in doomed.sessions))
        _erase_rows(connection, "replay_turns", doomed)
    _erase_turns(connection, progress)
    with transaction(connection):
        connection.execute(f"DELETE FROM sessions WHERE {_MARKED}")
    _merge_text(connection)
    progress("write the file anew", 0, 1)
    _rewrite(connection, path)
    progress("write the file anew", 1, 1)


def _erase_turns(connection: sqlite3.Connection, progress: "Progress") -> None:
    """The latest first, so that what is left of a session has no gap at any moment."""
    query = f"SELECT id FROM turns WHERE session_id IN ({_SESSIONS}) ORDER BY id DESC"
    turns = connection.execute(query).fetchall()
    for done in range(0, len(turns), BATCH):
        with _briefly(connection):
            connection.executemany("DELETE FROM turns WHERE id = ?", turns[done : done + BATCH])
        progress("erase turns", min(done + BATCH, len(turns)), len(turns))


def _merge_text(connection: sqlite3.Connection) -> None:
    """`optimize` in small steps (https://sqlite.org/fts5.html#the_merge_command): a negative number
    of pages has everything merged, positive ones go on with it until there is nothing to do."""
    merge = "INSERT INTO turns_text (turns_text, rank) VALUES ('merge', ?)"
    pages, changed = -PAGES, 2
    while pages < 0 or changed >= 2:
        with _briefly(connection):
            before = connection.total_changes
            connection.execute(merge, (pages,))
            pages, changed = PAGES, connection.total_changes - before


@contextmanager
def _briefly(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction and a pause as long as it was: a writer that waits finds the lock free half of
    the time."""
    began = time.monotonic()
    with transaction(connection):
        yield
    time.sleep(min(time.monotonic() - began, MOST_PAUSE_S))


def erase_replays(path: Path, doomed: Doomed) -> int:
    """Erase the turns of these sessions from `replays.db`, where a replay read an export of them;
    give their number. The figures of the replays stay."""
    if not path.is_file():
        return 0
    with in_words(path), closing(connect(path, REPLAYS)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        with transaction(connection):
            erased = _erase_rows(connection, "turns", doomed)
        if erased:
            _rewrite(connection, path)
    return erased


def session_of(conversation: str) -> int | None:
    """The session that a chat's name stands for, exported or reviewed; None of other names.

    >>> session_of("session-7"), session_of("reviewed/session-7~2"), session_of("chat-7")
    (7, 7, None)
    """
    found = _NAME.fullmatch(conversation)
    return int(found[1]) if found else None


_NAME = re.compile(rf"(?:reviewed/)?{re.escape(SESSION)}([0-9]+)(?:~[0-9]+)?")


def _erase_rows(connection: sqlite3.Connection, table: str, doomed: Doomed) -> int:
    """The rows of a replay in which the sessions were read."""

    def is_doomed(conversation: str) -> bool:
        return session_of(conversation) in doomed.sessions

    connection.create_function("is_doomed", 1, is_doomed)
    return connection.execute(f"DELETE FROM {table} WHERE is_doomed(conversation)").rowcount


def _rewrite(connection: sqlite3.Connection, path: Path) -> None:
    """Write the file anew and empty its write-ahead log, waiting for whoever is at work on it."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # most of it while others write
    # SQLite looks for a moment without writers ten times a second: busy ones leave it none there.
    connection.execute("PRAGMA busy_timeout = 1")
    deadline = time.monotonic() + PATIENCE_S
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > deadline:
            raise BotError(
                f"the rows are erased from {path}, but another program that reads it keeps old"
                f" pages in {path.name}-wal; close that program and give the command again"
            )
        time.sleep(0.001)
