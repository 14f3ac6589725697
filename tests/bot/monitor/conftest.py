"""Logs that are made up: `write(path, said(...), ...)` has what the monitor reads, at any time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sessions.migrations import MIGRATIONS, SCHEMA

NOW = datetime(2026, 1, 30, 12, 5, tzinfo=UTC).timestamp()
"""A Friday."""
SECRET = "my card is 4111 1111 1111 1111"


@dataclass(frozen=True)
class Said:
    """A message and what the bot did; `ago` in seconds before NOW."""

    ago: float
    session: int = 1
    kind: str = "template"
    intent: str | None = "track"
    sentiment: str | None = None
    ms: float = 10.0
    verdict: str | None = None


Write = Callable[..., None]


@pytest.fixture
def write() -> Write:
    """`write(path, said, now=NOW)` adds turns to a log, made where there is none."""
    return add


def add(path: Path, said: Iterable[Said], now: float = NOW) -> None:
    with closing(sqlite3.connect(path)) as database:
        if not database.execute("PRAGMA user_version").fetchone()[0]:
            database.execute("PRAGMA journal_mode = WAL")
            for migration in MIGRATIONS:
                for statement in migration:
                    database.execute(statement)
            database.execute(f"PRAGMA user_version = {SCHEMA}")
        numbers: dict[int, int] = dict(
            database.execute("SELECT session_id, max(number) FROM turns GROUP BY 1")
        )
        for one in said:
            numbers[one.session] = numbers.get(one.session, 0) + 1
            _add(database, one, numbers[one.session], _stamp(now - one.ago))
        database.commit()


def _add(database: sqlite3.Connection, said: Said, number: int, at: str) -> None:
    if number == 1:
        session = (said.session, at, "pipe", "m", "d")
        database.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", session)
    turn = (said.session, number, at, SECRET, "ok", said.ms, "{}")
    columns = "session_id, number, at, message, reply, ms, timings"
    cursor = database.execute(f"INSERT INTO turns ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", turn)
    evidence = json.dumps({"rule": "unknown", "sentiment": said.sentiment})
    decision = (cursor.lastrowid, said.kind, None, "[]", evidence, said.intent, 0.9, "m", "d")
    database.execute(
        """INSERT INTO decisions (turn_id, kind, template, citations, evidence, intent, confidence,
            model, index_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        decision,
    )
    if said.verdict:
        row = (cursor.lastrowid, said.verdict, "", at)
        database.execute(
            "INSERT INTO feedback (turn_id, verdict, note, at) VALUES (?, ?, ?, ?)", row
        )


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def weeks(days: float, hourly: int = 6, *, surge: float = 0.0, until: float = 0.0) -> list[Said]:
    """Chats of one message each for so many days, one in twelve a handoff; in the last `surge`
    hours every one. They end `until` hours before NOW."""
    gap = 3600 / hourly
    count = int(days * 24 * hourly)
    found = []
    for number in range(count):
        ago = until * 3600 + (count - number) * gap
        hand_over = number % 12 == 0 or ago < surge * 3600
        found.append(Said(ago, number + 1, "handoff" if hand_over else "template"))
    return found
