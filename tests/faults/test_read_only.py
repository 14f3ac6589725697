"""Folders and files that may not be written, or read: one sentence, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]
Killer = Any  # tests/faults/conftest.py
DATABASE = "frontdesk.db may not be written; allow writing to it and to its folder"
DENIED = "permission denied; allow reading and writing it, then run the command again;"
KEPT = "may not be written (Permission denied), and a new version is kept there; allow writing to"
INDEX = "the index could not be written (unable to open database file); make room or change"

CASES: dict[str, tuple[str, int, tuple[str, ...], str]] = {
    "folder": ("", 0o500, ("chat",), DATABASE),
    "folder, read": ("", 0o500, ("log", "stats"), DATABASE),
    "folder, erase": ("", 0o500, ("log", "forget", "1", "--yes"), DATABASE),
    "export": ("kb", 0o500, ("log", "export", "{root}/kb/x.jsonl"), DENIED),
    "folder, replay": (
        "",
        0o500,
        ("replay", "{root}/chats"),
        "replays.db cannot be opened; its folder must exist and allow writing",
    ),
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


def test_a_log_in_a_folder_that_may_only_be_read_can_be_proved(
    killer: Killer, workspace: Workspace
) -> None:
    workspace.root.chmod(0o500)
    try:
        done = killer.run(("log", "verify", "-w", workspace.root), humble=True)
    finally:
        workspace.root.chmod(0o700)
    assert (done.code, done.out) == (0, b"1 turns of 1 sessions: the log is whole\n")
