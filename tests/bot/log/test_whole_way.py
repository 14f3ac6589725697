"""From a chat to its export, a replay of that, and the customer's erasure: the real programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]


def test_a_customer_is_chatted_with_exported_replayed_and_forgotten(
    frontdesk: Frontdesk, trained_workspace: Workspace, tmp_path: Path
) -> None:
    root, path = trained_workspace.root, tmp_path / "log.jsonl"
    said = b"where is my parcel BK-0001\nzqxvjkwpgf zvkjxq\nthanks for monday\n"
    assert frontdesk("chat", "-w", root, stdin=said)[0] == 0
    assert frontdesk("log", "verify", "-w", root)[0] == 0

    assert frontdesk("log", "export", path, "--keep-personal-data", "-w", root)[0] == 0
    code, out, _ = frontdesk("replay", path, "--include-trained", "--json", "-w", root)
    assert (code, json.loads(out)["turns"]) == (0, 3)
    databases = [*root.glob("frontdesk.db*"), *root.glob("replays.db*")]
    assert sum(file.read_bytes().count(b"zqxv") for file in databases) > 1

    code, out, _ = frontdesk("log", "forget", "--customer", "zqxv", "--yes", "--json", "-w", root)
    erased = json.loads(out)
    assert (code, erased["sessions"], erased["turns"], erased["replay_turns"]) == (0, [1], 3, 3)
    databases = [*root.glob("frontdesk.db*"), *root.glob("replays.db*")]
    for trace in (b"zqx", b"vjk", b"kjx", b"BK-0001"):
        assert not any(trace in file.read_bytes() for file in databases)
    assert frontdesk("replay", "--show", "1", "-w", root)[0] == 0
