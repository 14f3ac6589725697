"""A clock that jumps: turns have their order by number, and a wrong date erases no session."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]
NOW = datetime.now(UTC)


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat(timespec="milliseconds")


@pytest.fixture
def dated(
    frontdesk: Frontdesk, base_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Workspace]:
    """`dated((start, first turn, second turn), ...)`: chats under a clock that says these times."""

    def dated_(*chats: tuple[str, ...]) -> Workspace:
        for times in chats:
            said = iter(times)
            monkeypatch.setattr("bot.sessions.session_log._now", lambda said=said: next(said))
            typed = b"monday\n" * (len(times) - 1)
            code, _, err = frontdesk("chat", "-w", base_workspace.root, stdin=typed)
            assert code == 0, err
        return base_workspace

    return dated_


def test_turns_have_their_order_whatever_the_clock_says(
    frontdesk: Frontdesk, dated: Callable[..., Workspace], tmp_path: Path
) -> None:
    root = dated((ago(3), ago(3), ago(-400), ago(9000), ago(2))).root
    shown = json.loads(frontdesk("log", "show", "1", "--json", "-w", root)[1])["turns"]
    assert [turn["number"] for turn in shown] == [1, 2, 3, 4]
    last = json.loads(frontdesk("log", "show", "--last", "2", "--json", "-w", root)[1])["turns"]
    assert [turn["number"] for turn in last] == [3, 4]
    path = tmp_path / "log.jsonl"
    assert frontdesk("log", "export", path, "-w", root)[0] == 0
    [chat] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    times = [turn["at"][:4] for turn in chat["turns"] if turn["speaker"] == "customer"]
    assert times == [time[:4] for time in (ago(3), ago(-400), ago(9000), ago(2))]
    code, out, _ = frontdesk("log", "verify", "-w", root)
    assert (code, out.count("note: session 1, turn")) == (0, 1)
    assert "turn 3: the clock was set back before it" in out


@pytest.mark.parametrize(
    ("chats", "kept"),
    [
        # An old one, and one of today.
        ([(ago(200), ago(200)), (ago(0), ago(0))], [2]),
        # It began today, when a clock without power said 1970.
        ([(ago(1), ago(1)), ("1970-01-01T00:00:00+00:00", "1970-01-01T00:00:01+00:00")], [1, 2]),
        # It is of the future: it ended before the next one began, here long ago.
        ([(ago(-9000), ago(-9000)), (ago(200), ago(200)), (ago(0), ago(0))], [3]),
        # The same, with none after it: it may be of today.
        ([(ago(200), ago(200)), (ago(-9000), ago(-9000))], [2]),
        # Its last turn is of the future, and the next one is of today.
        ([(ago(200), ago(200), ago(-9000)), (ago(1), ago(1))], [1, 2]),
        # It was opened long ago and was used today, beside one that ended long ago.
        ([(ago(200), ago(0)), (ago(199), ago(199))], [1]),
    ],
)
def test_prune_erases_none_that_may_be_young(
    frontdesk: Frontdesk,
    dated: Callable[..., Workspace],
    chats: list[tuple[str, ...]],
    kept: list[int],
) -> None:
    workspace = dated(*chats)
    words = ("log", "prune", "--older-than", "90d", "--yes", "-w", workspace.root)
    assert frontdesk(*words)[0] == 0
    with closing(sqlite3.connect(workspace.database)) as database:
        assert [row[0] for row in database.execute("SELECT id FROM sessions ORDER BY id")] == kept
