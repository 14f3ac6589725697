"""`frontdesk log verify` names whatever breaks the invariant, and changes nothing."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from bot.sessions.migrations import SCHEMA
from bot.workspace import Workspace

Converse = Callable[..., int]
Frontdesk = Callable[..., tuple[int, str, str]]
HERE = Path(__file__).resolve().parent
WRITER = HERE.with_name("log_writer.py")


def spoil(workspace: Workspace, *statements: str) -> None:
    """Change the log as no Frontdesk would."""
    with closing(sqlite3.connect(workspace.database, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def test_a_log_that_is_whole(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("where is BK-1234?", "thanks")
    converse("我要退款")
    code, out, _ = frontdesk("log", "verify", "-w", workspace.root)
    assert (code, out) == (0, "3 turns of 2 sessions: the log is whole\n")
    assert json.loads(frontdesk("log", "verify", "--json", "-w", workspace.root)[1]) == {
        "holds": True,
        "database": str(workspace.database),
        "schema": SCHEMA,
        "sessions": 2,
        "turns": 3,
        "breaches": [],
        "notes": [],
    }


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (
            ["DELETE FROM turns WHERE session_id = 1 AND number = 2"],
            "session 1, turn 3: the turn before it is missing",
        ),
        (["DELETE FROM decisions WHERE turn_id = 4"], "session 2, turn 1: it has no decision"),
        (
            ["UPDATE decisions SET evidence = '{}' WHERE turn_id = 2"],
            "session 1, turn 2: its decision has no evidence",
        ),
        (
            ["UPDATE decisions SET evidence = '{\"rule' WHERE turn_id = 2"],
            "session 1, turn 2: its evidence cannot be read",
        ),
        (
            ["UPDATE turns SET timings = '' WHERE id = 1"],
            "session 1, turn 1: its timings cannot be read",
        ),
        (
            ["UPDATE decisions SET citations = 'none' WHERE turn_id = 1"],
            "session 1, turn 1: its citations cannot be read",
        ),
        (
            ["UPDATE decisions SET model = '' WHERE turn_id = 3"],
            "session 1, turn 3: its decision does not name the model or the index",
        ),
        (
            ["UPDATE sessions SET index_digest = '' WHERE id = 2"],
            "session 2: its model or index is not named",
        ),
        (
            ["UPDATE turns SET at = 'yesterday' WHERE id = 4"],
            "session 2, turn 1: its time cannot be read",
        ),
        (
            [
                "UPDATE turns SET number = 9 WHERE id = 1",
                "UPDATE turns SET number = 1 WHERE id = 2",
                "UPDATE turns SET number = 2 WHERE id = 9 OR number = 9",
            ],
            "session 1, turn 2: it was written before the turn that precedes it",
        ),
        (
            ["UPDATE turns SET session_id = 7 WHERE id = 4"],
            "session 7, turn 1: row 4 of turns belongs to no row of sessions",
        ),
        (
            ["DROP TRIGGER turns_text_removed", "DELETE FROM turns WHERE id = 4"],
            "search still holds words of a turn that was erased",
        ),
        (
            ["INSERT INTO turns_text (turns_text) VALUES ('delete-all')"],
            "session 2, turn 1: search does not find it",
        ),
        (
            ["INSERT INTO states VALUES (1, 2, 'encoder', '{}')"],
            "session 1, turn 2: what the bot remembers is not what it remembered after the last"
            " turn",
        ),
        (
            ["INSERT INTO states VALUES (1, 3, 'encoder', '{\"State')"],
            "session 1, turn 3: what the bot remembers cannot be read",
        ),
    ],
)
def test_each_breach_is_named(
    frontdesk: Frontdesk,
    workspace: Workspace,
    converse: Converse,
    statements: list[str],
    told: str,
) -> None:
    converse("one", "two", "three")
    converse("four")
    spoil(workspace, "PRAGMA foreign_keys = OFF", *statements)
    code, out, _ = frontdesk("log", "verify", "-w", workspace.root)
    assert code == 1
    assert told in out.splitlines()
    assert "breaks the invariant in" in out.splitlines()[-1]


def test_a_breach_in_json_has_its_session_and_turn(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("one", "two")
    spoil(workspace, "DELETE FROM decisions WHERE turn_id = 2")
    code, out, _ = frontdesk("log", "verify", "--json", "-w", workspace.root)
    found = json.loads(out)
    assert (code, found["holds"]) == (1, False)
    assert found["breaches"] == [{"session": 1, "turn": 2, "what": "it has no decision"}]


def test_a_clock_that_was_set_back_is_told_and_breaks_nothing(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("one", "two")
    spoil(workspace, "UPDATE turns SET at = '2025-12-31T23:59:59.000+00:00' WHERE number = 2")
    code, out, _ = frontdesk("log", "verify", "-w", workspace.root)
    assert code == 0
    assert out.splitlines()[0] == "note: session 1, turn 2: the clock was set back before it"


def test_a_damaged_page_is_a_finding(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse(*["a long message about bread " * 20] * 40)
    data = bytearray(workspace.database.read_bytes())
    for page in range(8192, len(data), 4096):
        data[page : page + 512] = b"\xff" * 512
    workspace.database.write_bytes(bytes(data))
    code, out, err = frontdesk("log", "verify", "-w", workspace.root)
    assert code == 1
    assert "damaged" in out
    assert "Traceback" not in err


def test_verifying_changes_no_byte_not_even_of_an_old_log(
    frontdesk: Frontdesk, workspace: Workspace
) -> None:
    old = HERE.with_name("log_of_schema_1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(workspace.database)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(old)
        before = digests(workspace)  # while it is open, its newest rows are in the -wal
        assert len(before) == 2
        code, out, _ = frontdesk("log", "verify", "-w", workspace.root)
        assert (code, out.splitlines()[-1]) == (0, "4 turns of 2 sessions: the log is whole")
        assert digests(workspace) == before


def digests(workspace: Workspace) -> dict[str, str]:
    files = [workspace.database, workspace.database.with_name("frontdesk.db-wal")]
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in files if file.exists()}


def test_a_wal_that_a_killed_process_left_stays(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("one")
    kill_itself = (
        "import os, signal, sqlite3, sys; d = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "d.execute(\"UPDATE sessions SET channel = 'pipe'\"); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", kill_itself, workspace.database], check=False)
    before = digests(workspace)
    assert len(before) == 2
    assert frontdesk("log", "verify", "-w", workspace.root)[0] == 0
    assert digests(workspace) == before


def test_any_database_may_be_named(
    frontdesk: Frontdesk, tmp_path: Path, workspace: Workspace, converse: Converse
) -> None:
    converse("hello")
    copy = workspace.database.rename(tmp_path / "copy.db")
    assert frontdesk("log", "verify", copy)[:2] == (0, "1 turns of 1 sessions: the log is whole\n")


def test_what_cannot_be_verified_is_said_in_a_sentence(
    frontdesk: Frontdesk, tmp_path: Path
) -> None:
    path = tmp_path / "x.db"
    missing = f"frontdesk: {path} is not there; name a database, or run `frontdesk chat` first\n"
    assert frontdesk("log", "verify", path) == (2, "", missing)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE things (a)")
    assert frontdesk("log", "verify", path)[2] == (
        f"frontdesk: {path} is no log of Frontdesk: it has no schema version; name another\n"
    )
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    assert "install the newer Frontdesk" in frontdesk("log", "verify", path)[2]
    path.write_bytes(b"a diary, not a database\n" * 100)
    assert "is not a database" in frontdesk("log", "verify", path)[2]


def test_it_verifies_while_others_write(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("hello")
    command = [sys.executable, str(WRITER), str(workspace.database), "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        try:
            for _ in range(5):
                writer.stdout.readline()
                code, out, _ = frontdesk("log", "verify", "-w", workspace.root)
                assert (code, out[-17:]) == (0, "the log is whole\n")
        finally:
            writer.kill()
