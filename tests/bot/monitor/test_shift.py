"""The last turns are compared with the chats that the thresholds were certified on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bot.live
import bot.risk.traffic
from bot.errors import BotError, NoModel
from bot.monitor.shift import shift
from bot.workspace import Workspace, open_workspace
from tests.bot.monitor.conftest import Said, Write


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "frontdesk.toml").write_text('name = "Shop"\n', encoding="utf-8")
    return open_workspace(tmp_path)


def test_the_turns_of_the_live_model_are_compared_by_their_best_intent(
    workspace: Workspace, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(workspace.database, [Said(30, 1), Said(20, 2), Said(10, 2), Said(5, 3)])
    readings: Sequence[Sequence[tuple[str, float]]] = [
        [("oos", 0.9), ("track", 0.1)], [("track", 0.7), ("oos", 0.2)], [], [("track", 1.0)],
    ]  # fmt: skip
    with closing(sqlite3.connect(workspace.database)) as database:
        for number, reading in enumerate(readings, start=1):
            intents = [{"name": name, "score": score} for name, score in reading]
            row = (json.dumps({"intents": intents}), number)
            database.execute("UPDATE decisions SET evidence = ? WHERE turn_id = ?", row)
        database.execute("UPDATE decisions SET model = 'another' WHERE turn_id = 4")
        database.commit()
    given = []

    def shift_of(_: object, chats: Sequence[str], confidence: np.ndarray[Any, Any]) -> str:
        given.append((list(chats), np.round(confidence, 3).tolist()))
        return "traffic has moved"

    monkeypatch.setattr(bot.live, "live_model", lambda _: SimpleNamespace(fingerprint="m"))
    monkeypatch.setattr(bot.risk.traffic, "shift_of", shift_of)
    assert shift(workspace) == "traffic has moved"
    [(chats, confidence)] = given
    assert (chats, confidence) == (["2", "2", "1"], [0.0, pytest.approx(0.7), pytest.approx(0.1)])


@pytest.mark.parametrize("error", [NoModel("there is none"), BotError("it is damaged")])
def test_without_a_model_nothing_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, error: BotError
) -> None:
    def fail(_: Workspace) -> None:
        raise error

    monkeypatch.setattr(bot.live, "live_model", fail)
    assert shift(workspace) == ""


def test_without_a_log_nothing_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.live, "live_model", lambda _: SimpleNamespace(fingerprint="m"))
    assert shift(workspace) == ""
