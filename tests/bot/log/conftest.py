"""A workspace with nothing but settings and a log, and turns that go straight into the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bot.decision import Answer, Evidence, Reading, Scored
from bot.privacy import PLAIN
from bot.sessions.session_log import SessionLog, TurnRecord
from bot.workspace import Workspace, open_workspace

Converse = Callable[..., int]
SETTINGS = """name = "The Bakery"

[entities.order_id]
pattern = 'BK-[0-9]{4}'
ask = "Which order?"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Settings alone; the log begins with the first conversation."""
    root = tmp_path / "bakery"
    root.mkdir()
    (root / "frontdesk.toml").write_text(SETTINGS, encoding="utf-8")
    return open_workspace(root)


@pytest.fixture
def converse(workspace: Workspace) -> Converse:
    """`converse("hello", "bye", at="2026-01-02")` logs a session, masking nothing, and
    gives its number."""

    def converse_(
        *messages: str,
        replies: Sequence[str] = (),
        at: str = "2026-01-02",
        entities: dict[str, str] | None = None,
    ) -> int:
        evidence = Evidence("intent-certain", entities=entities or {})
        reading = Reading((Scored("track", 0.9),))
        with SessionLog.open(workspace.database, PLAIN) as log:
            session = log.start_session(channel="terminal", model="a" * 64, index_digest="b" * 64)
            for number, message in enumerate(messages, start=1):
                reply = replies[number - 1] if replies else "It is on its way."
                turn = (session, number, message, reply, Answer("track", {}, evidence), reading)
                time = f"{at}T10:00:{number:02}.000+00:00"
                log.record(TurnRecord(*turn, 4.5, "a" * 64, "b" * 64, {"encode": 3.0}, time))
            change = "UPDATE sessions SET started_at = ? WHERE id = ?"
            log._connection.execute(change, (f"{at}T10:00:00.000+00:00", session))
        return session

    return converse_


@pytest.fixture
def feedback(workspace: Workspace) -> Callable[..., None]:
    """`feedback(session, turn, verdict, note)` as a person gives it in the chat."""

    def feedback_(session: int, number: int, verdict: str, note: str = "") -> None:
        with SessionLog.open(workspace.database, PLAIN) as log:
            log.feedback(session, number, verdict, note)  # type: ignore[arg-type]

    return feedback_
