"""Folders and files that may not be written, or read: one sentence, and nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]
Killer = Any  # tests/faults/conftest.py
SCHEMA_1 = Path(__file__).parents[1] / "bot" / "log_of_schema_1.sql"
DATABASE = "frontdesk.db may not be written; allow writing to it and to its folder"
DENIED = "permission denied; allow reading and writing it, then run the command again;"
KEPT = "may not be written (Permission denied), and a new version is kept there; allow writing to"
INDEX = "the index could not be written (unable to open database file); make room or change"

CASES: dict[str, tuple[str, int, tuple[str, ...], str]] = {
    "folder": ("", 0o500, ("chat",), DATABASE),
    "folder, erase": ("", 0o500, ("log", "forget", "1", "--yes"), DATABASE),
    "export": ("kb", 0o500, ("log", "export", "{root}/kb/x.jsonl"), DENIED),
    "folder, replay": (
        "",
        0o500,
        ("replay", "{root}/chats"),
        "replays.db cannot be opened; its folder must exist and allow writing",
    ),
    "folder, queue": ("", 0o500, ("handoffs", "close", "1"), DATABASE),
    "database": ("frontdesk.db", 0o400, ("log", "forget", "1", "--yes"), DATABASE),
    "index": ("index", 0o500, ("kb", "build"), INDEX),
    "models": ("models", 0o500, ("models", "use", "base"), DENIED),
    "models, training": ("models", 0o500, ("finetune",), f"models {KEPT}"),
    "index, training": ("index", 0o500, ("finetune",), f"index {KEPT}"),
    "article": ("kb/new.md", 0, ("kb", "build"), "the file cannot be read (Permission denied)."),
    "templates": ("templates.yaml", 0, ("chat",), DENIED),
}
"""Path and mode, command, and what is said."""


@pytest.fixture
def workspace(frontdesk: Frontdesk, trained_workspace: Workspace) -> Workspace:
    assert frontdesk("chat", "-w", trained_workspace.root, stdin=b"thanks for monday\n")[0] == 0
    (trained_workspace.kb / "new.md").write_text("# Doors\n\nThe shop has a new door.\n")
    return trained_workspace


def contents(root: Path) -> dict[str, str]:
    """What is in the files, but for what a command makes anew from the rest when it opens."""
    paths = (path for path in root.rglob("*") if path.is_file() and path.name != "history.jsonl")
    paths = (path for path in paths if path.parent.name != "index")
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.parametrize("name", CASES)
def test_it_is_said_and_nothing_is_changed(killer: Killer, workspace: Workspace, name: str) -> None:
    path, mode, words, told = CASES[name]
    before = contents(workspace.root)
    place = workspace.root / path
    was = place.stat().st_mode
    place.chmod(mode)
    spelled = [word.format(root=workspace.root) for word in words]
    try:
        done = killer.run((*spelled, "-w", workspace.root), stdin=b"thanks\n", humble=True)
    finally:
        place.chmod(was)
    assert (done.code, done.out) == (2, b"")
    assert told in done.err.splitlines()[-1]
    after = contents(workspace.root)
    assert {name: after.get(name) for name in before} == before


READING: dict[str, tuple[tuple[str, ...], str]] = {
    "verify": (("log", "verify"), "1 turns of 1 sessions: the log is whole"),
    "show": (("log", "show", "1"), "customer: thanks for monday"),
    "search": (("log", "search", "monday"), "customer: thanks for monday"),
    "stats": (("log", "stats"), "1 turns of 1 sessions"),
    "export": (("log", "export", "{out}"), "1 conversations with 2 turns and 0 labels are in"),
    "handoffs": (("handoffs", "list"), "nobody waits for a person"),
    "gaps": (("gaps", "--log"), "of 1 turns failed"),
    "review": (("review", "--log", "--json"), '"message": "thanks for monday"'),
    "monitor": (("monitor", "--once"), "turns 1, new chats 1"),
}


@pytest.mark.parametrize(("place", "mode"), [("", 0o500), ("frontdesk.db", 0o400)])
@pytest.mark.parametrize("name", READING)
def test_what_only_reads_needs_no_more(
    killer: Killer, workspace: Workspace, tmp_path: Path, name: str, place: str, mode: int
) -> None:
    words, told = READING[name]
    spelled = [word.format(out=tmp_path / "out.jsonl") for word in words]
    beside = {path.name for path in workspace.root.glob("frontdesk.db*")}
    was = (workspace.root / place).stat().st_mode
    (workspace.root / place).chmod(mode)
    try:
        done = killer.run((*spelled, "-w", workspace.root), humble=True)
    finally:
        (workspace.root / place).chmod(was)
    assert (done.code, told in done.out.decode()) == (0, True), done.err
    assert {path.name for path in workspace.root.glob("frontdesk.db*")} == beside


def test_a_log_of_an_earlier_frontdesk_is_brought_up_before_it_is_read(
    killer: Killer, workspace: Workspace
) -> None:
    workspace.database.unlink()
    with closing(sqlite3.connect(workspace.database)) as database:
        database.executescript(SCHEMA_1.read_text(encoding="utf-8"))
    command = ("log", "stats", "-w", workspace.root)
    workspace.root.chmod(0o500)
    try:
        refused = killer.run(command, humble=True)
    finally:
        workspace.root.chmod(0o700)
    assert (refused.code, DATABASE in refused.err) == (2, True)
    assert killer.run(command, humble=True).code == 0
