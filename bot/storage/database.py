"""SQLite as every store of a workspace uses it: WAL, patient writers, numbered migrations, and
errors in words.

Many processes may write one file: WAL lets readers go on, and a writer waits for its turn. WAL with
synchronous=NORMAL survives the death of the process at any instant; a power cut may lose the last
transactions, never the database.
"""

import os
import random
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bot.errors import BotError

Migrations = Sequence[Sequence[str]]
"""Each is applied once, in order; a released one is never edited, only followed by another."""

BUSY_TIMEOUT_S = 30.0
LOOKED_THROUGH = 100_000_000
"""Bytes of a database that are looked through for damage in some tenths of a second."""


def connect(path: Path, migrations: Migrations) -> sqlite3.Connection:
    """Open a database, made or brought to the present schema first where that is needed.

    Raises:
        BotError: it is no database, a newer version's, damaged, or cannot be written.
    """
    refuse_half(path)
    with in_words(path):
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            _prepare(connection, path, migrations)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_to_read(path: Path, migrations: Migrations, since: int) -> sqlite3.Connection:
    """A connection that can write nothing to a database of schema `since` or later, which need not
    be writable; an older one is brought to the present schema first.

    Raises:
        BotError: it is no database, a newer version's, damaged, cannot be read, or is too old and
            may not be written.
    """
    with in_words(path):
        with closing(read_only(path)) as connection:
            old = schema_version(connection, path, len(migrations)) < since
        if old:
            connect(path, migrations).close()
        return read_only(path)


def read_only(path: Path) -> sqlite3.Connection:
    """A connection to a database that is there, which can write nothing. Where its write-ahead log
    is not there, nobody writes it; whoever may not write it must make none beside it, which would
    be in the way of those who may, and SQLite must be told.

    Raises:
        BotError: it is empty, and its write-ahead log is not.
    """
    refuse_half(path)
    may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    beside = may_write or path.with_name(f"{path.name}-wal").exists()
    uri = f"{path.resolve().as_uri()}?mode=ro{'' if beside else '&immutable=1'}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)


def refuse_half(path: Path) -> None:
    """BotError where a database is gone or empty and its write-ahead log is not: SQLite would begin
    a new one and delete the log, and with it turns that were acknowledged."""
    wal = path.with_name(f"{path.name}-wal")
    if _size(wal) and not _size(path):
        raise BotError(
            f"{path} is gone or empty, and {wal.name} beside it is not: they belong together; put"
            f" the database back from a copy, or move {wal.name} away to begin a new one"
        )


def refuse_damaged(connection: sqlite3.Connection, path: Path) -> None:
    """BotError where a database that is about to be written is damaged. A very large one is not
    looked through, as that takes seconds: there SQLite finds out only where it reads."""
    if _size(path) <= LOOKED_THROUGH:
        with in_words(path):
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise BotError(f"{path} {_DAMAGED}")


def _size(path: Path) -> int:
    """In bytes; 0 where it is not there."""
    return path.stat().st_size if path.is_file() else 0


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """IMMEDIATE, because a transaction that starts by reading may not wait for a writer."""
    _begin(connection)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:  # Ctrl-C included: what is written is there whole or not at all
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def storable(text: str) -> str:
    """The text as it is, but for halves of characters, which no file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def schema_version(connection: sqlite3.Connection, path: Path, known: int) -> int:
    """The version of a database's schema, 0 of an empty one. BotError where it is above `known`."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > known:
        raise BotError(
            f"{path} has schema version {version}, and this Frontdesk knows versions up to"
            f" {known}; install the newer Frontdesk that wrote it"
        )
    return version


def _prepare(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    if schema_version(connection, path, len(migrations)) < len(migrations):
        refuse_damaged(connection, path)
        _use_wal(connection)
        _migrate(connection, path, migrations)


def _begin(connection: sqlite3.Connection) -> None:
    """Begin to write. SQLite looks for the lock at ever longer intervals, up to 0.1 s, so that one
    of many writers waits for seconds; we look all the time."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        _patiently(connection, "BEGIN IMMEDIATE")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(1000 * BUSY_TIMEOUT_S)}")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for other writers here, so we do."""
    _patiently(connection, "PRAGMA journal_mode = WAL")


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_JITTER.uniform(0.001, 0.005))


_JITTER = random.Random()
"""Writers that wait at the same pace meet again and again."""


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    """Apply what is missing, each in one transaction; whoever comes second finds nothing to do."""
    for number, migration in enumerate(migrations, start=1):
        with transaction(connection):
            if schema_version(connection, path, len(migrations)) >= number:
                continue
            for statement in migration:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")


_DAMAGED = "is damaged; restore it from a copy, or move it away; `frontdesk log verify` says where"
_TROUBLES: Mapping[int, str] = {
    sqlite3.SQLITE_NOTADB: "is not a database; move it away and a new one is begun",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: "cannot grow because the disk is full; free some space and try again "
    "(every turn that was answered is kept)",
    sqlite3.SQLITE_READONLY: "may not be written; allow writing to it and to its folder",
    sqlite3.SQLITE_PERM: "may not be written; allow writing to it and to its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; its folder must exist and allow writing",
    sqlite3.SQLITE_BUSY: "is kept locked by another program; close that program and try again",
    sqlite3.SQLITE_IOERR: "cannot be read or written; check the disk and the space on it",
}


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Say what a database error means and what to do about it, as a BotError."""
    try:
        yield
    except sqlite3.Error as error:
        trouble = _TROUBLES.get(_code(error), f"failed ({error}); check the file and its disk")
        raise BotError(f"{path} {trouble}") from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 when the error is Python's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
