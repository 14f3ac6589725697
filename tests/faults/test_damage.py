"""A damaged database: it is said what is damaged, and nothing is written into it or over it."""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing

import pytest

from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]
PAGE = 4096
REMEDY = "restore it from a copy, or move it away; `frontdesk log verify` says where"
NO_DATABASE = "is not a database; move it away and a new one is begun"


@pytest.fixture
def workspace(frontdesk: Frontdesk, base_workspace: Workspace) -> Workspace:
    """A log of two sessions, with free pages where a third one was."""
    for message in (b"monday " * 99, b"tuesday " * 99, b"sunday"):
        code, _, err = frontdesk("chat", "-w", base_workspace.root, stdin=b"%b\n" % message * 9)
        assert code == 0, err
    with closing(sqlite3.connect(base_workspace.database)) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("DELETE FROM sessions WHERE id = 1")
    return base_workspace


def flip(workspace: Workspace, start: int, length: int = 64) -> None:
    """Turn so many bytes of the database over."""
    data = bytearray(workspace.database.read_bytes())
    data[start : start + length] = bytes(byte ^ 0xFF for byte in data[start : start + length])
    workspace.database.write_bytes(bytes(data))


def header(workspace: Workspace) -> None:
    flip(workspace, 0)


def list_of_tables(workspace: Workspace) -> None:
    flip(workspace, 100, 400)


def page_of(table: str) -> Callable[[Workspace], None]:
    def damage(workspace: Workspace) -> None:
        with closing(sqlite3.connect(workspace.database)) as database:
            query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
            root = database.execute(query, (table,)).fetchone()[0]
        flip(workspace, (root - 1) * PAGE)

    return damage


def free_page(workspace: Workspace) -> None:
    first = struct.unpack(">I", workspace.database.read_bytes()[32:36])[0]
    assert first
    flip(workspace, (first - 1) * PAGE)


def end_is_missing(workspace: Workspace) -> None:
    os.truncate(workspace.database, workspace.database.stat().st_size - 5000)


DAMAGES = {
    "header": (header, NO_DATABASE, NO_DATABASE),
    "list of tables": (list_of_tables, f"is damaged; {REMEDY}", "cannot be checked"),
    "turns": (page_of("turns"), f"is damaged; {REMEDY}", "the table turns is damaged"),
    "decisions": (page_of("decisions"), f"is damaged; {REMEDY}", "the table decisions is damaged"),
    "feedback": (page_of("feedback"), f"is damaged; {REMEDY}", "the table feedback is damaged"),
    "search": (page_of("turns_text_data"), f"is damaged; {REMEDY}", "turns_text_data is damaged"),
    "free page": (free_page, f"is damaged; {REMEDY}", "freelist"),
    "end": (end_is_missing, f"is damaged; {REMEDY}", "nothing in it can be read; restore it"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_it_is_named_and_nothing_is_written(
    frontdesk: Frontdesk, workspace: Workspace, name: str
) -> None:
    damage, told, found = DAMAGES[name]
    damage(workspace)
    before = workspace.database.read_bytes()
    root = workspace.root
    code, out, err = frontdesk("log", "verify", "-w", root)
    assert code in (1, 2)
    assert found in out + err
    said = f"frontdesk: {workspace.database} {told}\n"
    code, out, err = frontdesk("chat", "-w", root, stdin=b"monday\n")
    assert (code, out, err.splitlines(keepends=True)[-1]) == (2, "", said)
    code, _, err = frontdesk("log", "forget", "2", "--yes", "-w", root)
    assert code == 2
    assert err.endswith(said)
    assert workspace.database.read_bytes() == before


def test_a_large_log_is_not_looked_through_and_sqlite_finds_what_it_reads(
    frontdesk: Frontdesk, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.database.LOOKED_THROUGH", 0)
    page_of("turns")(workspace)
    code, out, err = frontdesk("chat", "-w", workspace.root, stdin=b"monday\n")
    assert (code, out.count("\n")) == (1, 1)
    assert err.endswith(f"error: line 1: {workspace.database} is damaged; {REMEDY}\n")


def test_an_empty_database_is_said_to_be_begun_anew(
    frontdesk: Frontdesk, workspace: Workspace
) -> None:
    workspace.database.write_bytes(b"")
    code, _, err = frontdesk("chat", "-w", workspace.root, stdin=b"monday\n")
    said = f"{workspace.database} was empty: a new log is begun in it"
    assert (code, err.splitlines()[-1]) == (0, said)
    with SessionLog.open(workspace.database) as log:
        assert [session.turns for session in log.sessions()] == [1]


@pytest.mark.parametrize("gone", [True, False])
def test_a_write_ahead_log_without_its_database_is_never_thrown_away(
    frontdesk: Frontdesk, workspace: Workspace, gone: bool
) -> None:
    """SQLite would begin a new database and delete what the killed chat had written."""
    path = workspace.database
    wal = path.with_name("frontdesk.db-wal")
    with SessionLog.open(path) as log:
        log.start_session(channel="test", model="v1", index_digest="ab")
        written = wal.read_bytes()
    assert written
    wal.write_bytes(written)
    if gone:
        path.unlink()
    else:
        path.write_bytes(b"")
    said = (
        f"frontdesk: {path} is gone or empty, and frontdesk.db-wal beside it is not: they belong"
        " together; put the database back from a copy, or move frontdesk.db-wal away to begin a"
        " new one\n"
    )
    code, out, err = frontdesk("chat", "-w", workspace.root, stdin=b"monday\n")
    assert (code, out, err.splitlines(keepends=True)[-1]) == (2, "", said)
    assert frontdesk("log", "verify", "-w", workspace.root) == (2, "", said)
    assert wal.read_bytes() == written
